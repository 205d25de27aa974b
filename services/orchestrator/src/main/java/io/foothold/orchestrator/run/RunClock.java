package io.foothold.orchestrator.run;

import java.time.InstantSource;
import java.util.function.LongSupplier;

/**
 * The time as runs see it.
 *
 * @param time of events
 * @param nanos what durations are told by, as System.nanoTime gives it
 */
public record RunClock(InstantSource time, LongSupplier nanos) {
    /** That of the machine. */
    public static RunClock system() {
        return new RunClock(InstantSource.system(), System::nanoTime);
    }

    /** Seconds since an earlier reading of {@code nanos}. */
    double secondsSince(long earlier) {
        return (nanos.getAsLong() - earlier) / 1e9;
    }
}
