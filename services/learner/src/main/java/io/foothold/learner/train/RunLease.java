package io.foothold.learner.train;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.names.Name;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Which run has the learner: one at a time, from its opening to its end. A run whose orchestrator is gone keeps it for a while, so that
 * the orchestrator can come back, and loses it then if another run asks. A later holder of the same run takes it over at once; what the
 * former one still says counts no more. Thread-safe.
 */
public final class RunLease {
    /** How long a run that nothing was heard of keeps the learner. */
    public static final Duration LENGTH = Duration.ofSeconds(60);

    /**
     * One process of one run.
     *
     * @param run its id
     * @param incarnation how often the run was resumed
     * @param token what only this process knows
     */
    public record Holder(String run, long incarnation, String token) {
        /** Checks that it says who it is. */
        public Holder {
            run = Name.of("run id", run).text();
            if (token.isEmpty() || incarnation < 0) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "run " + run + " needs a holder with an incarnation of at least 0 and a token, got incarnation "
                                + incarnation + (token.isEmpty() ? " and no token" : ""));
            }
        }
    }

    private final LongSupplier nanos;
    private @Nullable Holder holder;
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
    public synchronized void take(Holder next) {
        long now = nanos.getAsLong();
        Duration silent = Duration.ofNanos(now - heard);
        Holder had = holder;
        if (had != null && !had.equals(next) && !succeeds(had, next) && silent.compareTo(LENGTH) < 0) {
            throw new FootholdException(
                    ErrorCode.CONFLICT,
                    "the learner has run " + had.run() + " under way"
                            + (had.run().equals(next.run())
                                    ? " for another process (incarnation " + had.incarnation() + ", this is "
                                            + next.incarnation() + ")"
                                    : " and serves one at a time: wait for its end or stop it")
                            + " (if its orchestrator is gone, the learner is free "
                            + LENGTH.minus(silent).toSeconds() + " s from now)");
        }
        holder = next;
        heard = now;
    }

    private static boolean succeeds(Holder had, Holder next) {
        return had.run().equals(next.run()) && next.incarnation() > had.incarnation();
    }

    /** Something was heard of a holder; gives whether it has the learner. */
    public synchronized boolean keep(Holder who) {
        boolean held = who.equals(holder);
        if (held) {
            heard = nanos.getAsLong();
        }
        return held;
    }

    /** Work of a run came in. */
    public synchronized void heardOf(String run) {
        if (holder != null && holder.run().equals(run)) {
            heard = nanos.getAsLong();
        }
    }

    /** Gives the learner back; gives whether it was this holder that had it. */
    public synchronized boolean release(Holder who) {
        boolean held = who.equals(holder);
        if (held) {
            holder = null;
        }
        return held;
    }
}
