package io.foothold.core.method;

import io.foothold.core.random.Seeds;

/**
 * A failed rollout whose first wrong thought is asked for.
 *
 * @param group name inside the place of the group that continues it; what has to be asked of the policy is sampled under it
 * @param random whether a thought drawn at random takes the place of the localizer's
 * @param seeds of everything random in the answer
 */
public record Question(String group, Rollout rollout, boolean random, Seeds seeds) {

    /** The same in a part of the place. */
    Question under(String part) {
        return new Question(part + "/" + group, rollout, random, seeds);
    }
}
