package io.foothold.core.problem;

import java.util.List;

/** How much of an oracle solution may be shown. */
public final class OraclePrefix {
    private OraclePrefix() {}

    /**
     * The longest prefix, in thoughts, that may be shown: shorter than the whole solution, and never one that holds the answer. A
     * thought holds the answer when it has a box, or when it contains the gold text and that text is too long to be there by chance
     * (three characters or more).
     */
    public static int longest(List<String> thoughts, String answer) {
        int n = thoughts.size();
        for (int i = 0; i < n; i++) {
            String thought = thoughts.get(i);
            if (thought.contains("\\boxed") || (answer.length() >= 3 && thought.contains(answer))) {
                return Math.min(i, n - 1);
            }
        }
        return Math.max(0, n - 1);
    }
}
