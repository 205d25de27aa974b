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

    /** The longest prefix that may be shown, see {@link OraclePrefix#longest}. */
    public int longestPrefix() {
        return OraclePrefix.longest(oracleThoughts, answer);
    }
}
