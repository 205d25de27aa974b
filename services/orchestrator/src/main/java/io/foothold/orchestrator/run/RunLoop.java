package io.foothold.orchestrator.run;

import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.log.LogIds;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.staleness.Admission;
import io.foothold.orchestrator.event.Happening;
import io.foothold.orchestrator.remote.StopSignal;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Manifest;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.BlockingQueue;
import java.util.function.Function;

/**
 * The updates of one run, on one thread. The loop owns the state; sampling, training, publication and evaluation are done beside it and
 * report through a queue.
 *
 * <p>Synchronous (staleness 0): the groups of an update are launched together, trained in the order of their places, and the
 * next update begins when its policy is published and evaluated. Asynchronous: up to (staleness + 1) updates' worth of groups are under
 * way, and go on being launched while a policy is published or evaluated; {@link Admission} holds the learner back for stragglers.
 */
final class RunLoop {
    private static final int MOST_DROPPED_IN_A_ROW = 5;

    /** What the loop is told. */
    sealed interface Report {
        record Filled(long number, FilledPlace place) implements Report {}

        record Lost(long number, FootholdException failure) implements Report {}

        record Trained(Made made) implements Report {}

        record Published(Made made, List<String> due, boolean givenUp) implements Report {}

        record Evaluated(boolean givenUp) implements Report {}

        record Failed(FootholdException failure) implements Report {}

        record Wake() implements Report {}

        record Aborted(FootholdException reason) implements Report {}
    }

    /** An update and what it was made of. */
    record Made(Manifest manifest, List<FilledPlace> places) {}

    private final RunSpec spec;
    private final StopSignal stop;
    private final RunParts parts;
    private final StartDraws draws;
    private final Telemetry telemetry;
    private final Admission<FilledPlace> admission;
    private final BlockingQueue<Report> reports;
    private final ReportedWork<Report> work;
    private final FollowUp followUp;
    private boolean budgetSpent;
    private volatile long update;
    private long version;
    private int droppedInARow;

    /**
     * A loop that goes on from where learner, ledger and servers stand together.
     *
     * @param reports filled by the loop's own work, and by whoever stops the run
     */
    RunLoop(
            RunParts parts,
            LearnerLink.Position at,
            StartDraws draws,
            Evaluation evaluation,
            BlockingQueue<Report> reports) {
        this.parts = parts;
        this.spec = parts.spec();
        this.stop = parts.stop();
        this.draws = draws;
        this.telemetry = new Telemetry(spec, parts.log(), parts.places().named(), parts.clock(), this::prefixes);
        this.update = at.update();
        this.version = at.artefact().policy().number();
        this.admission = new Admission<>(spec.staleness(), spec.groupsPerUpdate(), spec.updates(), update);
        this.reports = reports;
        this.work = new ReportedWork<>(parts.threads(), reports);
        this.followUp = new FollowUp(parts, evaluation, telemetry, work, this::over);
    }

    /** The thoughts behind which an update's guided starts begin, by problem; none where it has none. */
    private Function<String, List<String>> prefixes(long of) {
        Map<String, Integer> lengths = draws.prefixes(of);
        return id -> lengths.getOrDefault(id, 0) == 0
                ? List.of()
                : parts.places().groups().problem(id).oracleThoughts().subList(0, lengths.getOrDefault(id, 0));
    }

    /** The last update that is made. Any thread. */
    long update() {
        return update;
    }

    /**
     * Makes updates until there are enough, or the run is asked to stop.
     *
     * @return whether all of it was done
     */
    boolean run() throws InterruptedException {
        checkBudget();
        parts.log().event(new Happening.RunStarted(update, spec.updates()));
        followUp.begin(update);
        while (!ended()) {
            launch();
            take(reports.take());
        }
        for (FilledPlace place : admission.takeReady()) {
            parts.places().groups().drop(place.members(), "the run ended before its update");
        }
        return over() && !followUp.givenUp();
    }

