package io.foothold.core.loss;

import java.util.List;

/**
 * A loss: what the sampled tokens of a rollout are worth under the policy, and how fast that changes with the log-prob of each. Both
 * backends train by it: they compute log-probs, ask for the slopes, and carry those back through the model. What all losses share (weights,
 * KL, entropy, rollouts of another prompt) is in {@link LossRule}.
 *
 * <p>A loss is one file: a record that implements this, with a {@link LossKind} in it by which run files find it. Immutable.
 */
public interface PolicyLoss {

    /**
     * The objective of one rollout, which is maximised: Σ_t c_t objective_t with its derivative by log π_θ of each token. Where the
     * paper holds a factor constant (a stopped gradient) the derivative does too.
     *
     * @param tokens of the rollout; finite, but for behaviour log-probs that a loss without a ratio does not look at
     */
    Objective of(Tokens tokens);

    /** Whether it has an importance ratio, so that it is right for rollouts of an older policy and for several steps a batch. */
    boolean hasRatio();

    /** Whether a ratio lies outside of its bounds, for the share of clipped tokens; false for losses without bounds. */
    default boolean isOutside(double ratio) {
        return false;
    }

    /**
     * Whether what a token is worth depends on other rollouts of its optimizer step: then all of them are scored first, and {@link #over}
     * is asked.
     */
    default boolean looksAtStep() {
        return false;
    }

    /**
     * This loss for the rollouts of one optimizer step.
     *
     * @param step its rollouts with sampled tokens but for those of another prompt, under the policy before the step
     */
    default PolicyLoss over(List<Tokens> step) {
        return this;
    }
}
