package io.foothold.orchestrator.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.names.Name;
import io.foothold.core.problem.Problem;
import io.foothold.core.settings.ProblemSettings;
import io.foothold.core.settings.RewardFunctionSettings;
import io.foothold.orchestrator.event.Happening;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.ledger.Lease;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.runfile.RunFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Starts, stops and resumes runs. A run belongs to one process at a time, by its lease, and has a learner for itself: one that finds it taken
 * waits in the ledger, and begins in whichever process has a free one first. Thread-safe.
 */
public final class RunManager implements AutoCloseable {
    private static final String REHEARSED = new Happening.Rehearsed(NullNode.getInstance()).kind();

    /** What a run does. */
    private enum Purpose {
        TRAINING(Run::train),
        /** Stops before the first update; resumed, it trains. */
        PREPARATION(Run::prepareOnly),
        EVALUATION(Run::evaluateOnly),
        /** Measures what an update costs; nothing may come of it. */
        REHEARSAL(Run::rehearse);

        /** Name under which the ledger keeps it. */
        private static final String KEPT = "purpose";

        private final Function<Run, Run.End> part;

        Purpose(Function<Run, Run.End> part) {
            this.part = part;
        }
    }

    private final Ledger ledger;
    private final Services services;
    private final Path home;
    private final Consumer<RunEvent> sink;
    private final RunClock clock;
    private final RunThreads threads;
    private final RunsUnderWay underWay;

    /** The manager of a process that has its ledger alone. */
    public RunManager(
            Ledger ledger, Services services, Path home, Consumer<RunEvent> sink, RunClock clock, RunThreads threads) {
        this(ledger, services, home, sink, clock, threads, Seat.only());
    }

    /**
     * A manager.
     *
     * @param home directory under which runs keep completions and TensorBoard files
     * @param sink told of every event
     * @param threads where runs do their work
     * @param seat of this process among those that have the same ledger
     */
    public RunManager(
            Ledger ledger,
            Services services,
            Path home,
            Consumer<RunEvent> sink,
            RunClock clock,
            RunThreads threads,
            Seat seat) {
        this.ledger = ledger;
        this.services = services;
        this.home = home;
        this.sink = sink;
        this.clock = clock;
        this.threads = threads;
        this.underWay = new RunsUnderWay(
                ledger,
                seat,
                clock,
                threads,
                (run, lease) -> make(RunFile.restore(run.settings()), lease, resumed(run.id())));
    }

    /** How many runs are under way. */
    public int underWay() {
        return underWay.number();
    }

    /** The ledger. */
    public Ledger ledger() {
        return ledger;
    }

    /** Directory of a run's files. */
    public Path homeOf(String runId) {
        return Name.of("run id", runId).below(home);
    }

    /**
     * Creates a run and starts it.
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} when the id exists with another run file
     */
    public Ledger.RunRow create(String runId, String runFile, List<String> overrides) {
        return create(runId, runFile, overrides, Purpose.TRAINING);
    }

    /**
     * Creates a run that only mines its hard set and searches its prefixes, as its file asks, and then stops. It can be resumed.
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} when the id exists with another run file
     */
    public Ledger.RunRow prepare(String runId, String runFile, List<String> overrides) {
        return create(runId, runFile, overrides, Purpose.PREPARATION);
    }

    /**
     * Creates a run that evaluates its base policy on its evaluation sets and does nothing else: no update, no checkpoint, and its
     * training problems are not looked at. When it is resumed, it evaluates what is left.
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} when the id exists with another run file
     */
    public Ledger.RunRow evaluate(String runId, String runFile, List<String> overrides) {
        return create(runId, runFile, overrides, Purpose.EVALUATION);
    }

    /**
     * Creates a run that goes through everything that is looked at before a first update and measures what an update costs, on the run's
     * own services: its policy is published, rollouts are sampled from its longest prompts, and updates of the largest shape are trained.
     * Its files are good for nothing else.
     *
     * @param overrides with optimizer.micro_batch_tokens as a number
     * @return what was measured: seconds and counts, see {@code Rehearsal}
     * @throws FootholdException as the run would have ended
     */
    public JsonNode rehearse(String runId, String runFile, List<String> overrides) {
        var unused = create(runId, runFile, overrides, Purpose.REHEARSAL);
        try {
            Ledger.RunRow end = end(runId).join();
            if (end.state().equals("failed")) {
                throw new FootholdException(ErrorCode.WRONG_STATE, end.reason());
            }
            for (Ledger.EventRow event : ledger.events(runId, 0)) {
                if (event.kind().equals(REHEARSED)) {
                    return event.details();
                }
            }
            throw new FootholdException(ErrorCode.CANCELLED, "the rehearsal was stopped: " + end.reason());
        } catch (CompletionException e) {
            throw FootholdException.of(e);
        }
    }

