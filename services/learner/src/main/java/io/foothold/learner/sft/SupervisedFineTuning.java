package io.foothold.learner.sft;

import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.learner.train.Schedule;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import io.foothold.policy.Trainer;
import java.util.Arrays;
import java.util.List;

/**
 * Supervised fine-tuning: weighted cross-entropy on response tokens, which is the policy-gradient loss with the weight in the
 * place of the advantage. Same thread rules as {@link Trainer}.
 */
public final class SupervisedFineTuning implements AutoCloseable {
    private static final LossRule RULE = LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN);

    /**
     * One example.
     *
     * @param prompt token ids without a loss
     * @param response token ids that follow
     * @param labels what is predicted in the place of each response token, −1 for nothing; empty for the response itself
     * @param weight of the labels
     */
    public record Example(int[] prompt, int[] response, int[] labels, double weight) {
        int targets() {
            return labels.length == 0
                    ? response.length
                    : (int) Arrays.stream(labels).filter(l -> l >= 0).count();
        }
    }

    private final Trainer trainer;
    private final Schedule schedule;
    private final double weightDecay;

    /** Fine-tuning that begins at these weights. */
    public SupervisedFineTuning(PolicyWeights initial, Schedule schedule, double weightDecay, int microBatchTokens) {
        this.trainer = new Trainer(initial, microBatchTokens, Precision.FAST);
        this.schedule = schedule;
        this.weightDecay = weightDecay;
    }

    /** One optimizer step; gives the weighted mean cross-entropy in nats. */
    public double step(List<Example> batch) {
        double tokens = batch.stream().mapToDouble(Example::targets).sum();
        double weighted =
                batch.stream().mapToDouble(e -> e.targets() * e.weight()).sum();
        CreditPlan plan = CreditPlan.of(
                RULE,
                batch.stream()
                        .map(e -> new CreditPlan.Member(
                                e.prompt().length, 0, e.targets(), e.weight() * tokens / weighted))
                        .toList());
        List<Trainer.Sequence> sequences = batch.stream()
                .map(e ->
                        new Trainer.Sequence(e.prompt(), new int[0], e.response(), new float[e.targets()], e.labels()))
                .toList();
        double loss = trainer.accumulate(sequences, plan, RULE, 1).loss();
        trainer.step(new Trainer.AdamW(schedule.at(trainer.steps() + 1), 0.9, 0.95, 1e-8, weightDecay, 1));
        return loss;
    }

    /** The weights, copied out. */
    public PolicyWeights weights() {
        return trainer.weights();
    }

    @Override
    public void close() {
        trainer.close();
    }
}
