package io.foothold.orchestrator.run;

import java.util.function.LongSupplier;
import java.util.function.Supplier;

/** How long a place takes: every step of its method is timed. One thread. */
final class PlaceClock {
    private final LongSupplier nanos;
    private boolean localized;
    private int rounds;
    private long draw;
    private long localize;
    private long suffixes;

    /**
     * A clock.
     *
     * @param nanos the time, as System.nanoTime gives it
     */
    PlaceClock(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /** Times a step of sampling: a round of drawing, or suffixes once there was a localization. */
    <T> T sampling(Supplier<T> step) {
        long from = nanos.getAsLong();
        T out = step.get();
        long took = nanos.getAsLong() - from;
        if (localized) {
            suffixes += took;
        } else {
            rounds++;
            draw += took;
        }
        return out;
    }

    /** Times localizations. */
    <T> T localizing(Supplier<T> step) {
        long from = nanos.getAsLong();
        T out = step.get();
        localized = true;
        localize += nanos.getAsLong() - from;
        return out;
    }

    /** Begins anew, when a place is filled again. */
    void restart() {
        localized = false;
        rounds = 0;
        draw = 0;
        localize = 0;
        suffixes = 0;
    }

    ResetTimes times() {
        return new ResetTimes(rounds, draw / 1e9, localize / 1e9, suffixes / 1e9);
    }
}
