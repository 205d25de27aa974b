package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.ledger.Lease;
import io.foothold.orchestrator.ledger.Ledger;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jboss.logging.Logger;

/**
 * Which runs are this process's, by the leases in the ledger. Whether another owner lives is told by its beat, on the clock of this process
 * alone: clocks of machines are compared nowhere. Used under its manager's lock, but for what {@link #keep} begins.
 */
final class RunLeases {
    /** Somebody wants a run to stop. */
    static final String STOP = "stop";

    private static final Logger LOG = Logger.getLogger(RunLeases.class);
    /** So much later is a run taken over by a process whose learner is another one. */
    private static final int STRANGER = 4;

    /** A beat, and when it was seen first. */
    private record Beat(Lease.Seen seen, long since) {}

    private final Ledger ledger;
    private final Seat seat;
    private final RunClock clock;
    private final Map<String, Beat> beats = new HashMap<>();
    private boolean begun;

    RunLeases(Ledger ledger, Seat seat, RunClock clock) {
        this.ledger = ledger;
        this.seat = seat;
        this.clock = clock;
    }

    /** To be called before anything else: what had runs in a ledger that only this process can have is gone. */
    void begin() {
        if (!begun && seat.alone()) {
            Ledger.await(ledger.forgetOwners());
        }
        begun = true;
    }

    /**
     * Takes a run.
     *
     * @param dead the owner that is gone, empty when nobody has it
     * @return empty when another process was first, or the learner has another run
     */
    Optional<Lease> claim(String runId, Optional<Lease.Seen> dead) {
        return got(ledger.claim(runId, seat.owner(), seat.learner(), dead));
    }

    /** How long a run belongs to a process that nothing is heard of. */
    Duration length() {
        return seat.lease();
    }

    /** The lease that a run has which is new. */
    Lease first(String runId) {
        return new Lease(runId, seat.owner(), 0);
    }

    /** Waits for a write that gives something. */
    static <T> T got(CompletableFuture<T> write) {
        try {
            return write.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
        } catch (ExecutionException e) {
            throw FootholdException.of(e);
        }
    }

    /** All leases that somebody has. */
    Map<String, Lease.Seen> held() {
        Map<String, Lease.Seen> out = new HashMap<>();
        ledger.leases().forEach(s -> out.put(s.runId(), s));
        return out;
    }

    /** Who has a run, when that is another process. */
    Optional<String> elsewhere(String runId) {
        return Optional.ofNullable(held().get(runId))
                .map(Lease.Seen::owner)
                .filter(owner -> !owner.isEmpty() && !owner.equals(seat.owner()));
    }

    /**
     * The runs of a list that have no owner any more, with the one that they had; to be asked again and again.
     *
     * @param here whether a run is under way in this process
     */
    Map<String, Optional<Lease.Seen>> orphans(Iterable<String> running, Predicate<String> here) {
        Map<String, Lease.Seen> held = held();
        Map<String, Optional<Lease.Seen>> out = new LinkedHashMap<>();
        long now = clock.waits().nanos();
        for (String id : running) {
            Lease.Seen seen = held.get(id);
            if (seen == null || seen.owner().isEmpty()) {
                out.put(id, Optional.empty());
            } else if (seen.owner().equals(seat.owner())) {
                if (!here.test(id)) {
                    out.put(id, Optional.of(seen));
                }
            } else if (silent(id, seen, now)) {
                out.put(id, Optional.of(seen));
            }
        }
        beats.keySet().retainAll(held.keySet());
        return out;
    }

    private boolean silent(String id, Lease.Seen seen, long now) {
        Beat beat = beats.get(id);
        if (beat == null || !beat.seen().equals(seen)) {
            beats.put(id, new Beat(seen, now));
            return false;
        }
        boolean own = seen.learner().isEmpty() || seen.learner().equals(seat.learner());
        return now - beat.since()
                >= seat.lease().multipliedBy(own ? 1 : STRANGER).toNanos();
    }

    /**
     * Says again and again that the owner lives, until it is closed or the lease is lost.
     *
     * @param asked somebody wants the run to stop
     * @param lost told why, once
     */
    RunClock.Repetition keep(Lease lease, Runnable asked, Consumer<FootholdException> lost) {
        AtomicBoolean over = new AtomicBoolean();
        RunClock.Repetition saying = clock.repeats().every(seat.pulse(), "lease-" + lease.runId(), () -> {
            if (!over.get() && !renewed(lease, asked, lost)) {
                over.set(true);
            }
        });
        return () -> {
            // Also a step that has begun and said nothing yet: behind the run's end it would be refused.
            over.set(true);
            saying.close();
        };
    }

    private boolean renewed(Lease lease, Runnable asked, Consumer<FootholdException> lost) {
        try {
            if (got(ledger.inRun(lease).renew(lease)).equals(STOP)) {
                asked.run();
            }
            return true;
        } catch (FootholdException why) {
            if (why.code() != ErrorCode.WRONG_STATE) {
                // The database was away for longer than a write waits: as long as nobody took the run it is ours.
                LOG.debugf("run %s: its lease could not be renewed: %s", lease.runId(), why.text());
                return true;
            }
            lost.accept(why);
            return false;
        }
    }
}
