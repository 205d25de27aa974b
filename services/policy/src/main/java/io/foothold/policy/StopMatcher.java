package io.foothold.policy;

import java.util.List;

/** Finds stop sequences in the decoded bytes of a growing sequence, across token borders (Knuth, Morris, Pratt 1977). */
final class StopMatcher {
    private final Tokenizer tokenizer;
    private final List<byte[]> sequences;
    private final int[][] failure;
    private final int[] matched;

    StopMatcher(Tokenizer tokenizer, List<byte[]> sequences) {
        this.tokenizer = tokenizer;
        this.sequences = sequences;
        this.failure = new int[sequences.size()][];
        this.matched = new int[sequences.size()];
        for (int i = 0; i < failure.length; i++) {
            byte[] s = sequences.get(i);
            if (s.length == 0) {
                throw new PolicyException("stop string " + i + " is empty");
            }
            failure[i] = new int[s.length];
            for (int at = 1, k = 0; at < s.length; at++) {
                while (k > 0 && s[at] != s[k]) {
                    k = failure[i][k - 1];
                }
                failure[i][at] = s[at] == s[k] ? ++k : 0;
            }
        }
    }

    /** Takes the next token; the index of the first sequence that is complete within it, or -1. */
    int accept(int token) {
        int hit = -1;
        for (byte b : tokenizer.piece(token)) {
            for (int i = 0; i < matched.length; i++) {
                byte[] s = sequences.get(i);
                int k = matched[i];
                while (k > 0 && s[k] != b) {
                    k = failure[i][k - 1];
                }
                k = s[k] == b ? k + 1 : 0;
                if (k == s.length) {
                    hit = hit < 0 ? i : hit;
                    k = failure[i][k - 1];
                }
                matched[i] = k;
            }
        }
        return hit;
    }
}
