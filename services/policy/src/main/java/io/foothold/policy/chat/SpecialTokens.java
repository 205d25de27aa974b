package io.foothold.policy.chat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.hubspot.jinjava.util.HasObjectTruthValue;
import io.foothold.policy.PolicyException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The named tokens that templates print ({@code bos_token} …): from {@code tokenizer_config.json}, else from {@code
 * special_tokens_map.json}. A token that neither defines is there for templates that ask whether it is, and may not be printed.
 */
final class SpecialTokens {
    private static final List<String> NAMES =
            List.of("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token");

    /** A token that nobody defines: false, and no text. */
    static final class Undefined implements HasObjectTruthValue {
        private final String message;

        private Undefined(String message) {
            this.message = message;
        }

        @Override
        public boolean getObjectTruthValue() {
            return false;
        }

        @Override
        public String toString() {
            throw new ChatTemplate.Raised(message);
        }
    }

    private SpecialTokens() {}

    /**
     * The tokens by name, each a text or {@link Undefined}.
     *
     * @param config the content of {@code tokenizer_config.json}
     */
    static Map<String, Object> read(Path directory, JsonNode config) throws IOException {
        Path configFile = directory.resolve("tokenizer_config.json");
        Path mapFile = directory.resolve("special_tokens_map.json");
        JsonNode map = Files.exists(mapFile)
                ? new ObjectMapper().readTree(Files.readString(mapFile))
                : config.path("special_tokens_map");
        Map<String, Object> out = new HashMap<>();
        for (String name : NAMES) {
            JsonNode own = config.path(name);
            JsonNode mapped = map.path(name);
            if (own.isMissingNode() || own.isNull()) {
                out.put(
                        name,
                        mapped.isMissingNode() || mapped.isNull()
                                ? new Undefined("the chat template prints " + name + ", which neither " + configFile
                                        + " nor " + mapFile + " defines (expected a text, which may be empty)")
                                : text(mapped, name, mapFile));
                continue;
            }
            String text = text(own, name, configFile);
            // Which one counts is another matter in each version of transformers, unless this key is there.
            if (!mapped.isMissingNode()
                    && !mapped.isNull()
                    && !config.has("added_tokens_decoder")
                    && !text.equals(text(mapped, name, mapFile))) {
                throw new PolicyException(configFile + ": " + name + " = " + own + ", but " + mapFile + ": " + name
                        + " = " + mapped + " (expected the same in both, or one of them)");
            }
            out.put(name, text);
        }
        return out;
    }

    private static String text(JsonNode token, String name, Path file) {
        JsonNode content = token.isObject() ? token.path("content") : token;
        if (!content.isTextual()) {
            throw new PolicyException(
                    file + ": " + name + " = " + token + " (expected a text, or an object with a text as content)");
        }
        return content.textValue();
    }
}
