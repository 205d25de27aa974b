package io.foothold.core.ledger;

import java.util.List;
import java.util.Set;

/** Where a rollout is in its life. */
public enum RolloutState {
    /** Written down before it is sampled. */
    RESERVED,
    /** Its tokens are there. */
    SAMPLED,
    /** It has a verdict. */
    VERIFIED,
    /** Its group is complete and part of an update. */
    ADMITTED,
    /** End: it went into one or more updates; with advantage 0 its weight was 0. */
    TRAINED,
    /** End: it served evaluation, mining, search, localization or as a seed. */
    CONSUMED,
    /** End: it was given up, with a reason. */
    DROPPED;

    /** Whether it is an end. */
    public boolean ended() {
        return this == TRAINED || this == CONSUMED || this == DROPPED;
    }

    /** The states that may follow. */
    public Set<RolloutState> next() {
        return switch (this) {
            case RESERVED -> Set.of(SAMPLED, DROPPED);
            // A localizer's question is answered and never judged.
            case SAMPLED -> Set.of(VERIFIED, CONSUMED, DROPPED);
            case VERIFIED -> Set.of(ADMITTED, CONSUMED, DROPPED);
            case ADMITTED -> Set.of(TRAINED, DROPPED);
            case TRAINED, CONSUMED, DROPPED -> Set.of();
        };
    }

    /**
     * Takes steps one after the other.
     *
     * @return where the last one leads
     * @throws IllegalStateException at the first step that does not follow
     */
    public RolloutState through(String rolloutId, List<RolloutState> steps) {
        RolloutState at = this;
        for (RolloutState step : steps) {
            at.checkStep(rolloutId, step);
            at = step;
        }
        return at;
    }

    /** Refuses a step that the life of a rollout does not have. */
    public void checkStep(String rolloutId, RolloutState to) {
        if (!next().contains(to)) {
            throw new IllegalStateException("rollout " + rolloutId + " cannot go from " + this + " to " + to);
        }
    }
}
