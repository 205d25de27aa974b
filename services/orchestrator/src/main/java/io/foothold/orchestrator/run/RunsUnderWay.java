package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.log.LogIds;
import io.foothold.orchestrator.event.Happening;
import io.foothold.orchestrator.ledger.Lease;
import io.foothold.orchestrator.ledger.Ledger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The runs that go on in this process or wait for its learner: begins them with a lease, keeps it, and ends them. Thread-safe.
 */
final class RunsUnderWay implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(RunsUnderWay.class);
    /** States of runs that begin as soon as their learner is free. */
    private static final Set<String> WAITING = Set.of("created", "queued");

    /**
     * A run that was made and does nothing yet.
     *
     * @param part what it is to do
     */
    record Made(Run run, RunLog log, Function<Run, Run.End> part) {}

    /** A run under way in this process. */
    private record Active(Run run, Lease lease, CompletableFuture<Ledger.RunRow> end) {}

    private final Ledger ledger;
    private final Seat seat;
    private final RunClock clock;
    private final RunThreads threads;
    private final BiFunction<Ledger.RunRow, Lease, Made> maker;
    private final RunLeases leases;
    private final Map<String, Active> active = new ConcurrentHashMap<>();
    /** Ends of the runs that wait and were asked for here. */
    private final Map<String, CompletableFuture<Ledger.RunRow>> waiting = new ConcurrentHashMap<>();
    /** Held by whoever decides which runs go on here. Not a monitor: it takes as long as the ledger. */
    private final ReentrantLock deciding = new ReentrantLock();

    private volatile RunClock.@Nullable Repetition watching;

    /**
     * Nothing under way yet.
     *
     * @param maker makes a run from its row
     */
    RunsUnderWay(
            Ledger ledger,
            Seat seat,
            RunClock clock,
            RunThreads threads,
            BiFunction<Ledger.RunRow, Lease, Made> maker) {
        this.ledger = ledger;
        this.seat = seat;
        this.clock = clock;
        this.threads = threads;
        this.maker = maker;
        this.leases = new RunLeases(ledger, seat, clock);
    }

    /** How many go on here. */
    int number() {
        return active.size();
    }

    /** Whether a run goes on here. */
    boolean here(String runId) {
        return active.containsKey(runId);
    }

    /** Decides something about runs while nobody else does. */
    <T> T decide(Function<RunLeases, T> decision) {
        deciding.lock();
        try {
            leases.begin();
            return decision.apply(leases);
        } finally {
            deciding.unlock();
        }
    }

    /** One run. */
    Ledger.RunRow row(String runId) {
        return ledger.run(runId)
                .orElseThrow(() -> new FootholdException(ErrorCode.NOT_FOUND, "there is no run '" + runId + "'"));
    }

    /**
     * Has a run go on here, or wait.
     *
     * @param dead its last owner, when that one is gone
     * @return whether it goes on here
     */
    boolean begin(String runId, Optional<Lease.Seen> dead, Function<Lease, Made> making) {
        Lease lease = leases.claim(runId, dead).orElse(null);
        if (lease == null) {
            letWait(runId);
            return false;
        }
        CompletableFuture<Ledger.RunRow> asked = waiting.get(runId);
        CompletableFuture<Ledger.RunRow> end = asked == null ? new CompletableFuture<>() : asked;
        try {
            start(lease, making.apply(lease), end);
            return true;
        } catch (RuntimeException | Error e) {
            FootholdException why = FailureLog.told(LOG, "run " + runId + " cannot go on", e);
            Ledger.await(ledger.inRun(lease).endRun(lease, "failed", why.text()));
            end.complete(row(runId));
            throw why;
        } finally {
            // Only now: at any time whoever asks for the end finds it in one of both places.
            waiting.remove(runId);
        }
    }

    private void letWait(String runId) {
        boolean waits = row(runId).state().equals("queued");
        if (!waits) {
            waits = RunLeases.got(ledger.setAside(runId, "queued", "waits for learner " + seat.learner()));
            if (waits) {
                LOG.infof("run %s waits for learner %s", runId, seat.learner());
            }
        }
        if (waits) {
            var unused = waiting.computeIfAbsent(runId, id -> new CompletableFuture<>());
        }
    }

    private void start(Lease lease, Made made, CompletableFuture<Ledger.RunRow> end) {
        String runId = lease.runId();
        Run run = made.run();
        LOG.infof("run %s begins%s", runId, lease.token() == 0 ? "" : " again, time " + lease.token());
        active.put(runId, new Active(run, lease, end));
        RunClock.Repetition keeping = leases.keep(lease, run::stop, run::abort);
        threads.begin("run-" + runId, () -> {
            // For good: the thread is this run's, and so are those that it begins.
            var unused = LogIds.ofRun(runId);
            Run.End how;
            try {
                how = made.part().apply(run);
            } catch (Throwable e) {
                how = new Run.End(
                        "failed", FailureLog.told(LOG, "run " + runId, e).text());
            }
            keeping.close();
            try {
                tellEnd(lease, made.log(), how);
                active.remove(runId);
                end.complete(row(runId));
            } catch (Throwable e) {
                FootholdException failure = FailureLog.told(LOG, "run " + runId + ": its end cannot be written", e);
                active.remove(runId);
                end.completeExceptionally(failure);
            }
            goOn();
        });
    }

    /** Begins what waited here for a learner that is free now. */
    private void goOn() {
        if (!waiting.isEmpty()) {
            try {
                var unused = decide(held -> next(waiting::containsKey));
            } catch (RuntimeException | Error e) {
                var unused = FailureLog.told(LOG, "the runs that wait", e);
            }
        }
    }

    /** Begins runs that wait, the oldest first, as long as their learner is free; gives their ids. */
    private List<String> next(Predicate<String> which) {
        List<String> begun = new ArrayList<>();
        for (Ledger.RunRow run : ledger.runs().reversed()) {
            if (WAITING.contains(run.state()) && which.test(run.id())) {
                if (goesOn(run, Optional.empty())) {
                    begun.add(run.id());
                } else if (WAITING.contains(row(run.id()).state())) {
                    // Those behind it wait for the same learner.
                    break;
                }
            }
        }
        return begun;
    }

    private boolean goesOn(Ledger.RunRow run, Optional<Lease.Seen> dead) {
        try {
            return begin(run.id(), dead, lease -> maker.apply(run, lease));
        } catch (RuntimeException | Error e) {
            // Told, and in its row.
            return false;
        }
    }

    private void tellEnd(Lease lease, RunLog log, Run.End how) {
        try {
            // The event first: who sees the state of an ended run finds its last event stored.
            log.event(new Happening.RunEnded(how.state(), how.reason()));
        } finally {
            // Also when the event cannot be told: a run that is over must not look as if it went on.
            Ledger.await(ledger.inRun(lease).endRun(lease, how.state(), how.reason()));
        }
        LOG.log(
                how.state().equals("failed") ? Logger.Level.WARN : Logger.Level.INFO,
                "run " + lease.runId() + " " + how.state() + (how.reason().isEmpty() ? "" : ": " + how.reason()));
    }

    /** See {@link RunManager#adopt}. */
    List<String> adopt() {
        return decide(held -> {
            List<Ledger.RunRow> running = ledger.runs().stream()
                    .filter(r -> r.state().equals("running"))
                    .toList();
            Map<String, Optional<Lease.Seen>> orphans =
                    leases.orphans(running.stream().map(Ledger.RunRow::id).toList(), active::containsKey);
            List<String> adopted = new ArrayList<>();
            for (Ledger.RunRow run : running) {
                Optional<Lease.Seen> dead = orphans.get(run.id());
                if (dead != null) {
                    LOG.infof("run %s was under way when its process died: it goes on", run.id());
                    if (goesOn(run, dead)) {
                        adopted.add(run.id());
                    }
                }
            }
            adopted.addAll(next(id -> true));
            return adopted;
        });
    }

    /** Adopts now and from now on. */
    void watch() {
        watching = clock.repeats().every(seat.pulse(), "runs", this::look);
        look();
    }

    private void look() {
        try {
            var unused = adopt();
        } catch (RuntimeException e) {
            LOG.debugf("runs cannot be looked through: %s", e.getMessage());
        }
    }

    /** Gives up what is under way, so that another process can go on with it at once; nothing of it is written any more. */
    @Override
    public void close() {
        RunClock.Repetition looking = watching;
        if (looking != null) {
            looking.close();
        }
        active.values().forEach(a -> {
            try {
                Ledger.await(ledger.release(a.lease()));
            } catch (FootholdException e) {
                LOG.debugf("run %s could not be given up: %s", a.lease().runId(), e.text());
            }
        });
    }

    /** See {@link RunManager#abort}. */
    void abort(String runId, FootholdException reason) {
        Active running = active.get(runId);
        if (running != null) {
            running.run().abort(reason);
        }
    }

    /** Asks a run to stop after the update that is under way, in whichever process that is; one that waits will not begin. */
    Ledger.RunRow stop(String runId) {
        Active running = active.get(runId);
        if (running != null) {
            running.run().stop();
            return row(runId);
        }
        return decide(held -> {
            String state = row(runId).state();
            boolean done = WAITING.contains(state)
                    ? RunLeases.got(ledger.setAside(runId, "stopped", "asked to stop before it began"))
                    : state.equals("running") && RunLeases.got(ledger.wish(runId, RunLeases.STOP));
            if (!done) {
                throw new FootholdException(
                        ErrorCode.WRONG_STATE, "run " + runId + " is not under way: it is " + state);
            }
            CompletableFuture<Ledger.RunRow> end = waiting.remove(runId);
            if (end != null) {
                end.complete(row(runId));
            }
            return row(runId);
        });
    }

    /** Completes with the run's last state; at once when it is neither under way nor waiting here. */
    CompletableFuture<Ledger.RunRow> end(String runId) {
        CompletableFuture<Ledger.RunRow> asked = waiting.get(runId);
        Active running = active.get(runId);
        if (running != null) {
            return running.end();
        }
        return asked == null ? CompletableFuture.completedFuture(row(runId)) : asked;
    }
}
