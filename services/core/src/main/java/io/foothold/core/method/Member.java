package io.foothold.core.method;

import org.jspecify.annotations.Nullable;

/**
 * A rollout that is trained.
 *
 * @param reward what it is compared by
 * @param refines the answer that it refines and whose prompt it is trained under; null for a rollout of its own prompt
 */
public record Member(
        Rollout rollout, double reward, @Nullable Rollout refines) {

    /** Rewards are finite. */
    public Member {
        if (!Double.isFinite(reward)) {
            throw new IllegalArgumentException("the reward of rollout " + rollout.id() + " is " + reward);
        }
    }

    /** A rollout of its own prompt. */
    public Member(Rollout rollout, double reward) {
        this(rollout, reward, null);
    }

    /** A rollout with its own reward. */
    static Member of(Rollout rollout) {
        return new Member(rollout, rollout.reward().orElseThrow());
    }

    /**
     * The credit mask, shape [given + sampled tokens]: true on tokens that the policy sampled in this rollout, false on those that
     * its start gave.
     */
    public boolean[] mask() {
        boolean[] out = new boolean[rollout.responseTokens()];
        for (int t = rollout.start().givenTokens(); t < out.length; t++) {
            out[t] = true;
        }
        return out;
    }
}
