package io.foothold.learner.train;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.MismatchRule;
import io.foothold.policy.Lora;
import io.foothold.policy.Precision;
import io.foothold.policy.Trainer;
import java.util.Optional;

/**
 * How a run learns.
 *
 * @param estimator advantages
 * @param loss loss
 * @param mismatch correction for a sampler that is not the learner
 * @param schedule learning rate
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param epsilon of AdamW
 * @param weightDecay of AdamW
 * @param clipNorm bound of the gradient norm
 * @param temperature that the behaviour log-probs were taken at
 * @param groupsPerStep groups of one optimizer step; 0 is the whole update
 * @param epochs passes over an update
 * @param microBatchTokens largest count of tokens of a micro-batch
 * @param checkpointEvery updates between checkpoints
 * @param checkpointsKept checkpoints that stay
 * @param maxLogProbDifference largest difference of sampler and learner, nats
 * @param precision of attention
 * @param lora adapters that are trained on frozen weights; empty when all weights are
 * @param seed of fresh adapters
 * @param trainGiven whether given tokens of a response get credit too
 * @param text the settings in canonical text, compared on resume
 */
public record RunSettings(
        AdvantageEstimator estimator,
        LossRule loss,
        MismatchRule mismatch,
        Schedule schedule,
        double beta1,
        double beta2,
        double epsilon,
        double weightDecay,
        double clipNorm,
        double temperature,
        int groupsPerStep,
        int epochs,
        int microBatchTokens,
        int checkpointEvery,
        int checkpointsKept,
        double maxLogProbDifference,
        Precision precision,
        Optional<Lora> lora,
        long seed,
        boolean trainGiven,
        String text) {

    /** Checks ranges. */
    public RunSettings {
        if (epochs < 1 || microBatchTokens < 1 || checkpointEvery < 1 || checkpointsKept < 1 || groupsPerStep < 0) {
            throw new IllegalArgumentException(
                    "epochs, micro_batch_tokens, checkpoint_every and checkpoints_kept must be "
                            + "at least 1, groups_per_step at least 0");
        }
        if (trainGiven && loss.ratio() != LossRule.Ratio.NONE) {
            throw new IllegalArgumentException("train_given needs ratio none: given tokens have no behaviour log-prob");
        }
        if (trainGiven && mismatch.corrects()) {
            throw new IllegalArgumentException(
                    "train_given needs the mismatch rule none: given tokens have no behaviour log-prob");
        }
        if (!(temperature > 0) || Double.isInfinite(temperature)) {
            throw new IllegalArgumentException("training needs a temperature above 0: " + temperature);
        }
        // Written so that NaN is refused too: every comparison with it is false, a bound that it is would hold nothing.
        if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1)) {
            throw new IllegalArgumentException("beta1 and beta2 must be in [0, 1): " + beta1 + ", " + beta2);
        }
        if (!(epsilon >= 0 && weightDecay >= 0 && clipNorm >= 0)) {
            throw new IllegalArgumentException("epsilon, weight_decay and clip_norm must be at least 0: " + epsilon
                    + ", " + weightDecay + ", " + clipNorm);
        }
        if (!(maxLogProbDifference >= 0)) {
            throw new IllegalArgumentException("max_log_prob_difference must be at least 0: " + maxLogProbDifference);
        }
    }

    Trainer.AdamW adamW(long step) {
        return new Trainer.AdamW(schedule.at(step), beta1, beta2, epsilon, weightDecay, clipNorm);
    }
}
