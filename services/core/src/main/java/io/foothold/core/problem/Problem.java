package io.foothold.core.problem;

import java.util.List;

/**
 * A problem with its gold answer.
 *
 * @param id unique in its problem set
 * @param statement the text given to the policy
 * @param kind how the answer is verified
 * @param answer the gold answer, in the notation of its kind
 * @param oracleThoughts an oracle solution cut into thoughts, or empty; never a training target
 * @param source where the problem comes from
 * @param split train, test, …
 * @param maxTokens upper limit of new tokens of a root rollout; 0 leaves it to the run
 */
public record Problem(
        String id,
        String statement,
        ProblemKind kind,
        String answer,
        List<String> oracleThoughts,
        String source,
        String split,
        int maxTokens) {
    /** Copies the thoughts. */
    public Problem {
        oracleThoughts = List.copyOf(oracleThoughts);
        if (id.isBlank()) {
            throw new IllegalArgumentException("a problem needs an id");
        }
        if (maxTokens < 0) {
            throw new IllegalArgumentException("maxTokens of problem " + id + " is negative: " + maxTokens);
        }
    }

    /** The same problem with another gold answer. */
    public Problem withAnswer(String other) {
        return new Problem(id, statement, kind, other, oracleThoughts, source, split, maxTokens);
    }

    /** The same problem in another split. */
    public Problem withSplit(String other) {
        return new Problem(id, statement, kind, answer, oracleThoughts, source, other, maxTokens);
    }

    /**
     * The longest prefix, in thoughts, that may be shown: shorter than the whole solution, and never one that holds the answer.
     * A thought holds the answer when it has a box, or when it contains the gold text and that text is too long to be there by
     * chance (three characters or more).
     */
    public int longestPrefix() {
        int n = oracleThoughts.size();
        for (int i = 0; i < n; i++) {
            String thought = oracleThoughts.get(i);
            if (thought.contains("\\boxed") || (answer.length() >= 3 && thought.contains(answer))) {
                return Math.min(i, n - 1);
            }
        }
        return Math.max(0, n - 1);
    }
}
