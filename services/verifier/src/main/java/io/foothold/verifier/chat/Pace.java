package io.foothold.verifier.chat;

import java.util.concurrent.TimeUnit;

/** Lets so many calls a minute begin, evenly. Thread-safe. */
final class Pace {
    private final long between;
    private long next = System.nanoTime();

    /**
     * A pace.
     *
     * @param perMinute calls a minute; 0 for no limit
     */
    Pace(int perMinute) {
        this.between = perMinute == 0 ? 0 : TimeUnit.MINUTES.toNanos(1) / perMinute;
    }

    /** Waits until a call may begin. */
    void await() throws InterruptedException {
        if (between == 0) {
            return;
        }
        long wait;
        synchronized (this) {
            long now = System.nanoTime();
            long begin = Math.max(now, next);
            next = begin + between;
            wait = begin - now;
        }
        TimeUnit.NANOSECONDS.sleep(wait);
    }
}
