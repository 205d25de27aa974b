package io.foothold.policy;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.IntNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The tokenizer of a policy ({@code tokenizer.json}). Encoding goes through Hugging Face's library; decoding is the
 * concatenation of the bytes of each token, special tokens included. Thread-safe.
 */
public final class Tokenizer implements AutoCloseable {
    private static final String UNIGRAM = "Unigram";
    private static final List<String> KINDS = List.of("BPE", "WordLevel", UNIGRAM);
    private static final String VOCABULARY = "vocab";

    private final HuggingFaceTokenizer library;
    private final byte[][] pieces;
    private final int tokens;
    private final Path file;

    private Tokenizer(HuggingFaceTokenizer library, byte[][] pieces, int tokens, Path file) {
        this.library = library;
        this.pieces = pieces;
        this.tokens = tokens;
        this.file = file;
    }

    /**
     * Reads the tokenizer of a directory.
     *
     * @param vocabulary rows that the model has for token ids; rows beyond the tokenizer's are tokens without text
     * @throws PolicyException when it names an id that the model has no row for, or is of a kind whose texts are not the bytes of their
     *     tokens one behind the other
     */
    public static Tokenizer read(Path directory, int vocabulary) {
        NativeRuntime.start();
        Path file = directory.resolve("tokenizer.json");
        if (!Files.exists(file)) {
            throw new PolicyException(
                    file
                            + " is missing (AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR) of transformers makes it of other formats)");
        }
        JsonFields json = JsonFields.read(file);
        byte[][] pieces = new byte[vocabulary][];
        JsonFields model = json.object("model");
        checkModel(model);
        PieceDecoder decoder = PieceDecoder.of(json);
        if (type(model).equals(UNIGRAM)) {
            readScored(model, decoder, pieces, file);
        } else {
            readNumbered(model, decoder, pieces, file);
        }
        for (JsonNode added : json.json().path("added_tokens")) {
            JsonNode id = added.path("id");
            String content = added.path("content").asText();
            // Gemma 3's tokenizer has one for images beyond the rows of its models of text alone.
            if (!id.canConvertToInt() || id.intValue() < pieces.length) {
                pieces[id(id, content, pieces.length, file)] = decoder.addedBytes(content);
            }
        }
        int tokens = 0;
        for (int i = 0; i < pieces.length; i++) {
            tokens += pieces[i] == null ? 0 : 1;
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
            return new Tokenizer(library, pieces, tokens, file);
        } catch (IOException | RuntimeException e) {
            throw new PolicyException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /** Tokens and their ids. */
    private static void readNumbered(JsonFields model, PieceDecoder decoder, byte[][] pieces, Path file) {
        for (Map.Entry<String, JsonNode> e : model.object(VOCABULARY).json().properties()) {
            int id = id(e.getValue(), e.getKey(), pieces.length, file);
            if (pieces[id] != null) {
                throw new PolicyException(file + ": token '" + e.getKey() + "' has id " + id
                        + ", as another one before it (expected an id of its own)");
            }
            pieces[id] = decoder.bytes(e.getKey());
        }
    }

    /** Tokens and their scores, in the order of their ids. */
    private static void readScored(JsonFields model, PieceDecoder decoder, byte[][] pieces, Path file) {
        JsonNode scored = model.json().path(VOCABULARY);
        for (int i = 0; i < scored.size(); i++) {
            String token = scored.get(i).path(0).asText();
            pieces[id(IntNode.valueOf(i), token, pieces.length, file)] = decoder.bytes(token);
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
        String type = type(model);
        if (!KINDS.contains(type)) {
            throw new PolicyException(model.where() + ": type = " + type + " is not supported (expected "
                    + String.join(", ", KINDS.subList(0, 2)) + " or " + KINDS.getLast() + ")");
        }
        if (type.equals(UNIGRAM)) {
            JsonNode scored = model.json().path(VOCABULARY);
            boolean pairs = scored.isArray() && !scored.isEmpty();
            for (JsonNode pair : scored) {
                pairs &= pair.size() == 2
                        && pair.get(0).isTextual()
                        && pair.get(1).isNumber();
            }
            if (!pairs) {
                throw new PolicyException(model.where() + ": " + VOCABULARY
                        + " is of another kind (expected a list of tokens with their scores for Unigram)");
            }
            return;
        }
        for (String affix : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
            if (model.has(affix) && !model.text(affix).isEmpty()) {
                throw model.wrong(affix, "null: tokens without marks for beginning or end of a word");
            }
        }
        if (model.object(VOCABULARY).json().isEmpty()) {
            throw model.wrong(VOCABULARY, "tokens and their ids");
        }
    }

    /** Files of before tokenizers 0.9 have no type; theirs with merges are BPE. */
    private static String type(JsonFields model) {
        return model.has("type") ? model.text("type") : model.has("merges") ? "BPE" : "none";
    }

    /**
     * Token ids of a text, without added begin or end tokens.
     *
     * @throws PolicyException when the text holds a token that the model has no row for
     */
    public int[] encode(String text) {
        long[] ids = library.encode(text, false, false).getIds();
        int[] out = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            out[i] = Math.toIntExact(ids[i]);
            if (out[i] >= pieces.length) {
                throw new PolicyException(file + ": the text holds token id " + out[i]
                        + ", and the model's vocabulary has " + pieces.length + " rows");
            }
        }
        return out;
    }

    /** The bytes of a token; the array is shared, do not write to it. */
    public byte[] piece(int id) {
        return pieces[id];
    }

    /** Number of ids, which is that of the model's rows. */
    public int vocabulary() {
        return pieces.length;
    }

    /** Number of ids that are a token; those of the other rows have no text. */
    public int tokens() {
        return tokens;
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
