package io.foothold.learner.train;

import io.foothold.policy.Trainer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How likely a policy is to give, from a prompt, a solution that it did not sample: log p(solution, end | prompt) by teacher forcing, under
 * the distribution that training samples from (the softmax of the logits over the temperature, full support). Prompt tokens are conditions
 * and never scored. It is a lower bound of the policy's pass rate from that prompt, and moves long before a sample passes.
 */
public final class GivenSolutions {
    /**
     * A solution behind its prompt.
     *
     * @param prompt token ids, at least one
     * @param solution token ids, at least one
     */
    public record Solution(int[] prompt, int[] solution) {}

    /**
     * How likely a solution is.
     *
     * @param logProbs of each of its tokens, nats; empty when it was not scored
     * @param endLogProb of ending behind it by any end token, nats; 0 when its last token is one
     * @param problem why it was not scored; empty when it was
     */
    public record Score(float[] logProbs, double endLogProb, String problem) {}

    private GivenSolutions() {}

    /**
     * Scores solutions under the weights as they are, one entry each.
     *
     * @throws IllegalArgumentException for a solution without tokens, one without a prompt, or an id outside of the vocabulary
     */
    static List<Score> score(TensorBackend backend, List<Solution> solutions, double temperature) {
        int[] ends = backend.endTokens().stream().mapToInt(Integer::intValue).toArray();
        List<Trainer.Sequence> sequences = new ArrayList<>();
        int[] first = new int[solutions.size()];
        for (int i = 0; i < solutions.size(); i++) {
            check(i, solutions.get(i), backend.vocabulary());
            first[i] = sequences.size();
            List<Trainer.Sequence> ended = ended(solutions.get(i), ends);
            // One that does not fit is told of and keeps nobody else from being scored.
            if (ended.getFirst().length() <= backend.maxPositions()) {
                sequences.addAll(ended);
            } else {
                first[i] = -1;
            }
        }
        List<Trainer.Score> scores = sequences.isEmpty() ? List.of() : backend.score(sequences, temperature);
        return IntStream.range(0, solutions.size())
                .mapToObj(i -> first[i] < 0
                        ? tooLong(solutions.get(i), backend.maxPositions())
                        : score(solutions.get(i), ends, scores, first[i]))
                .toList();
    }

    /**
     * Looks whether a solution can be one of a model.
     *
     * @throws IllegalArgumentException for one without tokens, without a prompt, or with an id outside of the vocabulary
     */
    static void check(int index, Solution solution, int vocabulary) {
        if (solution.prompt().length == 0 || solution.solution().length == 0) {
            throw new IllegalArgumentException(
                    "solution " + index + " needs a token of its prompt and one of its own, it has "
                            + solution.prompt().length + " and " + solution.solution().length);
        }
        IntStream.concat(Arrays.stream(solution.prompt()), Arrays.stream(solution.solution()))
                .filter(id -> id < 0 || id >= vocabulary)
                .findFirst()
                .ifPresent(id -> {
                    throw new IllegalArgumentException("solution " + index + " has token " + id
                            + " (expected ids from 0 to " + (vocabulary - 1) + ")");
                });
    }

    /** The solution once with each end token behind it; as it is when it ends by itself. */
    private static List<Trainer.Sequence> ended(Solution s, int[] ends) {
        if (endsItself(s, ends)) {
            return List.of(sequence(s.prompt(), s.solution()));
        }
        return Arrays.stream(ends)
                .mapToObj(end -> {
                    int[] tokens = Arrays.copyOf(s.solution(), s.solution().length + 1);
                    tokens[tokens.length - 1] = end;
                    return sequence(s.prompt(), tokens);
                })
                .toList();
    }

    private static Trainer.Sequence sequence(int[] prompt, int[] tokens) {
        return new Trainer.Sequence(prompt, new int[0], tokens, new float[tokens.length]);
    }

    private static boolean endsItself(Solution s, int[] ends) {
        int last = s.solution()[s.solution().length - 1];
        return Arrays.stream(ends).anyMatch(end -> end == last);
    }

    private static Score score(Solution s, int[] ends, List<Trainer.Score> scores, int first) {
        int n = s.solution().length;
        float[] logProbs = Arrays.copyOf(scores.get(first).logProbs(), n);
        if (endsItself(s, ends)) {
            return new Score(logProbs, 0, "");
        }
        return new Score(
                logProbs,
                logOfSum(IntStream.range(0, ends.length)
                        .mapToDouble(e -> scores.get(first + e).logProbs()[n])
                        .toArray()),
                "");
    }

    /** Ends exclude each other: their probabilities add up. */
    private static double logOfSum(double[] logProbs) {
        double largest = Arrays.stream(logProbs).max().orElseThrow();
        return largest
                + Math.log(
                        Arrays.stream(logProbs).map(p -> Math.exp(p - largest)).sum());
    }

    private static Score tooLong(Solution s, int most) {
        return new Score(
                new float[0],
                0,
                s.prompt().length + " tokens of prompt and " + s.solution().length
                        + " of solution with its end are more than the " + most + " that the model takes");
    }
}
