package io.foothold.orchestrator.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.draw.ProblemSetDigest;
import io.foothold.contracts.draw.Selection;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.staleness.StalenessGate;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.remote.PeerAddress;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.remote.StopSignal;
import io.foothold.orchestrator.runfile.Methods;
import io.foothold.v1.FoundPrefix;
import io.foothold.v1.HardSet;
import io.foothold.v1.InferenceServerStatus;
import io.foothold.v1.Probe;
import io.foothold.v1.ProbeOutcome;
import io.foothold.v1.Problem;
import io.foothold.v1.PublishPolicyResponse;
import io.foothold.v1.SearchSummary;
import io.foothold.v1.StartState;
import io.foothold.v1.TrainGroup;
import io.foothold.v1.UpdateManifest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleConsumer;
import java.util.function.Predicate;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One run from start to end, on one thread. The loop owns the state; sampling and training run beside it and report through a
 * queue.
 *
 * <p>Synchronous (staleness 0): the groups of an update are launched together, trained in the order of their places, and the
 * next update begins with the published policy. Asynchronous: up to (staleness + 1) updates' worth of groups are under way,
 * groups are admitted in the order in which they complete, and the gate holds the learner back for stragglers.
 */
final class RunLoop {
    private static final Logger LOG = Logger.getLogger(RunLoop.class);
    private static final int PROBE_WINDOW = 64;
    private static final int MOST_DROPPED_IN_A_ROW = 5;
    /** For threads of a run that has ended. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(2);

    private static final List<String> TRAINING_USES = List.of("train", "seed", "localization");

    /** Stands for the training problems where sets are named; no name of a set has a dot. */
    private static final String TRAINED = ProblemChecks.TRAIN;

    /** Event with what a rehearsal measured. */
    static final String REHEARSED = "rehearsed";

    /** How a run came to its end. */
    record End(String state, String reason) {}

    /** Start states that were drawn together: those of an update, or what its places are filled with again. */
    private record Draw(long update, int attempt) {}

    private sealed interface Report {
        record GroupDone(long number, FilledPlace unit) implements Report {}

        record GroupLost(long number, FootholdException failure) implements Report {}

        record Trained(UpdateManifest manifest, List<FilledPlace> units) implements Report {}

        record TrainingFailed(FootholdException failure) implements Report {}

        record Wake() implements Report {}

        record Aborted(FootholdException reason) implements Report {}
    }

    private final RunSpec spec;
    private final Services services;
    private final StopSignal stop = new StopSignal();
    private final LearnerLink learner;
    private final Ledger ledger;
    private final RunLog log;
    private final GroupRunner groups;
    private final MethodRunner methods;
    private final Methods named;
    private final Evaluator evaluator;
    private final OracleScorer oracles;
    private final PolicyPublisher publisher;
    private final ProblemChecks checks;
    private final RunWarnings warnings;
    private final StalenessGate gate;
    private final LinkedBlockingQueue<Report> reports = new LinkedBlockingQueue<>();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final ReportedWork<Report> work = new ReportedWork<>(threads, reports);
    private final Map<String, List<Problem>> evaluationProblems = new LinkedHashMap<>();
    private final Map<Long, FilledPlace> ready = new LinkedHashMap<>();
    private List<Problem> trainProblems = List.of();
    private List<String> problemIds = List.of();
    private Selection selection = new Selection(List.of(), Map.of());
    private String trainDigest = "";
    private final Map<Draw, List<StartState>> draws = new ConcurrentHashMap<>();
    private long nextGroup;
    private int underWay;
    private volatile boolean opened;
    private boolean givenUp;
    private boolean training;
    private long phaseStart;
    private double phaseSeconds;
    private long updateEnd = System.nanoTime();
    private long update;
    private long version;
    private int droppedInARow;
    private int zeroRewardUpdates;
    private int verifierErrors;
    private final BestEvaluation best = new BestEvaluation();
    private final EvaluationSchedule schedule;
    private boolean fallbackTold;
    private long earlierTokens;
    private boolean budgetSpent;

