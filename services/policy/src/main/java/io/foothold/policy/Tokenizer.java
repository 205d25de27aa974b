package io.foothold.policy;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
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
        JsonFields json = JsonFields.read(file);
        byte[][] pieces = new byte[config.vocabulary()][];
        JsonFields model = json.object("model");
        checkModel(model);
        PieceDecoder decoder = PieceDecoder.of(json);
        for (Map.Entry<String, JsonNode> e : model.object("vocab").json().properties()) {
            int id = id(e.getValue(), e.getKey(), pieces.length, file);
            if (pieces[id] != null) {
                throw new PolicyException(file + ": token '" + e.getKey() + "' has id " + id
                        + ", as another one before it (expected an id of its own)");
            }
            pieces[id] = decoder.bytes(e.getKey());
        }
        for (JsonNode added : json.json().path("added_tokens")) {
            String content = added.path("content").asText();
            pieces[id(added.path("id"), content, pieces.length, file)] = content.getBytes(StandardCharsets.UTF_8);
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

    private static int id(JsonNode id, String token, int vocabulary, Path file) {
        if (!id.isIntegralNumber() || !id.canConvertToInt()) {
            throw new PolicyException(file + ": token '" + token + "' has id " + id + " (expected an integer)");
        }
        if (id.intValue() < 0 || id.intValue() >= vocabulary) {
            throw new PolicyException(file + ": token id " + id + " does not fit the model's vocabulary of "
                    + vocabulary + " (tokenizer and config.json belong to different models?)");
        }
        return id.intValue();
    }

    /** Only where a text is the tokens' bytes one behind the other can a response be read while it is sampled. */
    private static void checkModel(JsonFields model) {
        // Files of before tokenizers 0.9 have no type; theirs with merges are BPE.
        String type = model.has("type") ? model.text("type") : model.has("merges") ? "BPE" : "none";
        if (!type.equals("BPE") && !type.equals("WordLevel")) {
            throw new PolicyException(
                    model.where() + ": type = " + type + " is not supported (expected BPE or WordLevel)");
        }
        for (String affix : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
            if (model.has(affix) && !model.text(affix).isEmpty()) {
                throw model.wrong(affix, "null: tokens without marks for beginning or end of a word");
            }
        }
        if (model.object("vocab").json().isEmpty()) {
            throw model.wrong("vocab", "tokens and their ids");
        }
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
}
