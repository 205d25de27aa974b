package io.foothold.cli.bench;

import com.google.common.math.Quantiles;
import io.foothold.policy.GenerationEngine;
import io.foothold.policy.GenerationRequest;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Measures the generation engine by itself, on the calling thread. */
final class EngineBench {
    /** Tokens of a prompt of the shipped policy's measurements. */
    static final int PROMPT = BenchShape.SMALL.prompt();

    /** Most tokens of a response of the shipped policy's measurements. */
    static final int MOST_NEW = BenchShape.SMALL.mostNew();

    /**
     * What one batch size gave.
     *
     * @param usefulTokensPerSecond best repetition but the first; tokens up to and with the end token
     * @param usefulTokensPerCpuSecond of the same repetition, by the time of all threads
     * @param occupancy share of the slots' decode steps that held a live sequence while work was waiting
     */
    record Result(double usefulTokensPerSecond, double usefulTokensPerCpuSecond, double occupancy) {}

    /** Tokens per second of a way through services, and of the engine alone on the same requests right before or behind it. */
    record Pair(double through, double alone) {
        double share() {
            return through / alone;
        }

        /** Puts what the pairs say of the way, under the names that reports have. */
        static void put(List<Pair> pairs, Map<String, Double> out) {
            List<Double> shares = pairs.stream().map(Pair::share).toList();
            out.put(
                    "engine_alone_tokens_per_s",
                    median(pairs.stream().map(Pair::alone).toList()));
            out.put("share_of_engine_alone", median(shares));
            out.put("share_lowest_pair", Collections.min(shares));
            out.put("share_highest_pair", Collections.max(shares));
        }
    }

    private EngineBench() {}

    static double median(List<Double> values) {
        return Quantiles.median().compute(values);
    }

    /** A prompt of the shipped policy's length. */
    static int[] prompt(SplittableRandom random, int vocabulary) {
        return prompt(random, PROMPT, vocabulary);
    }

    /** A prompt of random tokens; the shipped policy's padding and end are left out. */
    static int[] prompt(SplittableRandom random, int length, int vocabulary) {
        return random.ints(length, 2, vocabulary).toArray();
    }

    /** Decode steps of one native call: short calls refill slots sooner, long ones cost fewer calls. */
    static int stepsPerCall(int slots) {
        return slots < 32 ? 8 : 4;
    }

    /**
     * Keeps so many slots busy with the shape's requests.
     *
     * @param rowsPerPrompt requests that have the same prompt, one after the other
     */
    static Result measure(PolicyWeights weights, BenchShape shape, int slots, int rowsPerPrompt, Precision precision) {
        int vocabulary = weights.config().vocabulary();
        Result best = new Result(0, 0, 0);
        try (GenerationEngine engine = new GenerationEngine(
                weights,
                0,
                null,
                new GenerationEngine.Settings(
                        slots, shape.prompt() + shape.mostNew(), stepsPerCall(slots), false, precision))) {
            for (int repetition = 0; repetition < shape.repetitions(); repetition++) {
                List<GenerationRequest> requests =
                        requests(shape, shape.requests(slots), rowsPerPrompt, vocabulary, repetition);
                GenerationEngine.Counters before = engine.counters();
                BenchClock clock = new BenchClock();
                double rate = rate(engine, requests);
                double cpu = clock.cpuSeconds();
                GenerationEngine.Counters after = engine.counters();
                if (repetition > 0 && rate > best.usefulTokensPerSecond()) {
                    best = new Result(
                            rate,
                            (after.tokens() - before.tokens()) / cpu,
                            (double) (after.rowSteps() - before.rowSteps()) / (after.slotSteps() - before.slotSteps()));
                }
            }
        }
        return best;
    }

    private static List<GenerationRequest> requests(
            BenchShape shape, int count, int rowsPerPrompt, int vocabulary, int seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<GenerationRequest> out = new ArrayList<>();
        int[] prompt = {};
        for (int i = 0; i < count; i++) {
            long own = random.nextLong();
            if (i % rowsPerPrompt == 0) {
                prompt = prompt(new SplittableRandom(own), shape.prompt(), vocabulary);
            }
            out.add(GenerationRequest.plain("b" + own, prompt, shape.mostNew(), own >>> 1));
        }
        return out;
    }

    /**
     * Sampled tokens per second from the first submission to the last token. The calling thread meanwhile has the priority that
     * the policy server's engine has.
     */
    static double rate(GenerationEngine engine, List<GenerationRequest> requests) {
        Thread thread = Thread.currentThread();
        int priority = thread.getPriority();
        thread.setPriority(Thread.MAX_PRIORITY);
        try {
            long before = engine.counters().tokens();
            long time = System.nanoTime();
            requests.forEach(r -> engine.submit(r, new Ignore()));
            while (engine.step()) {
                // Runs until nothing is left.
            }
            return (engine.counters().tokens() - before) * 1e9 / (System.nanoTime() - time);
        } finally {
            // Threads that begin later would inherit it.
            thread.setPriority(priority);
        }
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
