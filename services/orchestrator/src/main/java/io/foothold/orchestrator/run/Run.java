package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.problem.Problem;
import io.foothold.orchestrator.event.Happening;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.remote.Holder;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.remote.StopSignal;
import io.foothold.orchestrator.runfile.Methods;
import io.foothold.orchestrator.update.Artefact;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** One process's share of a run: puts its parts together, does what is asked of it, and gives everything back. Once. */
final class Run {
    private static final Logger LOG = Logger.getLogger(Run.class);
    /** For threads of a run that has ended. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(2);

    private static final List<String> TRAINING_USES = List.of("train", "seed", "localization");

    /** How a run came to its end. */
    record End(String state, String reason) {}

    private final RunSpec spec;
    private final Services services;
    private final Ledger ledger;
    private final RunLog log;
    private final StopSignal stop;
    private final RunThreads where;
    private final ExecutorService threads;
    private final LinkedBlockingQueue<RunLoop.Report> reports = new LinkedBlockingQueue<>();
    private final AtomicLong earlierTokens = new AtomicLong();
    private final GroupRunner groups;
    private final LearnerLink learner;
    private final PolicyPublisher publisher;
    private final Reconciliation reconciliation;
    private final Preparation preparation;
    private final GuidedTraces traces;
    private final Imitation imitation;
    private final RunParts parts;
    private volatile @Nullable RunLoop loop;
    private volatile long reached;

    /**
     * A run that does nothing yet.
     *
     * @param where its work is done
     * @param incarnation suffix of rollout ids, so that a resumed run never reuses an id
     */
    Run(
            RunSpec spec,
            Services services,
            Ledger ledger,
            RunLog log,
            RunClock clock,
            RunThreads where,
            String incarnation) {
        this.spec = spec;
        this.stop = new StopSignal(clock.waits());
        this.where = where;
        this.threads = where.beside();
        this.services = services.until(stop, log.waits());
        this.ledger = ledger;
        this.log = log;
        long resumed = incarnation.isEmpty() ? 0 : Long.parseLong(incarnation.substring(1));
        this.learner = new LearnerLink(spec, this.services, ledger, Holder.of(spec.runId(), resumed), clock.repeats());
        this.groups = new GroupRunner(spec, this.services, ledger, clock, incarnation);
        this.groups.source().tell(log::event);
        this.publisher = new PolicyPublisher(
                this.services.sampler(), Holder.of(spec.runId(), resumed), this::abort, clock.repeats());
        this.groups.healBy(publisher::publishAgain);
        Publication publication = new Publication(learner, groups.source(), publisher, log);
        this.reconciliation =
                new Reconciliation(spec, this.services, ledger, learner, publication, groups.source(), log);
        this.preparation = new Preparation(spec, this.services, ledger, groups, log, clock, threads);
        this.traces = new GuidedTraces(spec, this.services, ledger, groups, log, threads);
        this.imitation = new Imitation(spec, this.services, traces);
        LongSupplier trainingTokens = () -> earlierTokens.get() + groups.trainingTokens();
        this.parts = new RunParts(
                spec,
                stop,
                log,
                clock,
                new RunParts.Places(
                        groups,
                        new MethodRunner(spec, this.services, groups, clock, threads),
                        new Methods(spec.file()),
                        trainingTokens),
                new RunParts.Updates(
                        new Training(
                                spec,
                                ledger,
                                learner,
                                groups,
                                new TeacherPrompts(spec, this.services, groups::problem)),
                        learner),
                new RunParts.Policies(publisher, publication),
                threads);
    }

    /**
     * Asks the run to stop: what is being sampled, judged or waited for is given up, an update that is being trained is waited for.
     * Any thread.
     */
    void stop() {
        stop.stop();
        reports.add(new RunLoop.Report.Wake());
    }

    /** Ends the run as failed at once, whatever it is doing: something is gone that it cannot do without. Any thread. */
    void abort(FootholdException reason) {
        stop.abort(reason);
        reports.add(new RunLoop.Report.Aborted(reason));
    }

    /** Trains to the end, a stop, or a failure. */
    End train() {
        return guarded(() -> {
            warmUp();
            RunLoop made = stop.asked() ? null : prepared();
            boolean finished = made != null && made.run();
            // Also when nothing was under way that could have failed by it.
            stop.checkAborted();
            if (reconciliation.opened()) {
                learner.checkpoint();
                storeCheckpoints();
            }
            // One whose last evaluation was given up makes it when it is resumed.
            return finished ? new End("finished", "") : new End("stopped", "asked to stop after update " + update());
        });
    }

    /** Not when it was asked to stop: the learner's directory has them, and they are brought when the run is opened again. */
    private void storeCheckpoints() {
        if (!publisher.published().map(Artefact::stored).orElse(false)) {
            return;
        }
        try {
            learner.storeCheckpoints();
        } catch (FootholdException e) {
            if (!stop.explains(e)) {
                throw e;
            }
        }
    }

