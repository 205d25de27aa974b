package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** A byte-level BPE with added tokens, against Hugging Face's library in Python; {@code tokenizer/make.py} makes both. */
class TokenizerTest {
    private static final int STRINGS = 10_000;

    /** The generator of {@code make.py}. */
    private static List<String> strings(List<String> pieces) {
        List<String> out = new ArrayList<>();
        long state = 20260119;
        for (int i = 0; i < STRINGS; i++) {
            StringBuilder s = new StringBuilder();
            state = state * 6364136223846793005L + 1442695040888963407L;
            for (long left = (state >>> 33) % 24; left > 0; left--) {
                state = state * 6364136223846793005L + 1442695040888963407L;
                long draw = state >>> 33;
                s.append(
                        draw % 4 != 0
                                ? pieces.get((int) ((draw >> 2) % pieces.size()))
                                : Character.toString((int) ((draw >> 2) % 0x3000)));
            }
            out.add(s.toString());
        }
        return out;
    }

    @Test
    void tenThousandStringsEncodeAndDecodeAsInPython() throws IOException, NoSuchAlgorithmException {
        Path fixture = Path.of(System.getProperty("foothold.root"), "services/policy/src/test/resources/tokenizer");
        JsonNode expected =
                new ObjectMapper().readTree(fixture.resolve("expected.json").toFile());
        List<String> pieces = new ArrayList<>();
        expected.path("pieces").forEach(p -> pieces.add(p.asText()));
        MessageDigest ids = MessageDigest.getInstance("SHA-256");
        MessageDigest texts = MessageDigest.getInstance("SHA-256");
        try (Tokenizer tokenizer =
                Tokenizer.read(fixture, expected.path("vocabulary").asInt())) {
            for (String text : strings(pieces)) {
                int[] found = tokenizer.encode(text);
                ids.update((Arrays.stream(found).mapToObj(Integer::toString).collect(Collectors.joining(" ")) + "\n")
                        .getBytes(StandardCharsets.UTF_8));
                texts.update((tokenizer.decode(found) + "\n").getBytes(StandardCharsets.UTF_8));
            }
        }
        assertThat(HexFormat.of().formatHex(ids.digest()))
                .isEqualTo(expected.path("ids").asText());
        assertThat(HexFormat.of().formatHex(texts.digest()))
                .isEqualTo(expected.path("texts").asText());
    }
}