    /** Everything under way is waited for, so that nothing is left without an end. */
    private boolean ended() {
        return (over() || stop.asked()) && !followUp.underWay() && !admission.training() && admission.underWay() == 0;
    }

    private boolean over() {
        return update >= spec.updates() || budgetSpent;
    }

    /** Asked between updates only: groups that are being sampled belong to an update that will be trained. */
    private void checkBudget() {
        long most = spec.settings().general().maxTrainingTokens();
        budgetSpent = most > 0 && parts.places().trainingTokens().getAsLong() >= most;
    }

    /** Starts what may be started: training when an update is complete, and groups. */
    private void launch() {
        try {
            if (!stop.asked() && !over()) {
                train();
                fill();
            }
        } catch (FootholdException e) {
            if (!stop.explains(e)) {
                throw e;
            }
        }
    }

    private void fill() {
        // Also in asynchronous runs a server that came back with its first policy would give tokens that no gate lets
        // pass: those of the published one are asked for.
        PolicyVersion published = parts.policies().publisher().policy();
        while (spec.staleness() > 0 || !followUp.underWay()) {
            OptionalLong number = admission.begin(version, published.number());
            if (number.isEmpty()) {
                return;
            }
            fill(number.getAsLong(), published);
        }
    }

    private void fill(long number, PolicyVersion policy) {
        PromptedStart start;
        try {
            start = draws.of(number, 0);
        } catch (RuntimeException e) {
            admission.lost(number);
            throw e;
        }
        telemetry.begun();
        work.begin(
                () -> new Report.Filled(number, filled(number, start, policy)),
                failure -> new Report.Lost(number, failure));
    }

    private FilledPlace filled(long number, PromptedStart start, PolicyVersion policy) {
        String id = spec.runId() + "/g" + number;
        try (LogIds ids = LogIds.ofGroup(id).update(number / spec.groupsPerUpdate() + 1)) {
            return parts.places()
                    .methods()
                    .run(
                            spec.own(number)
                                    ? parts.places().named().own()
                                    : parts.places().named().plain(),
                            id,
                            attempt -> attempt == 0 ? start : draws.of(number, attempt),
                            spec.seeds("train").split(number),
                            policy);
        }
    }

    private void train() {
        if (!followUp.mayTrain()) {
            return;
        }
        admission.admit(version).ifPresent(places -> {
            draws.reached(update + 1, places);
            List<TrainGroup> batch = parts.updates().training().admit(update + 1, places);
            draws.ahead(update + 2);
            work.begin(
                    () -> new Report.Trained(new Made(parts.updates().training().train(batch), places)),
                    Report.Failed::new);
        });
    }

    private void take(Report report) {
        switch (report) {
            case Report.Filled filled -> {
                droppedInARow = 0;
                telemetry.filled(filled.number(), filled.place());
                admission.filled(filled.number(), filled.place(), filled.place().oldestVersion());
            }
            case Report.Lost lost -> lost(lost.number(), lost.failure());
            case Report.Trained trained -> {
                admission.trained();
                update = trained.made().manifest().update();
                version = trained.made().manifest().policyVersion();
                draws.forget(update);
                checkBudget();
                followUp.trained(trained.made());
            }
            case Report.Published published -> followUp.published(published);
            case Report.Evaluated evaluated -> followUp.evaluated(evaluated);
            case Report.Failed failed -> throw failed.failure();
            case Report.Wake wake -> {}
            case Report.Aborted aborted -> throw aborted.reason();
        }
    }

    private void lost(long number, FootholdException failure) {
        admission.lost(number);
        boolean needed = !stop.asked() && !over();
        telemetry.lost(number, failure, needed);
        if (needed
                && (++droppedInARow >= MOST_DROPPED_IN_A_ROW || !failure.code().retryable())) {
            throw failure;
        }
    }
}
