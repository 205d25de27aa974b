package io.foothold.cli.bench;

import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.policy.LoraAdapter;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import io.foothold.policy.Trainer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** Measures the learner by itself, on the calling thread. */
final class LearnerBench {
    private LearnerBench() {}

    /**
     * What steps gave. Trained tokens are response tokens that went through forward, backward and an optimizer step with an
     * advantage.
     *
     * @param tokensPerSecond by the median step
     * @param tokensPerCpuSecond by the time that all steps took on all threads
     * @param rowsPerCpuSecond sequences likewise
     */
    record Result(double tokensPerSecond, double tokensPerCpuSecond, double rowsPerCpuSecond) {}

    /**
     * Measures it.
     *
     * @param shared whether the sequences of a group share their prompt; else each has its own and a fixed length
     * @param adapter trained instead of all weights, or null
     */
    static Result measure(
            PolicyWeights weights,
            BenchShape shape,
            Precision precision,
            boolean shared,
            @Nullable LoraAdapter adapter) {
        SplittableRandom random = new SplittableRandom(7);
        int vocabulary = weights.config().vocabulary();
        List<Trainer.Sequence> rows = new ArrayList<>();
        List<CreditPlan.Member> members = new ArrayList<>();
        int[] prompt = EngineBench.prompt(random, shape.prompt(), vocabulary);
        long tokens = 0;
        for (int i = 0; i < shape.rows(); i++) {
            if (!shared || i % shape.rowsPerPrompt() == 0) {
                prompt = EngineBench.prompt(random, shape.prompt(), vocabulary);
            }
            // Ragged lengths: geometric with the end token's chance of 1 in 38, cut at the limit, as random weights
            // give them.
            int length = shape.response();
            if (shared && shape.ragged()) {
                length = 1;
                while (length < shape.mostNew() && random.nextInt(38) != 0) {
                    length++;
                }
            }
            int[] response = random.ints(length, 2, vocabulary).toArray();
            float[] behaviour = new float[length];
            Arrays.fill(behaviour, (float) -Math.log(vocabulary));
            rows.add(new Trainer.Sequence(prompt, new int[0], response, behaviour));
            members.add(new CreditPlan.Member(shape.prompt(), 0, length, random.nextBoolean() ? .5 : -.5));
            tokens += length;
        }
        LossRule rule = LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN);
        CreditPlan plan = CreditPlan.of(rule, members);
        double[] seconds = new double[shape.steps()];
        double cpu = 0;
        try (Trainer trainer = new Trainer(weights, shape.microBatchTokens(), precision, adapter)) {
            for (int i = -shape.warmUp(); i < seconds.length; i++) {
                BenchClock clock = new BenchClock();
                trainer.accumulate(rows, plan, rule, 1);
                trainer.step(new Trainer.AdamW(6e-4, 0.9, 0.95, 1e-8, 0.01, 1));
                if (i >= 0) {
                    seconds[i] = clock.seconds();
                    cpu += clock.cpuSeconds();
                }
            }
        }
        Arrays.sort(seconds);
        return new Result(
                tokens / seconds[seconds.length / 2],
                tokens * seconds.length / cpu,
                (double) rows.size() * seconds.length / cpu);
    }
}
