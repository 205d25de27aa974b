package io.foothold.learner.train;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.Distillation;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.MismatchRule;
import io.foothold.policy.Lora;
import io.foothold.policy.Precision;
import io.foothold.policy.Trainer;
import java.util.List;
import java.util.Optional;

/**
 * How a run learns.
 *
 * @param learning rewards to slopes
 * @param optimizer slopes to steps
 * @param steps how an update is cut
 * @param checkpoints what stays of the run
 * @param computation how closely it is computed
 * @param lora adapters that are trained on frozen weights; empty when all weights are
 * @param seed of fresh adapters
 * @param text the settings in canonical text, compared on resume
 */
public record RunSettings(
        Learning learning,
        Optimizer optimizer,
        Steps steps,
        Checkpoints checkpoints,
        Computation computation,
        Optional<Lora> lora,
        long seed,
        String text) {

    /**
     * How rewards become slopes.
     *
     * @param estimator advantages
     * @param loss loss
     * @param mismatch correction for a sampler that is not the learner
     * @param temperature that the behaviour log-probs were taken at
     * @param trainGiven whether given tokens of a response get credit too
     * @param maskTruncated whether rollouts that the limit of tokens cut off have neither gradient nor weight
     * @param distillation what the policy teaches itself
     * @param weights of the several rewards of a rollout; empty where it has one
     */
    public record Learning(
            AdvantageEstimator estimator,
            LossRule loss,
            MismatchRule mismatch,
            double temperature,
            boolean trainGiven,
            boolean maskTruncated,
            Distillation distillation,
            List<Double> weights) {
        /** Without a teacher, with one reward a rollout. */
        public Learning(
                AdvantageEstimator estimator,
                LossRule loss,
                MismatchRule mismatch,
                double temperature,
                boolean trainGiven,
                boolean maskTruncated) {
            this(estimator, loss, mismatch, temperature, trainGiven, maskTruncated, Distillation.NONE, List.of());
        }

        /** With all rollouts. */
        public Learning(
                AdvantageEstimator estimator,
                LossRule loss,
                MismatchRule mismatch,
                double temperature,
                boolean trainGiven) {
            this(estimator, loss, mismatch, temperature, trainGiven, false);
        }

        /** Checks what must fit. */
        public Learning {
            weights = List.copyOf(weights);
            if (trainGiven && loss.loss().hasRatio()) {
                throw new IllegalArgumentException(
                        "train_given needs a loss without a ratio: given tokens have no behaviour log-prob");
            }
            if (trainGiven && mismatch.corrects()) {
                throw new IllegalArgumentException(
                        "train_given needs the mismatch rule none: given tokens have no behaviour log-prob");
            }
            if (distillation.teaches() && (loss.loss().hasRatio() || trainGiven || mismatch.corrects())) {
                throw new IllegalArgumentException(
                        "distillation needs a loss without a ratio, the mismatch rule none and no train_given");
            }
            if (!(temperature > 0) || Double.isInfinite(temperature)) {
                throw new IllegalArgumentException("training needs a temperature above 0: " + temperature);
            }
        }
    }

    /**
     * AdamW and its schedule.
     *
     * @param schedule learning rate
     * @param beta1 decay of the first moment
     * @param beta2 decay of the second moment
     * @param epsilon keeps the denominator away from 0
     * @param weightDecay decoupled
     * @param clipNorm bound of the gradient norm
     */
    public record Optimizer(
            Schedule schedule, double beta1, double beta2, double epsilon, double weightDecay, double clipNorm) {
        /** Written so that NaN is refused too: every comparison with it is false, a bound that it is would hold nothing. */
        public Optimizer {
            if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1)) {
                throw new IllegalArgumentException("beta1 and beta2 must be in [0, 1): " + beta1 + ", " + beta2);
            }
            if (!(epsilon >= 0 && weightDecay >= 0 && clipNorm >= 0)) {
                throw new IllegalArgumentException("epsilon, weight_decay and clip_norm must be at least 0: " + epsilon
                        + ", " + weightDecay + ", " + clipNorm);
            }
        }

        Trainer.AdamW at(long step) {
            return new Trainer.AdamW(schedule.at(step), beta1, beta2, epsilon, weightDecay, clipNorm);
        }
    }

    /**
     * How an update is cut.
     *
     * @param groupsPerStep groups of one optimizer step; 0 is the whole update
     * @param epochs passes over an update
     * @param microBatchTokens largest count of tokens of a micro-batch
     */
    public record Steps(int groupsPerStep, int epochs, int microBatchTokens) {
        /** Checks ranges. */
        public Steps {
            if (epochs < 1 || microBatchTokens < 1 || groupsPerStep < 0) {
                throw new IllegalArgumentException(
                        "epochs and micro_batch_tokens must be at least 1, groups_per_step at least 0");
            }
        }
    }

    /**
     * What stays of a run.
     *
     * @param every updates between checkpoints
     * @param kept checkpoints that stay
     */
    public record Checkpoints(int every, int kept) {
        /** Checks ranges. */
        public Checkpoints {
            if (every < 1 || kept < 1) {
                throw new IllegalArgumentException("checkpoint_every and checkpoints_kept must be at least 1");
            }
        }
    }

    /**
     * How closely it is computed.
     *
     * @param precision of attention
     * @param maxLogProbDifference largest difference of sampler and learner, nats
     */
    public record Computation(Precision precision, double maxLogProbDifference) {
        /** Checks ranges. */
        public Computation {
            if (!(maxLogProbDifference >= 0)) {
                throw new IllegalArgumentException(
                        "max_log_prob_difference must be at least 0: " + maxLogProbDifference);
            }
        }
    }

    /** The loss. */
    public LossRule loss() {
        return learning.loss();
    }

    /** The correction for a sampler that is not the learner. */
    public MismatchRule mismatch() {
        return learning.mismatch();
    }

    /** Temperature that the run trains at. */
    public double temperature() {
        return learning.temperature();
    }
}
