package io.foothold.core.reset;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Whether a localizer is still worth asking. Where the first error is known, a reset is clean when it keeps no wrong thought; once too
 * few of the last 64 were, thoughts are chosen at random from then on. Thread-safe.
 */
public final class LocalizerTrust {
    private static final int WATCHED = 64;

    private final double leastClean;
    private final Deque<Boolean> lately = new ArrayDeque<>();
    private boolean lost;

    /**
     * Trust in a localizer.
     *
     * @param leastClean least share of clean resets, from 0 to 1; 0 asks it for ever
     */
    public LocalizerTrust(double leastClean) {
        if (!(leastClean >= 0 && leastClean <= 1)) {
            throw new IllegalArgumentException("a share is from 0 to 1: " + leastClean);
        }
        this.leastClean = leastClean;
    }

    /** Takes what came of a reset. */
    public synchronized void watch(LocalizationStatistics.Outcome outcome) {
        if (leastClean == 0 || outcome.firstError().isEmpty()) {
            return;
        }
        lately.add(outcome.clean());
        if (lately.size() > WATCHED) {
            lately.poll();
        }
        lost |= lately.size() == WATCHED
                && lately.stream().filter(clean -> clean).count() < leastClean * WATCHED;
    }

    /** Whether it was lost; it does not come back. */
    public synchronized boolean lost() {
        return lost;
    }
}