    RunLoop(RunSpec spec, Services services, Ledger ledger, RunLog log, String incarnation) {
        this.spec = spec;
        this.services = services.until(stop, log.waits());
        this.ledger = ledger;
        this.log = log;
        long resumed = incarnation.isEmpty() ? 0 : Long.parseLong(incarnation.substring(1));
        this.learner = new LearnerLink(spec, this.services, ledger, resumed);
        this.groups = new GroupRunner(spec, this.services, ledger, incarnation);
        this.methods = new MethodRunner(spec, this.services, groups, threads);
        this.named = new Methods(spec.file());
        this.evaluator = new Evaluator(spec, groups);
        this.oracles = new OracleScorer(spec, this.services, learner::score);
        this.publisher = new PolicyPublisher(this.services, spec.runId(), resumed, this::abort);
        this.groups.healBy(publisher::publishAgain);
        this.checks = new ProblemChecks(spec, this.services);
        this.warnings = new RunWarnings(spec.file());
        this.gate = new StalenessGate(spec.staleness());
        this.schedule = new EvaluationSchedule(
                spec.file().integer("evaluation.every"), spec.file().integer("evaluation.every_tokens"));
    }

    /**
     * Asks the run to stop: what is being sampled, judged or waited for is given up, an update that is being trained is waited for.
     * Any thread.
     */
    void stop() {
        stop.stop();
        reports.add(new Report.Wake());
    }

    /** Ends the run as failed at once, whatever it is doing: something is gone that it cannot do without. Any thread. */
    void abort(FootholdException reason) {
        stop.abort(reason);
        reports.add(new Report.Aborted(reason));
    }

    /** Whether the learner was opened for this run. Any thread. */
    boolean hasLearner() {
        return opened;
    }

    /** Runs to the end, a stop, or a failure. */
    End run() {
        return guarded(this::runAll);
    }

    /** Mines and searches as a run does before its first update, and stops there; the run can be resumed. */
    End prepareOnly() {
        return guarded(() -> {
            open();
            prepare();
            return new End("stopped", "prepared only");
        });
    }

    /** Evaluates the policy that the run begins with, and nothing else. */
    End evaluateOnly() {
        return guarded(() -> {
            open();
            var unused = load(false);
            log.event("run_started", log.object().put("update", update).put("updates", 0));
            evaluate(set -> true, passAt1 -> {});
            return new End("finished", "");
        });
    }

