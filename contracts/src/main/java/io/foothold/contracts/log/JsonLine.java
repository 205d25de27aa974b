package io.foothold.contracts.log;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Map;
import java.util.TreeMap;
import org.jboss.logmanager.ExtFormatter;
import org.jboss.logmanager.ExtLogRecord;

/**
 * A log record as one JSON object on one line, with the keys of the log manager's own JSON formatter: {@code timestamp} (ISO 8601, UTC),
 * {@code level}, {@code loggerName}, {@code threadName}, {@code message}, the {@link LogIds} under {@code mdc}, and a failure as text in
 * {@code stackTrace}. That formatter itself lives where a packaged application's JSON library is not seen.
 */
final class JsonLine extends ExtFormatter {
    private final ObjectMapper mapper = new ObjectMapper();

    @Override
    public String format(ExtLogRecord record) {
        ObjectNode line = mapper.createObjectNode()
                .put("timestamp", record.getInstant().toString())
                .put("level", String.valueOf(record.getLevel()))
                .put("loggerName", record.getLoggerName())
                .put("threadName", record.getThreadName())
                .put("message", record.getFormattedMessage());
        Map<String, String> ids = new TreeMap<>(record.getMdcCopy());
        if (!ids.isEmpty()) {
            ids.forEach(line.putObject("mdc")::put);
        }
        Throwable thrown = record.getThrown();
        if (thrown != null) {
            StringWriter trace = new StringWriter();
            thrown.printStackTrace(new PrintWriter(trace));
            line.put("stackTrace", trace.toString());
        }
        try {
            return mapper.writeValueAsString(line) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
