package io.foothold.policy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Reads sequences with a policy and goes on from them greedily, by the same code that trains and samples: what a checkpoint does,
 * comparable with other implementations. Owned by one thread, which must have entered {@link NativeRuntime}.
 */
public final class Scorer {
    private static final int MICRO_BATCH_TOKENS = 4_096;
    private static final int SLOTS = 8;
    private static final int STEPS = 4;

    private final PolicyWeights weights;
    private final Precision precision;

    /** A scorer of these weights. */
    public Scorer(PolicyWeights weights, Precision precision) {
        this.weights = weights;
        this.precision = precision;
    }

    /**
     * Log-probs at temperature 1 of every token after the first, natural logs.
     *
     * @throws PolicyException for an empty sequence, an id outside of the vocabulary, or a log-prob that is no number
     */
    public List<float[]> logProbs(List<int[]> sequences) {
        sequences.forEach(this::check);
        List<float[]> out = new ArrayList<>();
        try (Trainer trainer = new Trainer(weights, MICRO_BATCH_TOKENS, precision)) {
            for (int[] ids : sequences) {
                int[] response = Arrays.copyOfRange(ids, 1, ids.length);
                out.add(
                        response.length == 0
                                ? new float[0]
                                : trainer.score(
                                                List.of(new Trainer.Sequence(
                                                        Arrays.copyOf(ids, 1),
                                                        new int[0],
                                                        response,
                                                        new float[response.length])),
                                                1)
                                        .get(0)
                                        .logProbs());
            }
        }
        for (int s = 0; s < out.size(); s++) {
            for (int i = 0; i < out.get(s).length; i++) {
                if (!Float.isFinite(out.get(s)[i])) {
                    throw new PolicyException("log-prob of token " + (i + 2) + " of sequence " + (s + 1) + " is "
                            + out.get(s)[i] + ": the weights are too large for float32, or no model's");
                }
            }
        }
        return out;
    }

    /**
     * The likeliest continuation of each prompt, exactly {@code count} tokens, none of them an end token.
     *
     * @throws PolicyException for an empty prompt or an id outside of the vocabulary
     */
    public List<int[]> greedy(List<int[]> prompts, int count) {
        prompts.forEach(this::check);
        int longest = prompts.stream().mapToInt(p -> p.length).max().orElse(1) + count;
        List<int[]> out = new ArrayList<>();
        try (GenerationEngine engine = new GenerationEngine(
                weights, 0, null, new GenerationEngine.Settings(SLOTS, longest + STEPS, STEPS, true, precision))) {
            for (int i = 0; i < prompts.size(); i++) {
                int[] drawn = new int[count];
                out.add(drawn);
                if (count > 0) {
                    engine.submit(
                            new GenerationRequest(
                                    Integer.toString(i),
                                    prompts.get(i),
                                    new int[0],
                                    count,
                                    0,
                                    1,
                                    0,
                                    0,
                                    GenerationRequest.Ends.NEVER,
                                    List.of(),
                                    List.of()),
                            new Collector(drawn));
                }
            }
            while (engine.step()) {
                // Until all are complete.
            }
        }
        return out;
    }

    private void check(int[] ids) {
        if (ids.length == 0) {
            throw new PolicyException("a sequence is empty (expected at least one token id)");
        }
        for (int id : ids) {
            if (id < 0 || id >= weights.config().vocabulary()) {
                throw new PolicyException("token id " + id + " is outside of the vocabulary (0.."
                        + (weights.config().vocabulary() - 1) + ")");
            }
        }
    }

    private static final class Collector implements GenerationRequest.Listener {
        private final int[] into;
        private int count;

        Collector(int[] into) {
            this.into = into;
        }

        @Override
        public void tokens(int[] tokens, float[] logProbs, long version) {
            System.arraycopy(tokens, 0, into, count, tokens.length);
            count += tokens.length;
        }

        @Override
        public void ended(GenerationRequest.End end, int stopIndex) {
            // Only the limit ends it.
        }
    }
}
