package io.foothold.core.loss;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How log-prob and advantage of a token go together within an optimizer step: (log π_θ − mean) (A − mean), means over all its tokens. Tokens
 * with a large one are those whose gradient takes the most entropy away (arXiv 2505.22617).
 *
 * @param logProb mean over the step's tokens
 * @param advantage the same
 * @param count of the step's tokens
 */
record Covariances(double logProb, double advantage, int count) {
    /** Those of a step. */
    static Covariances of(List<Tokens> step) {
        double logProbs = 0;
        double advantages = 0;
        int count = 0;
        for (Tokens tokens : step) {
            logProbs += Arrays.stream(tokens.logProbs()).sum();
            advantages += tokens.advantage() * tokens.count();
            count += tokens.count();
        }
        return new Covariances(logProbs / Math.max(1, count), advantages / Math.max(1, count), count);
    }

    /** That of a token. */
    double of(Tokens tokens, int token) {
        return (tokens.advantage() - advantage) * (tokens.logProbs()[token] - logProb);
    }

    /** The number of a token by which a loss chooses: NaN where it cannot be chosen. */
    @FunctionalInterface
    interface Number {
        double of(Tokens tokens, int token);
    }

    /**
     * What the numbers of a share of the step's tokens, one at least, lie above: those with the largest.
     *
     * @param step the step that these are of
     * @param share of all its tokens, also of those that cannot be chosen
     */
    double threshold(List<Tokens> step, double share, Number number) {
        double[] sorted = step.stream()
                .flatMapToDouble(tokens -> IntStream.range(0, tokens.count()).mapToDouble(t -> number.of(tokens, t)))
                .filter(x -> !Double.isNaN(x))
                .sorted()
                .toArray();
        return above(sorted, Math.max(1, (int) (share * count)));
    }

    /**
     * What the largest so many of some numbers lie above: halfway to the next, so that rounding chooses no other ones. Of equal numbers at
     * the cut, all: tokens that the policy is certain of have the log-prob 0 together.
     *
     * @param sorted in ascending order
     */
    private static double above(double[] sorted, int largest) {
        int at = sorted.length - largest;
        if (at <= 0) {
            return Double.NEGATIVE_INFINITY;
        }
        return sorted[at - 1] == sorted[at] ? Math.nextDown(sorted[at]) : (sorted[at - 1] + sorted[at]) / 2;
    }
}
