package io.foothold.orchestrator.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.NullNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.log.LogIds;
import io.foothold.contracts.names.Name;
import io.foothold.core.problem.Problem;
import io.foothold.orchestrator.event.Happening;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.runfile.RunFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jboss.logging.Logger;

/** Starts, stops and resumes runs. Thread-safe. */
public final class RunManager {
    private static final Logger LOG = Logger.getLogger(RunManager.class);
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

    /** A run under way. */
    private record Active(Run run, CompletableFuture<Ledger.RunRow> end, AtomicBoolean over) {}

    private final Ledger ledger;
    private final Services services;
    private final Path home;
    private final Consumer<RunEvent> sink;
    private final RunClock clock;
    private final RunThreads threads;
    private final Map<String, Active> active = new ConcurrentHashMap<>();

    /**
     * A manager.
     *
     * @param home directory under which runs keep completions and TensorBoard files
     * @param sink told of every event
     * @param threads where runs do their work
     */
    public RunManager(
            Ledger ledger, Services services, Path home, Consumer<RunEvent> sink, RunClock clock, RunThreads threads) {
        this.ledger = ledger;
        this.services = services;
        this.home = home;
        this.sink = sink;
        this.clock = clock;
        this.threads = threads;
    }

    /** How many runs are under way. */
    public int underWay() {
        return active.size();
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
                    return new ObjectMapper().readTree(event.json());
                }
            }
            throw new FootholdException(ErrorCode.CANCELLED, "the rehearsal was stopped: " + end.reason());
        } catch (CompletionException e) {
            throw FootholdException.of(e);
        } catch (JsonProcessingException e) {
            throw new FootholdException(ErrorCode.INTERNAL, "an event of ours cannot be read", e);
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
        new RunSpec(runId, file).verifiers().forEach(services.verifier()::named);
        return create(runId, file, purpose);
    }

    private synchronized Ledger.RunRow create(String runId, RunFile file, Purpose purpose) {
        Ledger.RunRow known = ledger.run(runId).orElse(null);
        if (known != null) {
            checkPurpose(runId, purpose);
            checkSame(known, file);
            return known;
        }
        checkFree(runId);
        // Before anything is written: a run that cannot be made leaves no trace.
        Made made = make(runId, file, "", purpose);
        // Before the run is there: a crash in between must not leave an evaluation that trains when it is resumed.
        Ledger.await(ledger.savePreparation(runId, Purpose.KEPT, purpose.name()));
        Ledger.await(
                ledger.createRun(runId, file.stored(), file.settings().general().updates()));
        start(runId, made);
        return row(runId);
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

    /** The learner serves one run at a time: better said now than by a run that fails, as it does without this look. */
    private void checkFree(String runId) {
        active.forEach((other, run) -> {
            if (run.run().hasLearner() && !run.over().get()) {
                throw new FootholdException(
                        ErrorCode.CONFLICT,
                        "run " + runId + " cannot begin while run " + other
                                + " is under way: the learner serves one at a time; wait for its end or stop it");
            }
        });
    }

    /**
     * Takes what a run file says of the machine for a run that is not under way: how many processes compute, on what, in which pieces. It is
     * gone on with so; an event tells the difference. Nothing happens where there is none.
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} with every key that differs and both values, where more does
     */
    public synchronized void move(String runId, RunFile file) {
        Ledger.RunRow known = row(runId);
        checkSame(known, file);
        List<String> moves = RunFile.restore(known.settings()).moves(file);
        if (moves.isEmpty() || active.containsKey(runId) || known.state().equals("finished")) {
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
        if (!active.containsKey(runId) && !known.state().equals("finished")) {
            // Without the lock: large sets take their time, and other runs need not wait for it.
            RunSpec spec = new RunSpec(runId, RunFile.restore(known.settings()));
            new DataGuard(spec, services, ledger).beforeResume(acceptChangedData);
        }
        return resume(runId);
    }

    /**
     * Goes on with a run that was stopped or whose process died; it ends as failed when its problems changed and nobody accepted that.
     */
    public synchronized Ledger.RunRow resume(String runId) {
        Ledger.RunRow known = row(runId);
        if (active.containsKey(runId)) {
            throw new FootholdException(ErrorCode.WRONG_STATE, "run " + runId + " is under way");
        }
        if (known.state().equals("finished")) {
            throw new FootholdException(ErrorCode.WRONG_STATE, "run " + runId + " is finished");
        }
        checkFree(runId);
        int times =
                ledger.preparation(runId, "incarnation").map(Integer::parseInt).orElse(0) + 1;
        Made made = make(runId, RunFile.restore(known.settings()), "~" + times, resumed(runId));
        Ledger.await(ledger.savePreparation(runId, "incarnation", Integer.toString(times)));
        start(runId, made);
        return row(runId);
    }

    /** A run that was made and does nothing yet. */
    private record Made(Run run, RunLog log, String incarnation, Purpose purpose) {}

    private Made make(String runId, RunFile file, String incarnation, Purpose purpose) {
        Ledger own = ledger.inRun();
        RunLog log = new RunLog(runId, homeOf(runId), own, sink, clock);
        return new Made(
                new Run(new RunSpec(runId, file), services, own, log, clock, threads, incarnation),
                log,
                incarnation,
                purpose);
    }

    private void start(String runId, Made made) {
        Ledger.await(ledger.setRunState(runId, "running", ""));
        Run run = made.run();
        RunLog log = made.log();
        String incarnation = made.incarnation();
        LOG.infof("run %s begins%s", runId, incarnation.isEmpty() ? "" : " again, time " + incarnation.substring(1));
        CompletableFuture<Ledger.RunRow> end = new CompletableFuture<>();
        AtomicBoolean over = new AtomicBoolean();
        active.put(runId, new Active(run, end, over));
        threads.begin("run-" + runId, () -> {
            // For good: the thread is this run's, and so are those that it begins.
            var unused = LogIds.ofRun(runId);
            Run.End how;
            try {
                how = made.purpose().part.apply(run);
            } catch (Throwable e) {
                how = new Run.End(
                        "failed", FailureLog.told(LOG, "run " + runId, e).text());
            }
            // Before the state: who sees the end of this run can begin the next one.
            over.set(true);
            try {
                tellEnd(runId, log, how);
                active.remove(runId);
                end.complete(row(runId));
            } catch (Throwable e) {
                FootholdException failure = FailureLog.told(LOG, "run " + runId + ": its end cannot be written", e);
                active.remove(runId);
                end.completeExceptionally(failure);
            }
        });
    }

    private void tellEnd(String runId, RunLog log, Run.End how) {
        try {
            // The event first: who sees the state of an ended run finds its last event stored.
            log.event(new Happening.RunEnded(how.state(), how.reason()));
        } finally {
            // Also when the event cannot be told: a run that is over must not look as if it went on.
            Ledger.await(ledger.setRunState(runId, how.state(), how.reason()));
        }
        LOG.log(
                how.state().equals("failed") ? Logger.Level.WARN : Logger.Level.INFO,
                "run " + runId + " " + how.state() + (how.reason().isEmpty() ? "" : ": " + how.reason()));
    }

    /**
     * Goes on with the runs that were under way when the process that had them died. One that cannot go on has failed, with the
     * reason in its row.
     *
     * @return their ids
     */
    public synchronized List<String> adopt() {
        List<String> adopted = new ArrayList<>();
        for (Ledger.RunRow run : ledger.runs()) {
            boolean underWay = run.state().equals("running") || run.state().equals("created");
            if (underWay && !active.containsKey(run.id())) {
                LOG.infof("run %s was under way when its process died: it goes on", run.id());
                try {
                    resume(run.id());
                    adopted.add(run.id());
                } catch (RuntimeException | Error e) {
                    FootholdException why = FailureLog.told(LOG, "run " + run.id() + " cannot go on", e);
                    Ledger.await(ledger.setRunState(run.id(), "failed", why.text()));
                }
            }
        }
        return adopted;
    }

    /**
     * Ends a run as failed at once, when something is gone that it cannot do without; it can be resumed. Nothing happens to one that is
     * not under way.
     */
    public void abort(String runId, FootholdException reason) {
        Active running = active.get(runId);
        if (running != null) {
            running.run().abort(reason);
        }
    }

    /** Asks a run to stop after the update that is under way. */
    public Ledger.RunRow stop(String runId) {
        Active running = active.get(runId);
        if (running == null) {
            throw new FootholdException(
                    ErrorCode.WRONG_STATE,
                    "run " + runId + " is not under way: it is " + row(runId).state());
        }
        running.run().stop();
        return row(runId);
    }

    /** Completes with the run's last state; at once when it is not under way. */
    public CompletableFuture<Ledger.RunRow> end(String runId) {
        Active running = active.get(runId);
        return running == null ? CompletableFuture.completedFuture(row(runId)) : running.end();
    }

    /** One run. */
    public Ledger.RunRow row(String runId) {
        return ledger.run(runId)
                .orElseThrow(() -> new FootholdException(ErrorCode.NOT_FOUND, "there is no run '" + runId + "'"));
    }

    /** All runs, newest first. */
    public List<Ledger.RunRow> rows() {
        return ledger.runs();
    }
}
