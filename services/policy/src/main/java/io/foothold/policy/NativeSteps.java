package io.foothold.policy;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;

/**
 * Keeps the end of the process out of native code: when the process ends, libtorch's memory goes, and a thread that still computes
 * with it takes the process down with a signal. So whoever calls libtorch does it inside a step; the end waits for the steps under
 * way, and lets no other begin. Thread-safe.
 */
public final class NativeSteps {
    /** Fair, or a process that steps all the time would never end. */
    private static final ReentrantReadWriteLock GATE = new ReentrantReadWriteLock(true);

    private static final Set<Thread> INSIDE = ConcurrentHashMap.newKeySet();
    private static final Step LEAVE = NativeSteps::leave;
    private static volatile boolean ending;

    private NativeSteps() {}

    /** A step under way; closed by the thread that began it. */
    interface Step extends AutoCloseable {
        @Override
        void close();
    }

    /**
     * Begins a step, within another one too.
     *
     * @throws ProcessEndingException when the process is ending and the thread is in no step yet
     */
    static Step enter() {
        GATE.readLock().lock();
        if (GATE.getReadHoldCount() == 1) {
            if (ending) {
                GATE.readLock().unlock();
                throw new ProcessEndingException();
            }
            INSIDE.add(Thread.currentThread());
        }
        return LEAVE;
    }

    private static void leave() {
        if (GATE.getReadHoldCount() == 1) {
            INSIDE.remove(Thread.currentThread());
        }
        GATE.readLock().unlock();
    }

    /** Gives native memory back; does nothing when the process is ending, as it goes with the process. */
    static void release(Runnable close) {
        try (Step step = enter()) {
            close.run();
        } catch (ProcessEndingException e) {
            // Nothing of the library may be called any more.
        }
    }

    /** Whether the process is ending: no step begins any more. */
    public static boolean ending() {
        return ending;
    }

    /**
     * Lets no further step begin and waits until none is under way, as long as it takes. For shutdown hooks; several may call it.
     *
     * @param say told after 2 seconds and every 10 seconds from then on what is waited for
     */
    public static void end(Consumer<String> say) {
        ending = true;
        boolean interrupted = false;
        long start = System.nanoTime();
        long patience = 2;
        while (true) {
            try {
                if (GATE.writeLock().tryLock(patience, TimeUnit.SECONDS)) {
                    GATE.writeLock().unlock();
                    break;
                }
                List<String> names =
                        INSIDE.stream().map(Thread::getName).sorted().toList();
                say.accept("waiting for the computation under way in " + String.join(", ", names) + " ("
                        + (System.nanoTime() - start) / 1_000_000_000 + " s)");
                patience = 10;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
