package io.foothold.core.method;

import java.util.Objects;
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
     * The credit mask: whether a token gets credit.
     *
     * @param token index into given and sampled tokens together, from 0
     * @return true on tokens that the policy sampled in this rollout, false on those that its start gave
     */
    public boolean isCredited(int token) {
        return Objects.checkIndex(token, rollout.responseTokens())
                >= rollout.start().givenTokens();
    }
}
