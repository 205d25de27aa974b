package io.foothold.cli.size;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.orchestrator.runfile.RunFile;
import java.util.LinkedHashMap;
import java.util.Map;

/** What a chat template is given beside the turns. */
public final class ChatOptions {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private ChatOptions() {}

    /** Those that a run file sets. */
    static Map<String, Object> of(RunFile file) {
        Map<String, Object> out = new LinkedHashMap<>();
        for (String option : file.settings().prompting().chatOptions()) {
            int equals = option.indexOf('=');
            out.put(
                    option.substring(0, equals).strip(),
                    value(option.substring(equals + 1).strip()));
        }
        return out;
    }

    /** A JSON value; anything else is the text itself. */
    public static Object value(String text) {
        try {
            return MAPPER.convertValue(MAPPER.readTree(text), Object.class);
        } catch (JsonProcessingException e) {
            return text;
        }
    }
}