    /** What a run that was created before is resumed to do. */
    private Purpose resumed(String runId) {
        Purpose kept =
                ledger.preparation(runId, Purpose.KEPT).map(Purpose::valueOf).orElse(Purpose.TRAINING);
        return kept == Purpose.PREPARATION ? Purpose.TRAINING : kept;
    }

    /** Ids of the problems that mining found hard; empty when the run did not mine. */
    public List<String> hardSet(String runId) {
        return ledger.preparation(runId, "hard_set").map(HardSets::ids).orElse(List.of());
    }

    /**
     * How often each problem was solved while mining.
     *
     * @param passes samples that were right
     * @param judged samples that have a verdict
     */
    public record SolveRate(int passes, int judged) {}

    /** Solve rates of the problems that were mined, by id; empty when the run did not mine. */
    public Map<String, SolveRate> solveRates(String runId) {
        Map<String, SolveRate> out = new TreeMap<>();
        ledger.preparation(runId, "hard_set").map(HardSets::rates).ifPresent(rates -> rates.properties()
                .forEach(e -> out.put(
                        e.getKey(),
                        new SolveRate(
                                e.getValue().path("passes").asInt(),
                                e.getValue().path("judged").asInt()))));
        return out;
    }

    /** The training problems of a run file, in order. */
    public List<Problem> trainingProblems(String runFile, List<String> overrides) {
        return services.augmentation()
                .problems(new RunSpec("", RunFile.resolve("run file", runFile, overrides)).trainSource());
    }

    private Ledger.RunRow create(String runId, String runFile, List<String> overrides, Purpose purpose) {
        Name.of("run id", runId);
        // Without the lock: nobody waits while a large file is read.
        RunFile file = RunFile.resolve(runId, runFile, overrides);
        checkFunction(file);
        checkHub(file);
        new RunSpec(runId, file).verifiers().forEach(services.verifier()::named);
        return create(runId, file, purpose);
    }

