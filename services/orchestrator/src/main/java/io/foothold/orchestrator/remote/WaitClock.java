package io.foothold.orchestrator.remote;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** The time by which a run waits. Thread-safe. */
public interface WaitClock {
    /** Nanoseconds since some instant; only differences mean something. */
    long nanos();

    /** Completes after a pause. */
    CompletableFuture<Void> after(Duration pause);

    /** That of the machine. */
    static WaitClock system() {
        return new WaitClock() {
            @Override
            public long nanos() {
                return System.nanoTime();
            }

            @Override
            public CompletableFuture<Void> after(Duration pause) {
                return new CompletableFuture<Void>().completeOnTimeout(null, pause.toMillis(), TimeUnit.MILLISECONDS);
            }
        };
    }
}
