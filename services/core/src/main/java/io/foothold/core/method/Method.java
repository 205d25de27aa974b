package io.foothold.core.method;

import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;

/** How one place of an update is filled. Thread-safe. */
public interface Method {
    /**
     * Fills a place. Blocks while its peers work.
     *
     * @param start where its fresh rollouts begin
     * @param peers who makes what it asks for
     * @param seeds of everything random in it
     * @return at least one group, and an end for every other rollout that came
     * @throws PlaceLost when the place cannot be filled; every rollout that came and has no end in it is given up for that reason
     */
    Place place(StartState start, Peers peers, Seeds seeds);

    /** Whether it has given up its localizer, for the rest of the run, for thoughts at random. */
    default boolean fellBack() {
        return false;
    }
}
