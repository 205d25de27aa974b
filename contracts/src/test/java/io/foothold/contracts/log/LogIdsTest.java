package io.foothold.contracts.log;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.FailureLog;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.jboss.logging.Logger;
import org.jboss.logging.MDC;
import org.jboss.logmanager.ExtHandler;
import org.jboss.logmanager.ExtLogRecord;
import org.jboss.logmanager.LogContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a line carries beside its text, and how it looks as JSON. */
class LogIdsTest {
    private static final String NAME = "log-ids-test";
    private static final Logger LOG = Logger.getLogger(NAME);

    private final List<ExtLogRecord> records = new ArrayList<>();
    private final ExtHandler handler = new ExtHandler() {
        @Override
        protected void doPublish(ExtLogRecord record) {
            record.copyMdc();
            records.add(record);
        }
    };

    @BeforeEach
    void listen() {
        LogContext.getLogContext().getLogger(NAME).addHandler(handler);
    }

    @AfterEach
    void deafen() {
        LogContext.getLogContext().getLogger(NAME).removeHandler(handler);
    }

    @Test
    void linesCarryTheIdsUntilTheyAreClosedAndThenThoseOfBefore() {
        try (LogIds run = LogIds.ofRun("r1").update(7)) {
            LOG.warn("a");
            try (LogIds inner = LogIds.ofRollout("r1/g2/0").update(8)) {
                LOG.warn("b");
            }
            LOG.warn("c");
        }
        LOG.warn("d");
        assertThat(records)
                .extracting(r -> new TreeMap<>(r.getMdcCopy()).toString())
                .containsExactly(
                        "{run=r1, update=7}", "{rollout=r1/g2/0, run=r1, update=8}", "{run=r1, update=7}", "{}");
        assertThat(MDC.get(LogIds.RUN)).isNull();
    }

    @Test
    void aDefectIsOneLineOfJsonWithItsIdsAndItsStackTrace() throws Exception {
        try (LogIds run = LogIds.ofRun("r1").update(3)) {
            FailureLog.told(LOG, "run r1, update 3", new IllegalStateException("torn \"in two\"\nparts"));
        }
        String line = new JsonLine().format(records.get(0));
        assertThat(line).endsWith("\n").doesNotContainPattern("\\n.");
        JsonNode json = new ObjectMapper().readTree(line);
        assertThat(json.path("message").asText())
                .isEqualTo("run r1, update 3: IllegalStateException: torn \"in two\"\nparts");
        assertThat(json.path("level").asText()).isEqualTo("ERROR");
        assertThat(json.path("loggerName").asText()).isEqualTo(NAME);
        assertThat(json.path("mdc").path("run").asText()).isEqualTo("r1");
        assertThat(json.path("mdc").path("update").asText()).isEqualTo("3");
        assertThat(json.path("stackTrace").asText())
                .contains("IllegalStateException", getClass().getSimpleName());
    }

    @Test
    void everyHandlerBehindAnotherWritesJson() {
        ExtHandler behind = new ExtHandler() {};
        ExtHandler front = new ExtHandler() {};
        front.setHandlers(new java.util.logging.Handler[] {behind});
        JsonLog.format(front, new JsonLine());
        assertThat(behind.getFormatter()).isInstanceOf(JsonLine.class);
    }
}
