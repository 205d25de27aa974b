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
