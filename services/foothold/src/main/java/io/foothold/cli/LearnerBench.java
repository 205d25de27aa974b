package io.foothold.cli;

import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import io.foothold.policy.Trainer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** Measures the learner by itself, on the calling thread. */
final class LearnerBench {
    private LearnerBench() {}

    /** Trained tokens are response tokens that went through forward, backward and an optimizer step with an advantage. */
    static double measure(PolicyWeights weights, Precision precision, boolean ragged) {
        SplittableRandom random = new SplittableRandom(7);
        int vocabulary = weights.config().vocabulary();
        List<Trainer.Sequence> rows = new ArrayList<>();
        List<CreditPlan.Member> members = new ArrayList<>();
        int[] shared = EngineBench.prompt(random, vocabulary);
        long tokens = 0;
        for (int i = 0; i < 96; i++) {
            if (!ragged || i % 8 == 0) {
                shared = EngineBench.prompt(random, vocabulary);
            }
            // Ragged lengths: geometric with the end token's chance of 1 in 38, cut at 64, as random weights give them.
            int length = 51;
            if (ragged) {
                length = 1;
                while (length < EngineBench.MOST_NEW && random.nextInt(38) != 0) {
                    length++;
                }
            }
            int[] response = random.ints(length, 2, vocabulary).toArray();
            float[] behaviour = new float[length];
            Arrays.fill(behaviour, (float) -Math.log(vocabulary));
            rows.add(new Trainer.Sequence(shared, new int[0], response, behaviour));
            members.add(new CreditPlan.Member(EngineBench.PROMPT, 0, length, random.nextBoolean() ? .5 : -.5));
            tokens += length;
        }
        LossRule rule = LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN);
        CreditPlan plan = CreditPlan.of(rule, members);
        double[] seconds = new double[10];
        try (Trainer trainer = new Trainer(weights, 8192, precision)) {
            for (int i = 0; i < seconds.length + 2; i++) {
                long time = System.nanoTime();
                trainer.accumulate(rows, plan, rule, 1);
                trainer.step(new Trainer.AdamW(6e-4, 0.9, 0.95, 1e-8, 0.01, 1));
                if (i >= 2) {
                    seconds[i - 2] = (System.nanoTime() - time) / 1e9;
                }
            }
        }
        Arrays.sort(seconds);
        return tokens / seconds[seconds.length / 2];
    }
}
