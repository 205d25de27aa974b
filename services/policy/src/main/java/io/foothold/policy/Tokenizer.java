package io.foothold.policy;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;

/**
 * The tokenizer of a policy ({@code tokenizer.json}). Encoding goes through Hugging Face's library; decoding is the
 * concatenation of the bytes of each token, special tokens included. Thread-safe.
 */
public final class Tokenizer implements AutoCloseable {
    private final HuggingFaceTokenizer library;
    private final byte[][] pieces;

    private Tokenizer(HuggingFaceTokenizer library, byte[][] pieces) {
        this.library = library;
        this.pieces = pieces;
    }

    /**
     * Reads the tokenizer of a directory.
     *
     * @throws PolicyException when it names an id that the model has no row for
     */
    public static Tokenizer read(Path directory, ModelConfig config) {
        NativeRuntime.start();
        Path file = directory.resolve("tokenizer.json");
        JsonNode json = ModelConfig.parse(file);
        byte[][] pieces = new byte[config.vocabulary()][];
        boolean byteLevel = json.toString().contains("\"ByteLevel\"");
        JsonNode vocabulary = json.path("model").path("vocab");
        for (Iterator<Map.Entry<String, JsonNode>> it = vocabulary.fields(); it.hasNext(); ) {
            Map.Entry<String, JsonNode> e = it.next();
            put(pieces, e.getValue().asInt(), bytes(e.getKey(), byteLevel), file);
        }
        for (JsonNode added : json.path("added_tokens")) {
            put(
                    pieces,
                    added.path("id").asInt(),
                    added.path("content").asText().getBytes(StandardCharsets.UTF_8),
                    file);
        }
        for (int i = 0; i < pieces.length; i++) {
            if (pieces[i] == null) {
                pieces[i] = new byte[0];
            }
        }
        try {
            HuggingFaceTokenizer library = HuggingFaceTokenizer.builder()
                    .optTokenizerPath(file)
                    .optAddSpecialTokens(false)
                    .optTruncation(false)
                    .optPadding(false)
                    .build();
            return new Tokenizer(library, pieces);
        } catch (IOException | RuntimeException e) {
            throw new PolicyException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static void put(byte[][] pieces, int id, byte[] bytes, Path file) {
        if (id < 0 || id >= pieces.length) {
            throw new PolicyException(file + ": token id " + id + " does not fit the model's vocabulary of "
                    + pieces.length + " (tokenizer and config.json belong to different models?)");
        }
        pieces[id] = bytes;
    }

    /** Token ids of a text, without added begin or end tokens. */
    public int[] encode(String text) {
        long[] ids = library.encode(text, false, false).getIds();
        int[] out = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            out[i] = Math.toIntExact(ids[i]);
        }
        return out;
    }

    /** The bytes of a token; the array is shared, do not write to it. */
    public byte[] piece(int id) {
        return pieces[id];
    }

    /** Number of ids. */
    public int vocabulary() {
        return pieces.length;
    }

    /** The text of some tokens; bytes that are no UTF-8 become replacement characters. */
    public String decode(int... ids) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int id : ids) {
            out.writeBytes(pieces[id]);
        }
        return out.toString(StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        library.close();
    }

    private static byte[] bytes(String piece, boolean byteLevel) {
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
        if (piece.length() == 6 && piece.startsWith("<0x") && piece.endsWith(">")) {
            return new byte[] {(byte) Integer.parseInt(piece, 3, 5, 16)};
        }
        return piece.replace('\u2581', ' ').getBytes(StandardCharsets.UTF_8);
    }

    /** GPT-2's printable stand-ins for the 256 bytes. */
    private static final Map<Character, Integer> BYTE_LEVEL = byteLevel();

    private static Map<Character, Integer> byteLevel() {
        Map<Character, Integer> out = new HashMap<>();
        int next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE);
            out.put((char) (printable ? b : next++), b);
        }
        return out;
    }
}
