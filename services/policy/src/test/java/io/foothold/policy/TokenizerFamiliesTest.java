package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tokenizers built as those of other families are, against Hugging Face's library in Python; {@code tokenizer/families.py} makes them. */
class TokenizerFamiliesTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path directory;

    private static JsonNode families() throws IOException {
        return JSON.readTree(Path.of(
                        System.getProperty("foothold.root"),
                        "services/policy/src/test/resources/tokenizer/families.json")
                .toFile());
    }

    private Tokenizer read(JsonNode tokenizer, int vocabulary) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), tokenizer.toString());
        return Tokenizer.read(directory, vocabulary);
    }

    @Test
    void everyFamilyEncodesAndDecodesAsInPython() throws IOException {
        List<String> names = new ArrayList<>();
        for (JsonNode family : families()) {
            String name = family.path("family").asText();
            names.add(name);
            int vocabulary = family.path("vocabulary").asInt();
            try (Tokenizer tokenizer = read(family.path("tokenizer"), vocabulary)) {
                assertThat(tokenizer.tokens()).as(name).isEqualTo(vocabulary);
                for (JsonNode one : family.path("cases")) {
                    int[] ids = JSON.convertValue(one.path("ids"), int[].class);
                    String text = one.path("text").asText();
                    assertThat(tokenizer.encode(text)).as("%s: %s", name, text).isEqualTo(ids);
                    assertThat(tokenizer.decode(ids))
                            .as("%s: %s", name, text)
                            .isEqualTo(one.path("decoded").asText());
                }
            }
        }
        assertThat(names).contains("gpt-neox", "olmo2", "starcoder2", "gemma", "phi3", "mistral", "xglm");
    }

    @Test
    void rowsBeyondTheTokenizerAreTokensWithoutText() throws IOException {
        JsonNode family = families().get(0);
        int tokens = family.path("vocabulary").asInt();
        try (Tokenizer padded = read(family.path("tokenizer"), tokens + 7)) {
            assertThat(padded.tokens()).isEqualTo(tokens);
            assertThat(padded.vocabulary()).isEqualTo(tokens + 7);
            assertThat(padded.decode(padded.encode("a b")[0], tokens + 6)).isEqualTo("a");
        }
    }

    @Test
    void anAddedTokenWithoutARowIsRefusedInTextsAlone() throws IOException {
        JsonNode family = families().get(0);
        int tokens = family.path("vocabulary").asInt();
        ObjectNode tokenizer = family.path("tokenizer").deepCopy();
        tokenizer
                .withArray("added_tokens")
                .addObject()
                .put("id", tokens)
                .put("content", "<image>")
                .put("special", true)
                .put("single_word", false)
                .put("lstrip", false)
                .put("rstrip", false)
                .put("normalized", false);
        try (Tokenizer read = read(tokenizer, tokens)) {
            assertThat(read.decode(read.encode("a b"))).isEqualTo("a b");
            assertThatThrownBy(() -> read.encode("a <image>"))
                    .isInstanceOf(PolicyException.class)
                    .hasMessageContaining("tokenizer.json")
                    .hasMessageContaining("token id " + tokens);
        }
    }
}