    /** Everything that is looked at before a run's first update, and what one costs; the run is good for nothing else then. */
    End rehearse() {
        return guarded(() -> {
            open();
            List<Problem> train = load(true);
            if (spec.guided()) {
                checks.checkGuided(train, Map.of());
            }
            int evaluated = evaluationProblems.values().stream()
                    .mapToInt(List::size)
                    .max()
                    .orElse(0);
            log.event(
                    REHEARSED,
                    new Rehearsal(spec, services, groups, publisher.policy()).measure(train, evaluated, log.object()));
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
            FootholdException failure = FailureLog.told(LOG, "run " + spec.runId() + ", update " + (update + 1), e);
            // What is still under way has nobody to work for.
            stop.abort(failure);
            return new End(failure.code() == ErrorCode.CANCELLED ? "stopped" : "failed", failure.text());
        } finally {
            threads.shutdownNow();
            atTheEnd("its threads", this::awaitThreads);
            atTheEnd("giving back the inference servers", publisher::close);
            atTheEnd("giving back the learner", learner::close);
            atTheEnd("the end of what was under way", this::dropUnfinished);
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

    /** What a stop gave up, groups that were lost halfway, and whatever a failure left. */
    private void dropUnfinished() {
        Ledger.await(ledger.dropUnfinished(spec.runId(), "the run ended while it was under way"));
    }

    private End runAll() throws InterruptedException {
        unlessStopped(() -> {
            open();
            prepare();
            log.event("run_started", log.object().put("update", update).put("updates", spec.updates()));
            evaluateIfDue();
            while (!over() && !(stop.asked() && !training)) {
                launch();
                take(reports.take());
            }
        });
        settle();
        // Also when nothing was under way that could have failed by it.
        stop.checkAborted();
        if (opened) {
            learner.checkpoint();
        }
        // One whose last evaluation was given up makes it when it is resumed.
        return over() && !givenUp
                ? new End("finished", "")
                : new End("stopped", "asked to stop after update " + update);
    }

    private boolean over() {
        return update >= spec.updates() || budgetSpent;
    }

    /** Asked between updates only: groups that are being sampled belong to an update that will be trained. */
    private void checkBudget() {
        long most = spec.file().integer("max_training_tokens");
        budgetSpent = most > 0 && trainingTokens() >= most;
    }

    /** Brings learner and ledger to the same update, then the inference servers to the same policy. */
    private void open() {
        spec.verifiers()
                .forEach((key, address) -> PeerAddress.parse(key, address).reach(key));
        Ledger.await(ledger.dropUnfinished(spec.runId(), "the process that sampled it died"));
        LearnerLink.Position at = learner.open();
        at.opened()
                .getDamagedCheckpointsList()
                .forEach(what -> log.event(
                        "checkpoint_damaged",
                        log.object()
                                .put("what", what)
                                .put("resumed_from", at.opened().getUpdate())));
        opened = true;
        update = at.update();
        version = at.artefact().policy().number();
        publish(at.artefact());
        InferenceServers.record(log, services.samplerStatus());
        if (spec.resets() && spec.keptLocalizer()) {
            checkKept(at.opened().getUpdate() == 0 ? at.opened().getDigest() : "");
        }
    }

    /** Servers that keep their policy must be there, and hold just the first one if it is that which localizes. */
    private void checkKept(String ownFirst) {
        String first = ledger.preparation(spec.runId(), "first_policy").orElse(ownFirst);
        Ledger.await(ledger.savePreparation(spec.runId(), "first_policy", first));
        List<InferenceServerStatus> kept = services.samplerStatus().getServersList().stream()
                .filter(InferenceServerStatus::getFrozen)
                .toList();
        if (kept.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "localizer.policy: " + spec.file().text("localizer.policy")
                            + " needs servers that keep their policy: set foothold.sampler.frozen-endpoints");
        }
        for (InferenceServerStatus server : kept) {
            if (!server.getHealthy()
                    || (spec.frozenLocalizer() && !server.getDigest().equals(first))) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "server " + server.getEndpoint() + " should keep "
                                + (spec.frozenLocalizer() ? "the run's first policy " + first : "a policy")
                                + ", it has "
                                + (server.getHealthy() ? server.getDigest() : "a problem: " + server.getProblem()));
            }
        }
        List<PolicyVersion> policies = kept.stream()
                .map(server -> new PolicyVersion(server.getPolicyVersion(), server.getDigest()))
                .distinct()
                .toList();
        if (policies.size() > 1) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, "servers that keep their policy must all have the same one: " + policies);
        }
        groups.source().keeps(policies.get(0));
    }

    private void publish(PolicyPublisher.Artefact artefact) {
        groups.source().publishing(artefact.policy().number());
        PublishPolicyResponse published = publisher.publish(artefact);
        log.event(
                "policy_published",
                log.object()
                        .put("policy_version", version)
                        .put("digest", artefact.policy().digest())
                        .put("pause_micros", published.getPauseMicros()));
    }

    /** Problems, hard set and prefixes; what an earlier process found stays. */
    private void prepare() {
        List<Problem> train = load(true);
        List<String> evaluated = ledger.evaluations(spec.runId());
        best.restore(evaluated, evaluationProblems.keySet().iterator().next());
        schedule.restore(evaluated);
        warnings.restore(log.past("update_done"));
        problemIds = train.stream().map(Problem::getId).toList();
        if (spec.file().count("mining.samples") > 0) {
            problemIds = mined();
        }
        if (spec.guided()) {
            Set<String> drawn = Set.copyOf(problemIds);
            checks.checkGuided(
                    train.stream().filter(p -> drawn.contains(p.getId())).toList(), ledger.prefixes(spec.runId()));
            searchPrefixes();
        }
        Set<String> trained = Set.copyOf(problemIds);
        trainProblems = train.stream().filter(p -> trained.contains(p.getId())).toList();
        selection = new Selection(problemIds, spec.guided() ? ledger.prefixes(spec.runId()) : Map.of());
        trainDigest = ProblemSetDigest.of(train);
        nextGroup = update * spec.groupsPerUpdate();
        Map<String, Long> byUse = ledger.tokensByUse(spec.runId());
        earlierTokens = TRAINING_USES.stream()
                .mapToLong(use -> byUse.getOrDefault(use, 0L))
                .sum();
        checkBudget();
    }

    /** Loads and checks the evaluation sets and, for training, the training problems, which it gives. */
    private List<Problem> load(boolean training) {
        DataGuard data = new DataGuard(spec, services, ledger);
        Map<String, List<Problem>> problems = data.load(training);
        problems.forEach((key, set) -> {
            checks.check(key, set);
            groups.know(set);
        });
        // Behind the other checks: a file that was never good enough to start with may be repaired.
        data.check(problems, log);
        for (String set : spec.file().evaluationSets()) {
            evaluationProblems.put(set, problems.getOrDefault(DataGuard.evaluation(set), List.of()));
        }
        return problems.getOrDefault(ProblemChecks.TRAIN, List.of());
    }

    private List<String> mined() {
        String known = ledger.preparation(spec.runId(), "hard_set").orElse(null);
        if (known == null) {
            MiningRates rates = new MiningRates();
            ProbeAnswers answers = new ProbeAnswers(probe -> answer("mining", probe));
            HardSet set = services.mine(
                    spec.mining(), PROBE_WINDOW, probe -> answers.answer(probe).whenComplete((outcome, failure) -> {
                        if (outcome != null) {
                            rates.answered(probe, outcome);
                        }
                    }));
            ObjectNode json = log.object().put("tried", set.getTried()).put("rollouts", set.getRollouts());
            set.getProblemIdsList().forEach(json.withArray("problem_ids")::add);
            rates.byProblem().forEach((id, count) -> json.withObjectProperty("rates")
                    .putObject(id)
                    .put("passes", count.passes())
                    .put("judged", count.judged()));
            known = json.toString();
            Ledger.await(ledger.savePreparation(spec.runId(), "hard_set", known));
            log.event(
                    "prepared",
                    log.object()
                            .put("step", "mining")
                            .put("hard", set.getProblemIdsCount())
                            .put("tried", set.getTried())
                            .put("looked_at_twice", set.getLookedAtTwice())
                            .put("hard_pass_rate_below", rates.highest(set.getProblemIdsList()))
                            .put("rollouts", set.getRollouts()));
        }
        List<String> ids = hardSet(known);
        if (ids.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA, "mining found no hard problem: the base policy solves all of them");
        }
        return ids;
    }

    /** Ids of a stored hard set. */
    static List<String> hardSet(String stored) {
        List<String> ids = new ArrayList<>();
        mining(stored).path("problem_ids").forEach(id -> ids.add(id.asText()));
        return ids;
    }

    /** What mining stored. */
    static JsonNode mining(String stored) {
        try {
            return new ObjectMapper().readTree(stored);
        } catch (JsonProcessingException e) {
            throw new FootholdException(ErrorCode.INVALID_DATA, "the stored hard set cannot be read", e);
        }
    }

    private void searchPrefixes() {
        Map<String, Integer> known = ledger.prefixes(spec.runId());
        List<String> left =
                problemIds.stream().filter(id -> !known.containsKey(id)).toList();
        if (left.isEmpty()) {
            return;
        }
        long start = System.nanoTime();
        Map<String, Integer> lengths = new ConcurrentHashMap<>();
        ProbeAnswers answers = new ProbeAnswers(probe -> answer("search", probe));
        SearchSummary summary = services.searchPrefixes(
                spec.search(left), PROBE_WINDOW, answers::answer, found -> save(found, lengths));
        ObjectNode json = log.object()
                .put("step", "prefix_search")
                .put("problems", left.size())
                .put("rollouts", summary.getRollouts())
                .put("fallbacks", summary.getFallbacks())
                .put("seconds", (System.nanoTime() - start) / 1e9);
        Map<Integer, Integer> histogram = new TreeMap<>();
        lengths.values().forEach(length -> histogram.merge(length, 1, Integer::sum));
        histogram.forEach((length, count) -> json.withObject("/prefixes").put(Integer.toString(length), count));
        Ledger.await(ledger.savePreparation(spec.runId(), "prefix_search", json.toString()));
        log.event("prepared", json);
    }

    private void save(FoundPrefix found, Map<String, Integer> lengths) {
        lengths.put(found.getProblemId(), found.getPrefixThoughts());
        var unused =
                ledger.savePrefix(spec.runId(), found.getProblemId(), found.getPrefixThoughts(), found.getFallback());
    }

    private CompletableFuture<ProbeOutcome> answer(String purpose, Probe probe) {
        return CompletableFuture.supplyAsync(
                () -> {
                    stop.check();
                    StartState start = probe.getStart();
                    int prefix = start.getGuided().getPrefixThoughts();
                    int looks = probe.getEarlierLooks();
                    String at = start.getProblemId() + "/" + prefix + (looks == 0 ? "" : "/look" + (looks + 1));
                    List<Judged> judged = groups.consume(
                            purpose,
                            spec.runId() + "/" + purpose + "/" + at,
                            start,
                            spec.trainSampling(),
                            probe.getRollouts(),
                            spec.seeds(purpose).split(at),
                            publisher.policy());
                    if (judged.stream().noneMatch(Judged::judged)) {
                        FootholdException failure = judged.get(0).failure();
                        throw failure != null
                                ? failure
                                : new FootholdException(
                                        ErrorCode.PEER_UNAVAILABLE, "no verdict on any sample of " + at);
                    }
                    return ProbeOutcome.newBuilder()
                            .setProbeId(probe.getProbeId())
                            .setPasses(
                                    (int) judged.stream().filter(Judged::passed).count())
                            .setJudged(
                                    (int) judged.stream().filter(Judged::judged).count())
                            .build();
                },
                threads);
    }

    /** Starts what may be started: groups up to the window, and training when an update is complete. */
    private void launch() {
        trainIfComplete();
        long window = (spec.staleness() + 1) * spec.groupsPerUpdate();
        long wanted = spec.updates() * spec.groupsPerUpdate();
        while (!stop.asked()
                && underWay + ready.size() + (training ? spec.groupsPerUpdate() : 0) < window
                && admittedGroups() + underWay + ready.size() < wanted) {
            long number = nextGroup++;
            StartState start = startOf(number, 0);
            String id = spec.runId() + "/g" + number;
            gate.reserved(id, version);
            if (underWay++ == 0) {
                phaseStart = System.nanoTime();
            }
            // Also in asynchronous runs: a server that came back with its first policy would give tokens that no gate
            // lets pass.
            PolicyVersion current = publisher.policy();
            work.begin(
                    () -> new Report.GroupDone(
                            number,
                            methods.run(
                                    spec.resets(number) ? named.withResets() : named.withoutResets(),
                                    id,
                                    attempt -> attempt == 0 ? start : startOf(number, attempt),
                                    spec.seeds("train").split(number),
                                    current)),
                    failure -> new Report.GroupLost(number, failure));
        }
    }

    private long admittedGroups() {
        return (update + (training ? 1 : 0)) * spec.groupsPerUpdate();
    }

    /** The start state of a place; of each further attempt to fill it another one of the same draw. Any thread. */
    private StartState startOf(long number, int attempt) {
        Draw draw = new Draw(number / spec.groupsPerUpdate() + 1, attempt);
        return drawn(draw).get((int) (number % spec.groupsPerUpdate()));
    }

    private List<StartState> drawn(Draw draw) {
        return draws.computeIfAbsent(
                draw, d -> services.draw(spec.draw(d.update(), d.attempt(), trainDigest), selection));
    }

    /** Draws the start states of an update and has their prompts encoded, beside the training of another one. */
    private void drawAhead(long next) {
        if (next > spec.updates()) {
            return;
        }
        threads.execute(() -> {
            try {
                services.preparePrompts(
                        drawn(new Draw(next, 0)).stream()
                                .map(StartState::getPrompt)
                                .distinct()
                                .toList(),
                        spec.trainSampling());
            } catch (RuntimeException e) {
                // The same is asked for again when the groups are launched, and fails the run there.
            }
        });
    }

    private void trainIfComplete() {
        if (training || ready.size() < spec.groupsPerUpdate()) {
            return;
        }
        // Synchronous: by place, so that nothing depends on arrival. Asynchronous: oldest tokens first, then by
        // arrival; a straggler that waited behind younger groups would hold the gate shut for ever.
        List<Map.Entry<Long, FilledPlace>> batch = ready.entrySet().stream()
                .sorted(
                        spec.staleness() == 0
                                ? Map.Entry.comparingByKey()
                                : Comparator.comparingLong((Map.Entry<Long, FilledPlace> e) -> oldest(e.getValue())))
                .limit(spec.groupsPerUpdate())
                .toList();
        // The batch ends with the update that it makes; whoever stays under way decides whether that update may come.
        batch.forEach(e -> gate.ended(spec.runId() + "/g" + e.getKey()));
        if (!gate.mayMake(version + 1, spec.groupsPerUpdate())) {
            batch.forEach(e -> gate.reserved(spec.runId() + "/g" + e.getKey(), oldest(e.getValue())));
            return;
        }
        batch.forEach(e -> ready.remove(e.getKey()));
        List<FilledPlace> units = batch.stream().map(Map.Entry::getValue).toList();
        List<FilledGroup> members =
                units.stream().flatMap(u -> u.groups().stream()).toList();
        List<TrainGroup> groupsOut = new ArrayList<>();
        for (int i = 0; i < members.size(); i++) {
            groupsOut.add(TrainGroup.newBuilder()
                    .setRunId(spec.runId())
                    .setUpdate(update + 1)
                    .setIndex(i)
                    .setGroupsInUpdate(members.size())
                    .setGroupId(members.get(i).id())
                    .addAllMembers(members.get(i).members().stream()
                            .map(FilledMember::rewarded)
                            .toList())
                    .build());
        }
        try {
            Ledger.await(ledger.admit(spec.runId(), update + 1, groupsOut));
        } catch (FootholdException e) {
            // What it was queued behind says more.
            groups.checkWrites();
            throw e;
        }
        groups.checkWrites();
        training = true;
        drawAhead(update + 2);
        work.begin(
                () -> {
                    UpdateManifest manifest = learner.train(groupsOut);
                    Ledger.await(ledger.trained(manifest));
                    return new Report.Trained(manifest, units);
                },
                Report.TrainingFailed::new);
    }

    private static long oldest(FilledPlace unit) {
        return unit.members().stream()
                .flatMap(m -> m.rollout().getPolicyVersionsList().stream())
                .mapToLong(Long::longValue)
                .min()
                .orElse(0);
    }

    private void take(Report report) throws InterruptedException {
        switch (report) {
            case Report.GroupDone done -> {
                if (--underWay == 0) {
                    phaseSeconds = (System.nanoTime() - phaseStart) / 1e9;
                }
                droppedInARow = 0;
                verifierErrors += done.unit().verifierErrors();
                for (String reason : done.unit().resets().dropped()) {
                    log.event(
                            "group_dropped",
                            log.object().put("group", done.number()).put("reason", reason));
                }
                gate.sampled(spec.runId() + "/g" + done.number(), oldest(done.unit()));
                ready.put(done.number(), done.unit());
            }
            case Report.GroupLost lost -> lost(lost.number(), lost.failure());
            case Report.Trained trained -> trained(trained.manifest(), trained.units());
            case Report.TrainingFailed failed -> {
                // Whoever settles the run must not wait for it.
                training = false;
                throw failed.failure();
            }
            case Report.Wake wake -> {}
            case Report.Aborted aborted -> throw aborted.reason();
        }
    }

    private void lost(long number, FootholdException failure) {
        underWay--;
        gate.ended(spec.runId() + "/g" + number);
        if (stop.asked()) {
            return;
        }
        log.event("group_dropped", log.object().put("group", number).put("reason", failure.text()));
        if (++droppedInARow >= MOST_DROPPED_IN_A_ROW || !failure.code().retryable()) {
            throw failure;
        }
    }

    private void trained(UpdateManifest manifest, List<FilledPlace> units) throws InterruptedException {
        training = false;
        update = manifest.getUpdate();
        draws.keySet().removeIf(d -> d.update() < update);
        checkBudget();
        if (manifest.getPolicyVersion() != version) {
            version = manifest.getPolicyVersion();
            // A batch that waited is trained while the policy is published; groups are launched after it, with the new
            // version. Solutions are scored under the weights that were published, so these must stay for as long.
            if (!stop.asked() && !over() && !scoring()) {
                trainIfComplete();
            }
            unlessStopped(() -> publish(PolicyPublisher.Artefact.of(manifest)));
        }
        List<FilledGroup> members =
                units.stream().flatMap(u -> u.groups().stream()).toList();
        log.completions(manifest, members);
        ObjectNode json = log.object()
                .put("update", update)
                .put("policy_version", version)
                .put("digest", manifest.getDigest())
                .put("optimizer_steps", manifest.getOptimizerSteps());
        manifest.getMetricsMap().forEach(json::put);
        speed(manifest).forEach(json::put);
        if (spec.refills() > 0) {
            json.put("refills", units.stream().mapToInt(FilledPlace::refills).sum());
        }
        Map<String, Double> starts = byStart(members);
        starts.forEach(json::put);
        log.scalars(update, starts);
        resetNumbers(units, json);
        log.event("update_done", json);
        log.scalars(update, manifest.getMetricsMap());
        warnings.after(manifest.getMetricsMap())
                .forEach(w -> log.event(
                        "warning",
                        log.object()
                                .put("update", update)
                                .put("rule", w.rule().word())
                                .put("what", w.what())));
        alarms(manifest, units);
        unlessStopped(this::evaluateIfDue);
    }

    private interface Step {
        void run() throws InterruptedException;
    }

    /** What a stopped run does not need any more: it is not begun, and given up when the stop comes while it is done. */
    private void unlessStopped(Step step) throws InterruptedException {
        if (stop.asked()) {
            givenUp = true;
            return;
        }
        try {
            step.run();
        } catch (FootholdException e) {
            if (!stop.asked() || e.code() != ErrorCode.CANCELLED) {
                throw e;
            }
            givenUp = true;
        }
    }

    /** Seconds between updates; tokens per second of the sampling phase where there is one. */
    private Map<String, Double> speed(UpdateManifest manifest) {
        Map<String, Double> out = new LinkedHashMap<>();
        long now = System.nanoTime();
        double tokens = manifest.getMetricsOrDefault("sampled_tokens", 0);
        double seconds = (now - updateEnd) / 1e9;
        updateEnd = now;
        out.put("update_seconds", seconds);
        out.put("tokens_per_s", tokens / seconds);
        if (spec.staleness() == 0 && phaseSeconds > 0) {
            out.put("sampling_tokens_per_s", tokens / phaseSeconds);
        }
        return out;
    }

    /** Mean reward, passes, rollouts and pass@1 by kind of start state: unguided beside guided shows what carries over. */
    private static Map<String, Double> byStart(List<FilledGroup> members) {
        Map<String, double[]> sums = new LinkedHashMap<>();
        for (FilledGroup g : members) {
            double[] sum = sums.computeIfAbsent(
                    g.start().getOriginCase().name().toLowerCase(java.util.Locale.ROOT), k -> new double[3]);
            g.members().forEach(m -> {
                sum[0] += m.reward();
                sum[1] += m.judged().passed() ? 1 : 0;
                sum[2]++;
            });
        }
        Map<String, Double> out = new LinkedHashMap<>();
        sums.forEach((start, sum) -> {
            out.put("reward_" + start, sum[0] / sum[2]);
            out.put("passes_" + start, sum[1]);
            out.put("rollouts_" + start, sum[2]);
            out.put("pass@1_" + start, sum[1] / sum[2]);
        });
        return out;
    }

    /** Draws, localizations and suffixes of an update; says once when the localizer was given up for random resets. */
    private void resetNumbers(List<FilledPlace> units, ObjectNode json) {
        if (!spec.resets()) {
            return;
        }
        log.resets(
                update,
                units.stream().flatMap(u -> u.resets().continued().stream()).toList());
        ResetMetrics metrics = ResetMetrics.of(units);
        metrics.putInto(json);
        log.scalars(update, metrics.numbers());
        if (named.fellBack() && !fallbackTold) {
            fallbackTold = true;
            log.event(
                    "localizer_fallback",
                    log.object()
                            .put("update", update)
                            .put("from", spec.file().text("resets.localizer"))
                            .put("to", "random"));
        }
    }

    private void alarms(UpdateManifest manifest, List<FilledPlace> units) {
        double reward = manifest.getMetricsOrDefault("reward_mean", 0);
        zeroRewardUpdates = reward == 0 ? zeroRewardUpdates + 1 : 0;
        int most = spec.file().count("alarms.zero_reward_updates");
        if (most > 0 && zeroRewardUpdates >= most) {
            alarm("no reward in " + zeroRewardUpdates + " updates");
        }
        @Nullable Double entropy = manifest.getMetricsMap().get("entropy");
        if (entropy != null && entropy < spec.file().number("alarms.min_entropy")) {
            alarm("entropy " + entropy + " is below " + spec.file().number("alarms.min_entropy"));
        }
        int judged = units.stream().mapToInt(FilledPlace::size).sum() + verifierErrors;
        if (verifierErrors > judged * spec.file().number("alarms.max_verifier_error_share")) {
            alarm(verifierErrors + " of " + judged + " verdicts were errors");
        }
        verifierErrors = 0;
    }

    private void alarm(String what) {
        log.event("alarm", log.object().put("update", update).put("what", what));
        throw new FootholdException(ErrorCode.CANCELLED, "alarm: " + what);
    }

    private boolean due(String set) {
        return over() || schedule.due(set, update, trainingTokens());
    }

    /** Whether oracle solutions will be scored before the next update. */
    private boolean scoring() {
        return spec.oracleProblems() > 0 && evaluationProblems.keySet().stream().anyMatch(this::due);
    }

    private void evaluateIfDue() throws InterruptedException {
        evaluate(this::due, passAt1 -> {
            if (best.improvedBy(passAt1)) {
                learner.checkpoint("best", update);
            }
        });
    }

    /**
     * Evaluates sets that were not evaluated at this update.
     *
     * @param wanted which of them
     * @param measured told pass@1 of the first set, if anything of it was judged, before the evaluation is stored: after a crash
     *     between the two it is measured again
     */
    private void evaluate(Predicate<String> wanted, DoubleConsumer measured) throws InterruptedException {
        for (Map.Entry<String, List<Problem>> set : evaluationProblems.entrySet()) {
            if (!wanted.test(set.getKey()) || ledger.evaluated(spec.runId(), update, set.getKey())) {
                continue;
            }
            // What the evaluated policy has cost; sampling for later ones goes on in asynchronous runs.
            long tokens = trainingTokens();
            Evaluator.Result result = evaluator.evaluate(set.getKey(), set.getValue(), update, publisher.policy());
            result.json().put("training_tokens", tokens);
            boolean first =
                    set.getKey().equals(evaluationProblems.keySet().iterator().next());
            scoreOracles("oracle", set.getKey(), set.getValue(), result.json());
            if (first) {
                scoreOracles("oracle_train", TRAINED, trainProblems, result.json());
            }
            ObjectNode byUse = result.json().putObject("tokens_by_use");
            ledger.tokensByUse(spec.runId()).forEach(byUse::put);
            if (first) {
                result.passAt1().ifPresent(measured);
            }
            Ledger.await(ledger.saveEvaluation(
                    spec.runId(), update, set.getKey(), result.json().toString()));
            schedule.made(set.getKey(), update, tokens);
            log.samples(set.getKey(), update, result.samples());
            log.event("evaluation_done", result.json());
            result.passAt1()
                    .ifPresent(value -> log.scalars(update, Map.of("evaluation/" + set.getKey() + "/pass@1", value)));
        }
    }

    /** Puts how likely a set's oracle solutions are into an evaluation. */
    private void scoreOracles(String name, String set, List<Problem> problems, ObjectNode evaluation) {
        if (spec.oracleProblems() == 0) {
            return;
        }
        oracles.score(name + "/" + set, problems, version).ifPresent(found -> {
            evaluation.set(name, found.json());
            log.oracles(set, update, found.lines());
            Map<String, Double> scalars = new LinkedHashMap<>();
            String at = set.equals(TRAINED) ? "training/" : "evaluation/" + set + "/";
            found.numbers().forEach((number, value) -> scalars.put(at + "oracle_" + number, value));
            log.scalars(update, scalars);
        });
    }

    /** What training has cost so far in sampled tokens; evaluation, mining and search are apart. */
    private long trainingTokens() {
        return earlierTokens + groups.trainingTokens();
    }

    /** Waits for what is under way, so that nothing is left without an end. */
    private void settle() throws InterruptedException {
        while (underWay > 0 || training) {
            switch (reports.take()) {
                case Report.GroupDone done -> {
                    underWay--;
                    groups.drop(done.unit().members(), "the run ended before its update");
                }
                case Report.GroupLost lost -> underWay--;
                case Report.Trained trained -> trained(trained.manifest(), trained.units());
                case Report.TrainingFailed failed -> throw failed.failure();
                case Report.Wake wake -> {}
                case Report.Aborted aborted -> throw aborted.reason();
            }
        }
        for (FilledPlace unit : ready.values()) {
            groups.drop(unit.members(), "the run ended before its update");
        }
        ready.clear();
    }
}
