package io.foothold.learner.train;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Which run has the learner: one at a time, from its opening to its end. A run whose orchestrator is gone keeps it for a while, so that
 * the orchestrator can come back, and loses it then if another run asks. Thread-safe.
 */
public final class RunLease {
    /** How long a run that nothing was heard of keeps the learner. */
    public static final Duration LENGTH = Duration.ofSeconds(60);

    private final LongSupplier nanos;
    private String holder = "";
    private long heard;

    /**
     * A lease that nobody has.
     *
     * @param nanos a clock that only goes forward, nanoseconds
     */
    public RunLease(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /**
     * Gives the learner to a run, again if it has it.
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} naming the run that has it
     */
    public synchronized void take(String run) {
        long now = nanos.getAsLong();
        Duration silent = Duration.ofNanos(now - heard);
        if (!holder.isEmpty() && !holder.equals(run) && silent.compareTo(LENGTH) < 0) {
            throw new FootholdException(
                    ErrorCode.CONFLICT,
                    "the learner has run " + holder
                            + " under way and serves one at a time: wait for its end or stop it (if its "
                            + "orchestrator is gone, the learner is free "
                            + LENGTH.minus(silent).toSeconds() + " s from now)");
        }
        holder = run;
        heard = now;
    }

    /** Something was heard of a run; gives whether it has the learner. */
    public synchronized boolean keep(String run) {
        boolean held = holder.equals(run);
        if (held) {
            heard = nanos.getAsLong();
        }
        return held;
    }

    /** Gives the learner back; gives whether the run had it. */
    public synchronized boolean release(String run) {
        boolean held = holder.equals(run);
        if (held) {
            holder = "";
        }
        return held;
    }
}
