package io.foothold.augmentation.dial;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The tokens of a generated family: fixed pieces of text. Concatenation decodes, longest match encodes. Immutable. */
public final class PieceVocabulary {
    /** The padding token. */
    public static final int PAD = 0;

    /** The end-of-sequence token. */
    public static final int END = 1;

    private final List<String> special;
    private final List<String> pieces;
    private final List<String> longestFirst;
    private final Map<String, Integer> ids = new HashMap<>();

    /**
     * A vocabulary.
     *
     * @param special tokens that text never holds by chance; padding first, end of sequence second
     * @param plain the others
     */
    PieceVocabulary(List<String> special, List<String> plain) {
        this.special = List.copyOf(special);
        this.pieces = new ArrayList<>(special);
        pieces.addAll(plain);
        for (int i = 0; i < pieces.size(); i++) {
            ids.put(pieces.get(i), i);
        }
        this.longestFirst = pieces.stream()
                .sorted(Comparator.comparingInt((String s) -> -s.length()))
                .toList();
    }

    /** Number of tokens. */
    public int size() {
        return pieces.size();
    }

    /** The id of a piece. */
    public int id(String piece) {
        Integer id = ids.get(piece);
        if (id == null) {
            throw new IllegalArgumentException("'" + piece + "' is no piece of this vocabulary");
        }
        return id;
    }

    /** The texts of all tokens but the special ones. */
    public List<String> decodable() {
        return pieces.subList(special.size(), pieces.size());
    }

    /** Token ids of a text. */
    public int[] encode(String text) {
        int[] out = new int[text.length()];
        int n = 0;
        for (int at = 0; at < text.length(); n++) {
            int from = at;
            String piece = longestFirst.stream()
                    .filter(p -> text.startsWith(p, from))
                    .findFirst()
                    .orElseThrow(
                            () -> new IllegalArgumentException("no token at character " + from + " of '" + text + "'"));
            out[n] = id(piece);
            at += piece.length();
        }
        return java.util.Arrays.copyOf(out, n);
    }

    /** The vocabulary as a Hugging Face {@code tokenizer.json}. */
    public String tokenizerJson() {
        StringBuilder vocabulary = new StringBuilder();
        StringBuilder added = new StringBuilder();
        for (int i = 0; i < pieces.size(); i++) {
            vocabulary
                    .append(i == 0 ? "" : ",\n")
                    .append("      ")
                    .append(quote(pieces.get(i)))
                    .append(": ")
                    .append(i);
        }
        for (int i = 0; i < special.size(); i++) {
            added.append(i == 0 ? "" : ",\n")
                    .append("    {\"id\": ")
                    .append(i)
                    .append(", \"content\": ")
                    .append(quote(special.get(i)))
                    .append(
                            ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": true}");
        }
        List<String> alternatives = longestFirst.stream()
                .filter(p -> !special.contains(p))
                .map(PieceVocabulary::escapeRegex)
                .toList();
        return """
                {
                  "version": "1.0",
                  "truncation": null,
                  "padding": null,
                  "added_tokens": [
                %s
                  ],
                  "normalizer": null,
                  "pre_tokenizer": {"type": "Split", "pattern": {"Regex": %s}, "behavior": "Isolated", "invert": false},
                  "post_processor": null,
                  "decoder": {"type": "Fuse"},
                  "model": {
                    "type": "WordLevel",
                    "vocab": {
                %s
                    },
                    "unk_token": "<pad>"
                  }
                }
                """.formatted(added, quote(String.join("|", alternatives)), vocabulary);
    }

    private static String escapeRegex(String s) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            if ("\\{}()+".indexOf(c) >= 0) {
                out.append('\\');
            }
            out.append(c);
        }
        return out.toString();
    }

    private static String quote(String s) {
        return "\"" + s.replace("\\", "\\\\").replace("\n", "\\n").replace("\"", "\\\"") + "\"";
    }
}
