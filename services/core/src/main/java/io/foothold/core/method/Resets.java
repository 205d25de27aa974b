package io.foothold.core.method;

import io.foothold.core.reset.LocalizationStatistics;
import java.util.List;

/**
 * What the resets of a place were like; all empty without any.
 *
 * @param draws fresh rollouts that it took to find the seeds
 * @param drawsPassed those of them that passed
 * @param continued the seeds that have a suffix group
 * @param dropped why suffix groups are missing
 */
public record Resets(int draws, int drawsPassed, List<Continued> continued, List<String> dropped) {
    /** No resets. */
    public static final Resets NONE = new Resets(0, 0, List.of(), List.of());

    /** A seed, and what is known of its reset. */
    public record Continued(Rollout seed, LocalizationStatistics.Outcome outcome) {}

    /** Copies. */
    public Resets {
        continued = List.copyOf(continued);
        dropped = List.copyOf(dropped);
    }
}
