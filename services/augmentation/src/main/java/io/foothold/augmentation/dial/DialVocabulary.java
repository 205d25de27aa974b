package io.foothold.augmentation.dial;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The 38 tokens of the dial; concatenation decodes, longest match encodes. */
public final class DialVocabulary {
    /** The padding token. */
    public static final int PAD = 0;

    /** The end-of-sequence token. */
    public static final int END = 1;

    private static final List<String> SPECIAL =
            List.of("<pad>", "<|end|>", "<|solve|>", "<|continue|>", "<|locate|>", "<|assistant|>");

    private static final List<String> PIECES = pieces();
    private static final List<String> LONGEST_FIRST = PIECES.stream()
            .sorted(Comparator.comparingInt((String s) -> -s.length()))
            .toList();
    private static final Map<String, Integer> IDS = new HashMap<>();

    static {
        for (int i = 0; i < PIECES.size(); i++) {
            IDS.put(PIECES.get(i), i);
        }
    }

    private DialVocabulary() {}

    private static List<String> pieces() {
        List<String> out = new ArrayList<>(SPECIAL);
        for (int d = 0; d < Dial.MARKS; d++) {
            out.add(" " + d);
        }
        for (int move = 0; move < Dial.TURNS + Dial.MIRRORS; move++) {
            out.add(Dial.moveName(move));
        }
        for (int k = 0; k < Dial.LONGEST; k++) {
            out.add(Dial.step(k));
        }
        out.add("Dial at");
        out.add(Dial.DELIMITER);
        out.add("\\boxed{");
        out.add("}");
        return List.copyOf(out);
    }

    /** Number of tokens. */
    public static int size() {
        return PIECES.size();
    }

    /** The texts of all tokens but the special ones. */
    public static List<String> decodable() {
        return PIECES.subList(SPECIAL.size(), PIECES.size());
    }

    /** Token ids of a text. */
    public static int[] encode(String text) {
        int[] out = new int[text.length()];
        int n = 0;
        for (int at = 0; at < text.length(); n++) {
            String piece = null;
            for (String candidate : LONGEST_FIRST) {
                if (text.startsWith(candidate, at)) {
                    piece = candidate;
                    break;
                }
            }
            Integer id = piece == null ? null : IDS.get(piece);
            if (piece == null || id == null) {
                throw new IllegalArgumentException("no dial token at character " + at + " of '" + text + "'");
            }
            out[n] = id;
            at += piece.length();
        }
        return java.util.Arrays.copyOf(out, n);
    }

    /** The vocabulary as a Hugging Face {@code tokenizer.json}. */
    public static String tokenizerJson() {
        StringBuilder vocabulary = new StringBuilder();
        StringBuilder added = new StringBuilder();
        for (int i = 0; i < PIECES.size(); i++) {
            vocabulary
                    .append(i == 0 ? "" : ",\n")
                    .append("      ")
                    .append(quote(PIECES.get(i)))
                    .append(": ")
                    .append(i);
        }
        for (int i = 0; i < SPECIAL.size(); i++) {
            added.append(i == 0 ? "" : ",\n")
                    .append("    {\"id\": ")
                    .append(i)
                    .append(", \"content\": ")
                    .append(quote(SPECIAL.get(i)))
                    .append(
                            ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": true}");
        }
        List<String> alternatives = LONGEST_FIRST.stream()
                .filter(p -> !SPECIAL.contains(p))
                .map(DialVocabulary::escapeRegex)
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
