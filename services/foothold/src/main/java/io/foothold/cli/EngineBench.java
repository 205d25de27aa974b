package io.foothold.cli;

import io.foothold.policy.GenerationEngine;
import io.foothold.policy.GenerationRequest;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import java.util.List;
import java.util.SplittableRandom;

/** Measures the generation engine by itself, on the calling thread. */
final class EngineBench {
    /** Tokens of a prompt. */
    static final int PROMPT = 20;

    /** Most tokens of a response. */
    static final int MOST_NEW = 64;

    private static final int REPETITIONS = 4;
    private static final int REQUESTS_A_SLOT = 8;

    /**
     * What one batch size gave.
     *
     * @param usefulTokensPerSecond best repetition but the first; tokens up to and with the end token
     * @param occupancy share of the slots' decode steps that held a live sequence while work was waiting
     */
    record Result(double usefulTokensPerSecond, double occupancy) {}

    private EngineBench() {}

    /** A prompt of random tokens, padding and end left out. */
    static int[] prompt(SplittableRandom random, int vocabulary) {
        return random.ints(PROMPT, 2, vocabulary).toArray();
    }

    /** Decode steps of one native call: short calls refill slots sooner, long ones cost fewer calls. */
    static int stepsPerCall(int slots) {
        return slots < 32 ? 8 : 4;
    }

    /** Keeps so many slots busy with eight times as many requests, each with a prompt of its own. */
    static Result measure(PolicyWeights weights, int slots, Precision precision) {
        int vocabulary = weights.config().vocabulary();
        double best = 0;
        double used = 0;
        try (GenerationEngine engine = new GenerationEngine(
                weights,
                0,
                null,
                new GenerationEngine.Settings(slots, PROMPT + MOST_NEW, stepsPerCall(slots), false, precision))) {
            for (int repetition = 0; repetition < REPETITIONS; repetition++) {
                SplittableRandom random = new SplittableRandom(repetition);
                List<GenerationRequest> requests = random.longs(Math.max(16, REQUESTS_A_SLOT * slots))
                        .mapToObj(seed -> GenerationRequest.plain(
                                "b" + seed, prompt(new SplittableRandom(seed), vocabulary), MOST_NEW, seed >>> 1))
                        .toList();
                GenerationEngine.Counters before = engine.counters();
                double rate = rate(engine, requests);
                GenerationEngine.Counters after = engine.counters();
                if (repetition > 0 && rate > best) {
                    best = rate;
                    used = (double) (after.rowSteps() - before.rowSteps()) / (after.slotSteps() - before.slotSteps());
                }
            }
        }
        return new Result(best, used);
    }

    /** Sampled tokens per second from the first submission to the last token. */
    static double rate(GenerationEngine engine, List<GenerationRequest> requests) {
        long before = engine.counters().tokens();
        long time = System.nanoTime();
        requests.forEach(r -> engine.submit(r, new Ignore()));
        while (engine.step()) {
            // Runs until nothing is left.
        }
        return (engine.counters().tokens() - before) * 1e9 / (System.nanoTime() - time);
    }

    private static final class Ignore implements GenerationRequest.Listener {
        @Override
        public void tokens(int[] tokens, float[] logProbs, long version) {
            // Counted by the engine.
        }

        @Override
        public void ended(GenerationRequest.End end, int stopIndex) {
            // Counted by the engine.
        }
    }
}
