package io.foothold.contracts.flow;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * The clock and the one timer thread of a credited stream. Everything that a stream does by time goes through it, so that a
 * simulation can put a clock of its own in place.
 *
 * <p>Thread rules: its methods may be called by any thread and do not block. Tasks run one after the other, never on the thread that
 * hands them in and never before the call that handed them in has returned.
 */
public interface StreamTimer extends AutoCloseable {
    /** Nanoseconds since some instant; only differences mean something. */
    long nanoTime();

    /** Runs a task once, after a delay; after {@link #close} it may be refused with an unchecked exception. */
    void after(Duration delay, Runnable task);

    /** Runs a task again and again, with a pause before each, until {@link #close}. The task must not throw. */
    void every(Duration pause, Runnable task);

    /** Tasks that did not begin are not run any more. */
    @Override
    void close();

    /**
     * The clock of the machine, and a daemon thread.
     *
     * @param threadName how the thread's name begins
     */
    static StreamTimer system(String threadName) {
        ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(
                Thread.ofPlatform().daemon().name(threadName, 0).factory());
        return new StreamTimer() {
            @Override
            public long nanoTime() {
                return System.nanoTime();
            }

            @Override
            public void after(Duration delay, Runnable task) {
                var unused = thread.schedule(task, delay.toNanos(), TimeUnit.NANOSECONDS);
            }

            @Override
            public void every(Duration pause, Runnable task) {
                var unused =
                        thread.scheduleWithFixedDelay(task, pause.toNanos(), pause.toNanos(), TimeUnit.NANOSECONDS);
            }

            @Override
            public void close() {
                thread.shutdownNow();
            }
        };
    }
}
