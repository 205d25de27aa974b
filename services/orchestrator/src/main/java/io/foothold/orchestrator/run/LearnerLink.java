package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.remote.Holder;
import io.foothold.orchestrator.remote.Learner;
import io.foothold.orchestrator.remote.Patience;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Artefact;
import io.foothold.orchestrator.update.Manifest;
import io.foothold.orchestrator.update.Opened;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The learner as a run sees it. One that was lost in mid-run is opened again, trained to the ledger's update from the stored batches,
 * and asked again: the weights are the same, so neither sampler nor groups under way have to hear of it. Thread-safe.
 */
final class LearnerLink implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(LearnerLink.class);
    /** A batch that ends its learner every time must end the run. */
    private static final int MOST_LOSSES = 5;
    /** A small part of the time for which the learner keeps to a run that it does not hear of. */
    private static final Duration KEEP_EVERY = Duration.ofSeconds(10);

    /**
     * Where learner and ledger stand together.
     *
     * @param update the last update in the weights
     * @param artefact the policy that they are
     * @param opened what the learner said when the run was opened
     */
    record Position(long update, Artefact artefact, Opened opened) {}

    private final Holder holder;
    private final RunSpec spec;
    private final Services services;
    private final Ledger ledger;
    private final RunClock.Repeats repeats;
    private volatile RunClock.@Nullable Repetition keeper;
    /** Not a monitor: what is done under it takes as long as the learner. */
    private final ReentrantLock opening = new ReentrantLock();

    /** What is imitated before the first update. */
    private volatile Supplier<List<Learner.Solution>> imitated = List::of;

    private long openings;

    /**
     * A link that holds nothing before it opens.
     *
     * @param holder whom the learner serves
     * @param repeats tells the learner now and then that the run is under way
     */
    LearnerLink(RunSpec spec, Services services, Ledger ledger, Holder holder, RunClock.Repeats repeats) {
        this.holder = holder;
        this.repeats = repeats;
        this.spec = spec;
        this.services = services;
        this.ledger = ledger;
    }

    /** Has the policy fine-tuned on these solutions before the first update; said before the run is opened. */
    void imitate(Supplier<List<Learner.Solution>> solutions) {
        imitated = solutions;
    }

    /**
     * Opens the run and brings learner and ledger to the same update.
     *
     * <p>Either side may be behind. Updates that the learner lost are trained again from the store; updates that the ledger did not
     * hear of are asked for again and answered with their manifests; one that was admitted only is trained now.
     */
    Position open() {
        opening.lock();
        try {
            return opened();
        } finally {
            opening.unlock();
        }
    }

    /** Also when the learner is lost while it catches up: it goes on from its checkpoint then. */
    private Position opened() {
        for (int losses = 0; ; losses++) {
            try {
                return openedOnce();
            } catch (FootholdException e) {
                if (!forgotten(e) || losses == MOST_LOSSES) {
                    throw e;
                }
                LOG.warnf("run %s: the learner was lost while it was opened: %s", spec.runId(), e.text());
            }
        }
    }

    private Position openedOnce() {
        openings++;
        if (keeper == null) {
            keeper = repeats.every(KEEP_EVERY, "keep-" + spec.runId(), this::keep);
        }
        Opened open = services.learner().openRun(spec.runId(), spec.settings(), holder, imitated.get());
        Position at = new Position(open.update(), open.artefact(), open);
        long done = ledger.run(spec.runId()).map(Ledger.RunRow::updateDone).orElse(0L);
        for (long next = Math.min(at.update(), done) + 1; ; next++) {
            List<TrainGroup> batch = ledger.admittedBatch(spec.runId(), next);
            if (batch.isEmpty()) {
                break;
            }
            services.checkStopped();
            Manifest manifest = services.learner().train(batch);
            Ledger.await(ledger.trained(manifest));
            at = new Position(next, manifest.artefact(), open);
        }
        if (done > at.update()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    "the ledger holds update " + done + ", but learner and stored batches reach update " + at.update()
                            + " only: "
                            + (open.damagedCheckpoints().isEmpty()
                                    ? "the learner's directory was lost"
                                    : String.join("; ", open.damagedCheckpoints())));
        }
        return at;
    }

    private void keep() {
        try {
            services.learner().keepRun(holder);
        } catch (FootholdException e) {
            LOG.debugf("run %s: the learner does not hear that it is under way: %s", spec.runId(), e.text());
        }
    }

    /** Gives the learner back: the run has ended here, or is opened again with something to imitate. */
    @Override
    public void close() {
        RunClock.Repetition keeping = keeper;
        if (keeping == null) {
            return;
        }
        keeper = null;
        keeping.close();
        try {
            services.learner().closeRun(holder);
        } catch (FootholdException e) {
            LOG.debugf("run %s: the learner could not be given back: %s", spec.runId(), e.text());
        }
    }

    /** Trains an admitted batch. */
    Manifest train(List<TrainGroup> batch) {
        // A stream that found no learner waited for it already.
        return persistently(() -> services.learner().train(batch), LearnerLink::forgotten);
    }

    /** Writes a checkpoint of the last update. */
    void checkpoint() {
        saving(() -> services.learner().checkpoint(spec.runId()));
    }

    /** Writes a checkpoint under a label; see the contract. */
    void checkpoint(String label, long update) {
        saving(() -> services.learner().checkpoint(spec.runId(), label, update));
    }

    /** Has a policy brought to where it is said to lie, so that servers can fetch it. */
    void store(Artefact artefact) {
        if (artefact.stored()) {
            saving(() -> services.learner()
                    .awaitStored(spec.runId(), artefact.policy().digest()));
        }
    }

    /** Has the checkpoints that were written brought to where they cannot be lost with the learner's directory. */
    void storeCheckpoints() {
        saving(() -> services.learner().awaitStored(spec.runId(), ""));
    }

    /** Has solutions scored under the weights; see the contract. */
    Learner.Scores score(long policyVersion, List<Learner.Solution> solutions) {
        return persistently(() -> services.learner().score(spec.runId(), policyVersion, solutions), LearnerLink::lost);
    }

    private void saving(Runnable call) {
        var unused = persistently(
                () -> {
                    call.run();
                    return true;
                },
                LearnerLink::lost);
    }

    private static boolean lost(FootholdException e) {
        return forgotten(e) || Patience.away(e);
    }

    private <T> T persistently(Supplier<T> call, Predicate<FootholdException> lost) {
        for (int losses = 0; ; losses++) {
            long seen = openings();
            try {
                return call.get();
            } catch (FootholdException e) {
                if (!lost.test(e) || losses == MOST_LOSSES) {
                    throw e;
                }
                LOG.warnf("run %s: the learner was lost, the run is opened there again: %s", spec.runId(), e.text());
                reopen(seen, e);
            }
        }
    }

    private long openings() {
        opening.lock();
        try {
            return openings;
        } finally {
            opening.unlock();
        }
    }

    /** Whoever comes second finds it open. */
    private void reopen(long seen, FootholdException why) {
        opening.lock();
        try {
            if (seen == openings) {
                Position at = opened();
                LOG.infof("run %s: the learner stands at update %d again", spec.runId(), at.update());
            }
        } catch (FootholdException e) {
            e.addSuppressed(why);
            throw e;
        } finally {
            opening.unlock();
        }
    }

    /** It was started again, or is about to be: the run is not open there. */
    private static boolean forgotten(FootholdException e) {
        return e.code() == ErrorCode.WRONG_STATE || e.code() == ErrorCode.DRAINING;
    }
}
