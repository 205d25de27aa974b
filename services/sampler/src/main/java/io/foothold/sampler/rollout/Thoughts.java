package io.foothold.sampler.rollout;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Cuts responses into thoughts by their decoded bytes. */
final class Thoughts {
    private Thoughts() {}

    /**
     * Exclusive ends of thoughts. A thought ends after the token that completes the delimiter, also when that token goes on
     * behind it; what a token holds behind a delimiter belongs to the thought that the token ends. Text behind the last
     * delimiter is no thought.
     */
    static List<Integer> ends(int[] tokens, byte[][] vocabulary, String delimiter) {
        if (delimiter.isEmpty()) {
            return List.of();
        }
        byte[] d = delimiter.getBytes(StandardCharsets.UTF_8);
        List<Integer> out = new ArrayList<>();
        ByteArrayOutputStream open = new ByteArrayOutputStream();
        for (int t = 0; t < tokens.length; t++) {
            open.writeBytes(vocabulary[tokens[t]]);
            if (contains(open.toByteArray(), d)) {
                out.add(t + 1);
                open.reset();
            }
        }
        return out;
    }

    /**
     * Whether some sequence of tokens decodes to a text that holds the delimiter: inside one token, or from the end of a token
     * over whole tokens to the beginning of one.
     */
    static boolean representable(byte[][] vocabulary, String delimiter) {
        byte[] d = delimiter.getBytes(StandardCharsets.UTF_8);
        // reached[i]: some tokens end with the first i bytes.
        boolean[] reached = new boolean[d.length + 1];
        reached[0] = true;
        for (byte[] token : vocabulary) {
            if (contains(token, d)) {
                return true;
            }
            for (int i = 1; i <= Math.min(d.length, token.length); i++) {
                reached[i] |= Arrays.equals(token, token.length - i, token.length, d, 0, i);
            }
        }
        for (int from = 1; from < d.length; from++) {
            for (byte[] token : vocabulary) {
                int n = Math.min(token.length, d.length - from);
                if (reached[from] && n > 0 && Arrays.equals(token, 0, n, d, from, from + n)) {
                    reached[from + n] = true;
                }
            }
        }
        return reached[d.length];
    }

    /** Ends of thoughts in the decoded text, in code points: a code point counts with the token that holds its first byte. */
    static List<Integer> textEnds(int[] tokens, List<Integer> ends, byte[][] vocabulary) {
        List<Integer> out = new ArrayList<>();
        int at = 0;
        int points = 0;
        for (int end : ends) {
            for (; at < end; at++) {
                for (byte b : vocabulary[tokens[at]]) {
                    points += (b & 0xC0) == 0x80 ? 0 : 1;
                }
            }
            out.add(points);
        }
        return out;
    }

    static String decode(int[] tokens, byte[][] vocabulary) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int t : tokens) {
            out.writeBytes(vocabulary[t]);
        }
        return out.toString(StandardCharsets.UTF_8);
    }

    private static boolean contains(byte[] text, byte[] part) {
        for (int i = 0; i + part.length <= text.length; i++) {
            if (Arrays.equals(text, i, i + part.length, part, 0, part.length)) {
                return true;
            }
        }
        return false;
    }
}