    /** Where a run is created there may be no file of whoever creates it. */
    private static void checkFunction(RunFile file) {
        file.settings().verification().scorers().forEach((key, scorer) -> {
            if (scorer instanceof RewardFunctionSettings function
                    && function.pythonSource().isBlank()) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        file.at(key) + ": '" + key + "' names " + function.file() + ", whose text must come in '" + key
                                + "_source' (commands such as train read the file themselves)");
            }
        });
    }

    /** Nor does an orchestrator fetch what a run file names on a hub. */
    private static void checkHub(RunFile file) {
        for (String at : file.problemSources()) {
            ProblemSettings.Source source = file.settings().problems().at(at);
            if (!source.hub().isEmpty() && source.jsonl().isEmpty()) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        file.at(at + ".hub") + ": '" + at
                                + ".hub' names a data set that commands such as train fetch; a run file that is sent "
                                + "to an orchestrator names the file of its problems in '" + at + ".jsonl'");
            }
        }
    }

    private Ledger.RunRow create(String runId, RunFile file, Purpose purpose) {
        return underWay.decide(leases -> {
            Ledger.RunRow known = ledger.run(runId).orElse(null);
            if (known != null) {
                checkPurpose(runId, purpose);
                checkSame(known, file);
                return known;
            }
            // Before anything is written: a run that cannot be made leaves no trace.
            Lease first = leases.first(runId);
            RunsUnderWay.Made made = make(file, first, purpose);
            // Before the run is there: a crash in between must not leave an evaluation that trains when it is resumed.
            Ledger.await(ledger.savePreparation(runId, Purpose.KEPT, purpose.name()));
            Ledger.await(ledger.createRun(
                    runId, file.stored(), file.settings().general().updates()));
            var unused = underWay.begin(
                    runId, Optional.empty(), lease -> lease.equals(first) ? made : make(file, lease, purpose));
            return row(runId);
        });
    }

    /**
     * Checks that a run was started with these settings.
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} with every key that differs and both values
     */
    public static void checkSame(Ledger.RunRow run, RunFile file) {
        List<String> differences = RunFile.restore(run.settings()).differences(file);
        if (!differences.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.CONFLICT,
                    "run " + run.id() + " was started with other settings:\n  " + String.join("\n  ", differences));
        }
    }

    /** A run that trains does not become an evaluation because somebody asks for one under its id, nor the other way round. */
    private void checkPurpose(String runId, Purpose wanted) {
        boolean evaluates = resumed(runId) == Purpose.EVALUATION;
        if (evaluates != (wanted == Purpose.EVALUATION)) {
            throw new FootholdException(
                    ErrorCode.CONFLICT,
                    "run " + runId + " exists and " + (evaluates ? "is an evaluation" : "trains")
                            + ": this one needs another id");
        }
    }

    /**
     * Takes what a run file says of the machine for a run that is not under way: how many processes compute, on what, in which pieces. It is
     * gone on with so; an event tells the difference. Nothing happens where there is none.
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} with every key that differs and both values, where more does
     */
    public void move(String runId, RunFile file) {
        Ledger.RunRow known = row(runId);
        checkSame(known, file);
        List<String> moves = RunFile.restore(known.settings()).moves(file);
        boolean over = underWay.decide(leases -> moves.isEmpty()
                || underWay.here(runId)
                || leases.elsewhere(runId).isPresent()
                || known.state().equals("finished"));
        if (over) {
            return;
        }
        Ledger.await(ledger.setRunSettings(runId, file.stored()));
        RunLog log = new RunLog(runId, homeOf(runId), ledger, sink, clock);
        log.event(new Happening.MachineChanged(moves));
    }

    /**
     * Looks whether the run's problems are still those that it was started with, and goes on with it.
     *
     * @param acceptChangedData whether to go on although they changed; an event then tells the difference
     * @throws FootholdException {@link ErrorCode#CONFLICT} with the difference when they changed and that is not accepted
     */
    public Ledger.RunRow resume(String runId, boolean acceptChangedData) {
        Ledger.RunRow known = row(runId);
        if (!underWay.here(runId) && !known.state().equals("finished")) {
            // Without the lock: large sets take their time, and other runs need not wait for it.
            RunSpec spec = new RunSpec(runId, RunFile.restore(known.settings()));
            new DataGuard(spec, services, ledger).beforeResume(acceptChangedData);
        }
        return resume(runId);
    }

    /**
     * Goes on with a run that was stopped or whose process died, as soon as its learner is free; it ends as failed when its problems changed
     * and nobody accepted that.
     */
    public Ledger.RunRow resume(String runId) {
        return underWay.decide(leases -> {
            Ledger.RunRow known = row(runId);
            if (underWay.here(runId)) {
                throw new FootholdException(ErrorCode.WRONG_STATE, "run " + runId + " is under way");
            }
            if (known.state().equals("finished")) {
                throw new FootholdException(ErrorCode.WRONG_STATE, "run " + runId + " is finished");
            }
            leases.elsewhere(runId).ifPresent(owner -> {
                throw new FootholdException(
                        ErrorCode.WRONG_STATE,
                        "run " + runId + " is under way in " + owner
                                + "; should that be gone, the run goes on by itself "
                                + leases.length().toSeconds() + " s later");
            });
            RunFile file = RunFile.restore(known.settings());
            Optional<Lease.Seen> own = Optional.ofNullable(leases.held().get(runId));
            var unused = underWay.begin(runId, own, lease -> make(file, lease, resumed(runId)));
            return row(runId);
        });
    }

    private RunsUnderWay.Made make(RunFile file, Lease lease, Purpose purpose) {
        String runId = lease.runId();
        Ledger own = ledger.inRun(lease);
        RunLog log = new RunLog(runId, homeOf(runId), own, sink, clock);
        String incarnation = lease.token() == 0 ? "" : "~" + lease.token();
        return new RunsUnderWay.Made(
                new Run(new RunSpec(runId, file), services, own, log, clock, threads, incarnation), log, purpose.part);
    }

    /**
     * Goes on with the runs whose process died, and begins those that wait, as far as the learner is free. One that cannot go on has failed,
     * with the reason in its row.
     *
     * @return the ids of those that go on here now
     */
    public List<String> adopt() {
        return underWay.adopt();
    }

    /** Adopts now and from now on. */
    public void watch() {
        underWay.watch();
    }

    /** Gives up what is under way, so that another process can go on with it at once; nothing of it is written any more. */
    @Override
    public void close() {
        underWay.close();
    }

    /**
     * Ends a run as failed at once, when something is gone that it cannot do without; it can be resumed. Nothing happens to one that is
     * not under way here.
     */
    public void abort(String runId, FootholdException reason) {
        underWay.abort(runId, reason);
    }

    /** Asks a run to stop after the update that is under way, in whichever process that is; one that waits will not begin. */
    public Ledger.RunRow stop(String runId) {
        return underWay.stop(runId);
    }

    /** Completes with the run's last state; at once when it is neither under way nor waiting here. */
    public CompletableFuture<Ledger.RunRow> end(String runId) {
        return underWay.end(runId);
    }

    /** One run. */
    public Ledger.RunRow row(String runId) {
        return underWay.row(runId);
    }

    /** All runs, newest first. */
    public List<Ledger.RunRow> rows() {
        return ledger.runs();
    }
}
