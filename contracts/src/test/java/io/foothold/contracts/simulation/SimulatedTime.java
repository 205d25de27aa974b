package io.foothold.contracts.simulation;

import io.foothold.contracts.flow.StreamTimer;
import java.time.Duration;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.random.RandomGenerator;

/**
 * A clock that goes on only from event to event, and the one queue of everything that will happen. With the same seed the same
 * things happen in the same order. For one thread.
 */
public final class SimulatedTime {
    private record Event(long at, long number, Runnable task) {}

    private final PriorityQueue<Event> events =
            new PriorityQueue<>(Comparator.comparingLong(Event::at).thenComparingLong(Event::number));
    private final RandomGenerator random;
    private long now;
    private long handedIn;

    /** Time 0, with nothing that will happen. */
    public SimulatedTime(RandomGenerator random) {
        this.random = random;
    }

    /** Nanoseconds since the beginning. */
    public long now() {
        return now;
    }

    /** Runs a task later, never at once; what is due at the same instant runs in the order in which it was handed in. */
    public void after(Duration delay, Runnable task) {
        at(now + delay.toNanos(), task);
    }

    /** Runs a task at an instant, or as the next one when the instant has passed. */
    public void at(long nanos, Runnable task) {
        events.add(new Event(Math.max(now, nanos), handedIn++, task));
    }

    /** A random time up to {@code most}. */
    public Duration upTo(Duration most) {
        return Duration.ofNanos(random.nextLong(most.toNanos() + 1));
    }

    /**
     * Lets happen what happens within a span.
     *
     * @param each run behind every event: what must always hold
     */
    public void run(Duration span, Runnable each) {
        long end = now + span.toNanos();
        while (!events.isEmpty() && events.peek().at() <= end) {
            Event event = events.poll();
            now = event.at();
            event.task().run();
            each.run();
        }
        now = end;
    }

    /** A timer of this clock. */
    public StreamTimer timer() {
        return new StreamTimer() {
            private boolean closed;

            @Override
            public long nanoTime() {
                return now;
            }

            @Override
            public void after(Duration delay, Runnable task) {
                SimulatedTime.this.after(delay, () -> {
                    if (!closed) {
                        task.run();
                    }
                });
            }

            @Override
            public void every(Duration pause, Runnable task) {
                after(pause, () -> {
                    task.run();
                    every(pause, task);
                });
            }

            @Override
            public void close() {
                closed = true;
            }
        };
    }
}