    /** Says what is imitated. Traces are sampled first, from the base policy: the learner is opened with it, and given back. */
    private void warmUp() {
        if (traces.missing()) {
            Preparation.Problems problems = problems(true);
            var unused = reconciliation.reconcile();
            traces.sample(
                    preparation.prepare(problems.train(), publisher.policy()).train(), publisher.policy());
            learner.close();
        }
        learner.imitate(imitation::solutions);
    }

    /** The loop of a run that is ready for it; null when it was asked to stop before. */
    private @Nullable RunLoop prepared() {
        try {
            Preparation.Problems problems = problems(true);
            LearnerLink.Position at = reconciliation.reconcile();
            reached = at.update();
            Preparation.Prepared prepared = preparation.prepare(problems.train(), publisher.policy());
            Map<String, Long> byUse = ledger.tokensByUse(spec.runId());
            earlierTokens.set(TRAINING_USES.stream()
                    .mapToLong(use -> byUse.getOrDefault(use, 0L))
                    .sum());
            RunLoop made = new RunLoop(
                    parts,
                    at,
                    new StartDraws(
                            spec,
                            services,
                            new PrefixLengths(spec, ledger, prepared.selection(), prepared.train(), at.update()),
                            prepared.digest(),
                            threads),
                    evaluation(problems, prepared.train()),
                    reports);
            loop = made;
            return made;
        } catch (FootholdException e) {
            if (!stop.explains(e)) {
                throw e;
            }
            return null;
        }
    }

    /** Before the learner is opened: fine-tuning on data that are then refused would have been for nothing. */
    private Preparation.Problems problems(boolean training) {
        reconciliation.reach();
        return preparation.load(training);
    }

    private long update() {
        RunLoop made = loop;
        return made == null ? reached : made.update();
    }

    private Evaluation evaluation(Preparation.Problems problems, List<Problem> train) {
        return new Evaluation(
                spec,
                ledger,
                new Evaluator(spec, groups, parts.clock(), where),
                new OracleScorer(spec, services, learner::score),
                log,
                problems.evaluation(),
                train,
                parts.places().trainingTokens());
    }

    /** Mines and searches as a run does before its first update, and stops there; the run can be resumed. */
    End prepareOnly() {
        return guarded(() -> {
            warmUp();
            Preparation.Problems problems = problems(true);
            var unused = reconciliation.reconcile();
            var prepared = preparation.prepare(problems.train(), publisher.policy());
            return new End("stopped", "prepared only");
        });
    }

    /** Evaluates the policy that the run begins with, and nothing else. */
    End evaluateOnly() {
        return guarded(() -> {
            Preparation.Problems problems = problems(false);
            long update = reconciliation.reconcile().update();
            Evaluation evaluation = evaluation(problems, List.of());
            log.event(new Happening.RunStarted(update, 0));
            PolicyVersion policy = publisher.policy();
            evaluation.make(evaluation.all(), update, policy, passAt1 -> {});
            return new End("finished", "");
        });
    }

    /** Everything that is looked at before a run's first update, and what one costs; the run is good for nothing else then. */
    End rehearse() {
        return guarded(() -> {
            Preparation.Problems problems = problems(true);
            var unused = reconciliation.reconcile();
            preparation.checkGuided(problems.train());
            int evaluated = problems.evaluation().values().stream()
                    .mapToInt(List::size)
                    .max()
                    .orElse(0);
            log.event(new Happening.Rehearsed(new Rehearsal(spec, services, groups, publisher.policy(), parts.clock())
                    .measure(problems.train(), evaluated, log.object())));
            return new End("stopped", "rehearsed only");
        });
    }

    private interface Part {
        End run() throws InterruptedException;
    }

    private End guarded(Part part) {
        try {
            publisher.start();
            return part.run();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new End("stopped", "interrupted");
        } catch (Throwable e) {
            FootholdException failure = FailureLog.told(LOG, "run " + spec.runId() + ", update " + (update() + 1), e);
            // What is still under way has nobody to work for.
            stop.abort(failure);
            return new End(failure.code() == ErrorCode.CANCELLED ? "stopped" : "failed", failure.text());
        } finally {
            threads.shutdownNow();
            atTheEnd("its threads", this::awaitThreads);
            atTheEnd("giving back the inference servers", publisher::close);
            atTheEnd("giving back the learner", learner::close);
            // What a stop gave up, groups that were lost halfway, and whatever a failure left.
            atTheEnd(
                    "the end of what was under way",
                    () -> Ledger.await(ledger.dropUnfinished(spec.runId(), "the run ended while it was under way")));
        }
    }

    /** What goes wrong then is told and neither hides how the run ended nor keeps the other things from being done. */
    private void atTheEnd(String what, Runnable step) {
        try {
            step.run();
        } catch (Throwable e) {
            var unused = FailureLog.told(LOG, "run " + spec.runId() + ", " + what, e);
        }
    }

    /** For a short while: one that does not end then writes what the ledger refuses. */
    private void awaitThreads() {
        try {
            if (!threads.awaitTermination(LAST_WORDS.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.warnf(
                        "run %s: something is still under way %s s after its end",
                        spec.runId(), LAST_WORDS.toSeconds());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
