package io.foothold.contracts.flow;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The threads that wait for space in a credited stream's queue, or for a key that other work has. Belongs to the stream, whose lock is
 * held whenever it is called.
 */
final class Blocked {
    /** How often whoever is blocked asks whether it should go on waiting. */
    private static final Duration CHECK = Duration.ofMillis(100);

    private final ReentrantLock lock;
    private final StreamTimer timer;
    /** Space was freed, or a key. */
    private final Condition freed;
    /** How many threads wait for a key. */
    private int forKeys;
    /** Whether the timer will wake those who are blocked, so that they ask. */
    private boolean waking;

    Blocked(ReentrantLock lock, StreamTimer timer) {
        this.lock = lock;
        this.timer = timer;
        this.freed = lock.newCondition();
    }

    /**
     * Waits until something was freed, or it is time to ask.
     *
     * @param forKey whether a key is waited for
     * @throws FootholdException CANCELLED when interrupted
     */
    @SuppressWarnings("WaitNotInLoop") // Who calls it looks again.
    void await(boolean forKey) {
        forKeys += forKey ? 1 : 0;
        try {
            if (!waking) {
                waking = true;
                timer.after(CHECK, this::wake);
            }
            freed.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
        } finally {
            forKeys -= forKey ? 1 : 0;
        }
    }

    private void wake() {
        lock.lock();
        try {
            waking = false;
            freed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Space was freed, or everything is. */
    void freed() {
        freed.signalAll();
    }

    /** A key was freed. */
    void keyFreed() {
        if (forKeys > 0) {
            freed.signalAll();
        }
    }
}
