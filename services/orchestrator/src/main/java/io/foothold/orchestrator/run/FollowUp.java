package io.foothold.orchestrator.run;

import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.remote.StopSignal;
import io.foothold.orchestrator.update.Artefact;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.function.BooleanSupplier;

/**
 * What follows an update: its policy is published, its numbers are told, and sets that are due are evaluated. One update after the other:
 * servers change their policy only when nobody evaluates it any more. Owned by the run's loop, which is told of each step's end.
 */
final class FollowUp {
    private final RunParts parts;
    private final StopSignal stop;
    private final Evaluation evaluation;
    private final Telemetry telemetry;
    private final ReportedWork<RunLoop.Report> work;
    private final BooleanSupplier over;
    /** Updates that nothing was done for yet. */
    private final Queue<RunLoop.Made> waiting = new ArrayDeque<>();

    private boolean underWay;
    /** Whether what is done needs the learner to have the weights that are published. */
    private boolean weightsStay;

    private boolean givenUp;

    /**
     * What follows a run's updates.
     *
     * @param over whether the run makes no more updates
     */
    FollowUp(
            RunParts parts,
            Evaluation evaluation,
            Telemetry telemetry,
            ReportedWork<RunLoop.Report> work,
            BooleanSupplier over) {
        this.parts = parts;
        this.stop = parts.stop();
        this.evaluation = evaluation;
        this.telemetry = telemetry;
        this.work = work;
        this.over = over;
    }

    /** Begins with the update that the run goes on from, whose policy is published. */
    void begin(long update) {
        underWay = true;
        List<String> due = due(update);
        // Of the base policy the learner keeps nothing that could still become a checkpoint once it has gone on.
        weightsStay = !due.isEmpty();
        evaluate(update, due);
    }

    /** An update was made. */
    void trained(RunLoop.Made made) {
        waiting.add(made);
        next();
    }

    /** The policy of an update was published. */
    void published(RunLoop.Report.Published report) {
        givenUp |= report.givenUp();
        told(report.made(), report.due());
    }

    /** The evaluations of an update were made. */
    void evaluated(RunLoop.Report.Evaluated report) {
        givenUp |= report.givenUp();
        underWay = false;
        weightsStay = false;
        next();
    }

    /** Whether something is being done or has to be. */
    boolean underWay() {
        return underWay;
    }

    /** Whether something was not done because the run was asked to stop. */
    boolean givenUp() {
        return givenUp;
    }

    /**
     * Whether another update may be trained meanwhile: one alone may wait for its publication, and weights under which solutions are scored
     * or that were never trained stay.
     */
    boolean mayTrain() {
        return waiting.isEmpty() && !weightsStay;
    }

    private void next() {
        RunLoop.Made made = underWay ? null : waiting.poll();
        if (made == null) {
            return;
        }
        underWay = true;
        List<String> due = due(made.manifest().update());
        weightsStay = evaluation.scores(due);
        Artefact artefact = made.manifest().artefact();
        if (artefact.policy().number() == parts.policies().publisher().policy().number()) {
            told(made, due);
            return;
        }
        work.begin(
                () -> new RunLoop.Report.Published(made, due, unlessStopped(() -> parts.policies()
                        .publication()
                        .publish(artefact))),
                RunLoop.Report.Failed::new);
    }

    private void told(RunLoop.Made made, List<String> due) {
        telemetry.updated(made.manifest(), made.places());
        evaluate(made.manifest().update(), due);
    }

    private List<String> due(long update) {
        return over.getAsBoolean() ? evaluation.all() : evaluation.due(update);
    }

    private void evaluate(long update, List<String> due) {
        work.begin(
                () -> new RunLoop.Report.Evaluated(unlessStopped(() -> evaluation.make(
                        due, update, parts.policies().publisher().policy(), passAt1 -> keepBest(passAt1, update)))),
                RunLoop.Report.Failed::new);
    }

    private void keepBest(double passAt1, long update) {
        if (evaluation.improvedBy(passAt1)) {
            parts.updates().learner().checkpoint("best", update);
        }
    }

    private interface Step {
        void run() throws InterruptedException;
    }

    /**
     * What a stopped run does not need any more: it is not begun, and given up when the stop comes while it is done.
     *
     * @return whether it was given up
     */
    private boolean unlessStopped(Step step) throws InterruptedException {
        if (stop.asked()) {
            return true;
        }
        try {
            step.run();
            return false;
        } catch (FootholdException e) {
            if (!stop.explains(e)) {
                throw e;
            }
            return true;
        }
    }
}
