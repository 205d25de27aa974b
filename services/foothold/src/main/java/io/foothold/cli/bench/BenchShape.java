package io.foothold.cli.bench;

import io.foothold.policy.ModelConfig;
import java.util.List;

/**
 * Sizes of what is measured, so that a figure comes within minutes whatever the model.
 *
 * @param prompt tokens of a prompt
 * @param mostNew most tokens of a response
 * @param batches sequences that the engine samples at a time, one measurement each
 * @param requestsASlot requests of a measurement for each of them
 * @param fewestRequests requests of the smallest measurement
 * @param repetitions measurements of the engine, of which the first only warms up
 * @param rows sequences of a training step
 * @param rowsPerPrompt sequences that share a prompt where prompts are shared
 * @param ragged whether lengths are drawn where prompts are shared
 * @param response tokens of a response that has a fixed length
 * @param steps training steps that count
 * @param warmUp training steps before them
 * @param microBatchTokens largest count of tokens of a micro-batch
 */
record BenchShape(
        int prompt,
        int mostNew,
        List<Integer> batches,
        int requestsASlot,
        int fewestRequests,
        int repetitions,
        int rows,
        int rowsPerPrompt,
        boolean ragged,
        int response,
        int steps,
        int warmUp,
        int microBatchTokens) {
    /** From here on a model is measured with few and small pieces. */
    private static final long REAL = 10_000_000;

    /** The shipped policy's sizes. */
    static final BenchShape SMALL =
            new BenchShape(20, 64, List.of(1, 16, 64, 256), 8, 16, 4, 96, 8, true, 51, 10, 2, 8192);

    /** Short answers to prompts with an example, in groups of eight. */
    static final BenchShape LARGE = new BenchShape(77, 20, List.of(1, 16, 64), 1, 4, 2, 16, 8, false, 20, 3, 1, 2048);

    /** What fits a model. */
    static BenchShape of(ModelConfig config) {
        return config.parameters() < REAL ? SMALL : LARGE;
    }

    /** Whether the model is too large for the measurements of the shipped policy. */
    boolean isLarge() {
        return this == LARGE;
    }

    /** Requests of one measurement of the engine. */
    int requests(int slots) {
        return Math.max(fewestRequests, requestsASlot * slots);
    }
}
