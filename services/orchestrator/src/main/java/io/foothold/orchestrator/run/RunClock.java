package io.foothold.orchestrator.run;

import io.foothold.orchestrator.remote.WaitClock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.function.LongSupplier;

/**
 * The time as runs see it.
 *
 * @param time of events
 * @param waits what pauses and durations are told by
 * @param repeats what is done again and again
 */
public record RunClock(InstantSource time, WaitClock waits, Repeats repeats) {
    /** Has steps done again and again, beside a run. */
    public interface Repeats {
        /**
         * Begins a repetition.
         *
         * @param pause before each step
         * @param name of whoever does it
         * @param step throws nothing
         */
        Repetition every(Duration pause, String name, Runnable step);
    }

    /** A step that is done again and again until this is closed; one under way is interrupted then. */
    public interface Repetition extends AutoCloseable {
        @Override
        void close();
    }

    /** That of the machine; a virtual thread for each repetition. */
    public static RunClock system() {
        return new RunClock(InstantSource.system(), WaitClock.system(), RunClock::onAThread);
    }

    private static Repetition onAThread(Duration pause, String name, Runnable step) {
        Thread thread = Thread.ofVirtual().name(name).start(() -> {
            try {
                while (true) {
                    Thread.sleep(pause);
                    step.run();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        return thread::interrupt;
    }

    /** What durations are told by, as System.nanoTime gives it. */
    LongSupplier nanos() {
        return waits::nanos;
    }

    /** Seconds since an earlier reading of {@code nanos}. */
    double secondsSince(long earlier) {
        return (waits.nanos() - earlier) / 1e9;
    }
}
