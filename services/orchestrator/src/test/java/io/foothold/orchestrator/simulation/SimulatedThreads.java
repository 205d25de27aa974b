package io.foothold.orchestrator.simulation;

import io.foothold.contracts.simulation.SimulatedTime;
import java.lang.ref.WeakReference;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;

/**
 * Threads of which one runs at a time, and of those that could go on a random one does: with the same seed the same interleaving. They are
 * virtual threads with a scheduler of our own, so that whatever a thread waits for in the classes of the JDK gives the turn back.
 * Who gets no turn any more, because its process died, stays where it is and is forgotten.
 *
 * <p>The JDK has such schedulers, but no public way to them: its package {@code java.lang} must be open to us. {@code jdk.trackAllThreads} must
 * be false, or nothing would ever be forgotten.
 */
final class SimulatedThreads {
    /** What a thread that could go on may lose against the others and the network. */
    private static final Duration SLOW = Duration.ofMillis(5);

    private static final Method NEW_THREAD = newThread();

    private record Turn(long number, SimulatedProcess process, Runnable goOn) {}

    private final SplittableRandom random;
    private final SimulatedTime time;
    private final Thread owner = Thread.currentThread();
    /** By thread: those that could go on since the last turn. Whatever woke several did so at once, in an order that means nothing. */
    private final TreeMap<Long, Turn> woken = new TreeMap<>();

    private final List<Turn> ready = new ArrayList<>();
    private final Map<Long, WeakReference<Thread>> underWay = new HashMap<>();
    private long made;
    /** Woken by a thread of the JVM that is not simulated: something that both share was free again. */
    private final Queue<Turn> wokenFromOutside = new ConcurrentLinkedQueue<>();

    SimulatedThreads(SplittableRandom random, SimulatedTime time) {
        this.random = random;
        this.time = time;
    }

    private static Method newThread() {
        try {
            Method made = Class.forName("java.lang.ThreadBuilders")
                    .getDeclaredMethod("newVirtualThread", Executor.class, String.class, int.class, Runnable.class);
            made.setAccessible(true);
            return made;
        } catch (ReflectiveOperationException | RuntimeException e) {
            throw new IllegalStateException(
                    "this JDK gives no virtual threads with a scheduler of one's own: add --add-opens=java.base/java.lang=ALL-UNNAMED, or"
                            + " see what takes the place of ThreadBuilders.newVirtualThread",
                    e);
        }
    }

    /** A thread of a process that has not begun. */
    Thread unstarted(SimulatedProcess process, String name, Runnable work) {
        long number = made++;
        Executor turns = goOn -> wake(new Turn(number, process, goOn));
        try {
            Thread thread = (Thread) NEW_THREAD.invoke(null, turns, name, 0, work);
            underWay.put(number, new WeakReference<>(thread));
            return thread;
        } catch (IllegalAccessException | InvocationTargetException e) {
            throw new IllegalStateException(e);
        }
    }

    private void wake(Turn turn) {
        Thread who = Thread.currentThread();
        if (who != owner && !who.isVirtual()) {
            wokenFromOutside.add(turn);
        } else if (turn.process().alive()) {
            woken.put(turn.number(), turn);
        }
    }

    /** Lets all of them go on until each waits for something that is still to come. */
    void run() {
        while (true) {
            settle();
            if (ready.isEmpty()) {
                break;
            }
            Turn next = ready.remove(random.nextInt(ready.size()));
            while (next.process().alive()) {
                next.goOn().run();
                Thread thread =
                        Objects.requireNonNull(underWay.get(next.number())).get();
                if (thread == null || thread.getState() == Thread.State.TERMINATED) {
                    underWay.remove(next.number());
                    break;
                }
                if (thread.getState() != Thread.State.BLOCKED) {
                    break;
                }
                // A monitor of the whole JVM, such as a log's: nobody here waits for anything under one, so it is free
                // soon.
                next = wokenFromOutside(next.number());
            }
        }
    }

    private Turn wokenFromOutside(long number) {
        while (true) {
            for (Turn turn : wokenFromOutside) {
                if (turn.number() == number) {
                    wokenFromOutside.remove(turn);
                    return turn;
                }
            }
            Thread.onSpinWait();
        }
    }

    private void settle() {
        for (Turn turn = wokenFromOutside.poll(); turn != null; turn = wokenFromOutside.poll()) {
            woken.put(turn.number(), turn);
        }
        for (Turn turn : woken.values()) {
            if (random.nextInt(8) == 0) {
                time.after(time.upTo(SLOW), () -> ready.add(turn));
            } else {
                ready.add(turn);
            }
        }
        woken.clear();
    }
}
