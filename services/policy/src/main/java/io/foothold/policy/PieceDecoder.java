package io.foothold.policy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The {@code decoder} of a {@code tokenizer.json}, as far as it turns each token into bytes by itself. Decoders that look at
 * neighbours (WordPiece, CTC, BPEDecoder) are refused; so is none at all, which would join tokens with spaces.
 *
 * <p>{@code Strip} of a space at the beginning of a text is passed over: a response goes on from a prompt and is no beginning.
 */
final class PieceDecoder {
    private static final String EXPECTED = "ByteLevel, or Replace, ByteFallback, Fuse, Strip of a space and Metaspace";

    /** GPT-2's printable stand-ins for the 256 bytes. */
    private static final Map<Character, Integer> BYTE_LEVEL = byteLevelBytes();

    private final boolean byteLevel;
    private final boolean byteFallback;
    private final List<String[]> replacements;

    private PieceDecoder(boolean byteLevel, boolean byteFallback, List<String[]> replacements) {
        this.byteLevel = byteLevel;
        this.byteFallback = byteFallback;
        this.replacements = replacements;
    }

    /** The decoder of a tokenizer. */
    static PieceDecoder of(JsonFields tokenizer) {
        boolean byteLevel = false;
        boolean byteFallback = false;
        boolean fused = false;
        List<String[]> replacements = new ArrayList<>();
        List<JsonNode> steps = new ArrayList<>();
        JsonNode decoder = tokenizer.json().path("decoder");
        if (decoder.path("type").asText().equals("Sequence")) {
            decoder.path("decoders").forEach(steps::add);
        } else if (decoder.isObject()) {
            steps.add(decoder);
        }
        for (JsonNode step : steps) {
            boolean known =
                    switch (step.path("type").asText()) {
                        case "ByteLevel" -> byteLevel = true;
                        case "ByteFallback" -> byteFallback = !fused;
                        case "Fuse" -> fused = true;
                        case "Metaspace" -> {
                            String mark = step.path("replacement").asText("\u2581");
                            yield !fused && replacements.add(new String[] {mark, " "});
                        }
                        case "Replace" -> {
                            JsonNode from = step.path("pattern").path("String");
                            JsonNode to = step.path("content");
                            yield !fused
                                    && from.isTextual()
                                    && to.isTextual()
                                    && replacements.add(new String[] {from.textValue(), to.textValue()});
                        }
                        case "Strip" ->
                            step.path("content").asText().equals(" ")
                                    && step.path("stop").asInt() == 0;
                        default -> false;
                    };
            if (!known) {
                throw tokenizer.wrong("decoder", EXPECTED);
            }
        }
        if (steps.isEmpty() || (byteLevel && (byteFallback || !replacements.isEmpty()))) {
            throw tokenizer.wrong("decoder", EXPECTED);
        }
        return new PieceDecoder(byteLevel, byteFallback, List.copyOf(replacements));
    }

    /** The bytes of a token of the vocabulary. */
    byte[] bytes(String piece) {
        if (byteLevel) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            for (int i = 0; i < piece.length(); i++) {
                Integer b = BYTE_LEVEL.get(piece.charAt(i));
                if (b == null) {
                    return piece.getBytes(StandardCharsets.UTF_8);
                }
                out.write(b);
            }
            return out.toByteArray();
        }
        return spelt(piece);
    }

    /** The bytes of a token that was added to the vocabulary: no stand-ins for bytes. */
    byte[] addedBytes(String piece) {
        return byteLevel ? piece.getBytes(StandardCharsets.UTF_8) : spelt(piece);
    }

    private byte[] spelt(String piece) {
        if (byteFallback && piece.matches("<0x[0-9A-Fa-f]{2}>")) {
            return new byte[] {(byte) Integer.parseInt(piece, 3, 5, 16)};
        }
        String text = piece;
        for (String[] replacement : replacements) {
            text = text.replace(replacement[0], replacement[1]);
        }
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static Map<Character, Integer> byteLevelBytes() {
        Map<Character, Integer> out = new HashMap<>();
        int next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE);
            out.put((char) (printable ? b : next++), b);
        }
        return out;
    }
}
