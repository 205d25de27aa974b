package io.foothold.orchestrator.run;

import io.foothold.contracts.draw.Selection;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.problem.Problem;
import io.foothold.core.stats.SetStatistics;
import io.foothold.orchestrator.event.Happening;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.remote.Augmentation;
import io.foothold.orchestrator.remote.ProblemMessages;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.rollout.PromptedStart;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

/** Problems, hard set and prefixes of a run; what an earlier process found stays. Blocks its caller. */
final class Preparation {
    private static final int PROBE_WINDOW = 64;

    /**
     * The problems that a run is about.
     *
     * @param train all of its training set; empty where nothing is trained
     * @param evaluation by the names of its evaluation sets, in their order
     */
    record Problems(List<Problem> train, Map<String, List<Problem>> evaluation) {}

    /**
     * What start states are drawn from.
     *
     * @param train problems that are trained on
     * @param digest of the whole training set
     */
    record Prepared(List<Problem> train, Selection selection, String digest) {}

    private final RunSpec spec;
    private final Services services;
    private final Ledger ledger;
    private final GroupRunner groups;
    private final RunLog log;
    private final RunClock clock;
    private final Executor threads;
    private final ProblemChecks checks;

    Preparation(
            RunSpec spec,
            Services services,
            Ledger ledger,
            GroupRunner groups,
            RunLog log,
            RunClock clock,
            Executor threads) {
        this.spec = spec;
        this.services = services;
        this.ledger = ledger;
        this.groups = groups;
        this.log = log;
        this.clock = clock;
        this.threads = threads;
        this.checks = new ProblemChecks(spec, services);
    }

    /** Loads and checks the evaluation sets and, for training, the training problems. */
    Problems load(boolean training) {
        DataGuard data = new DataGuard(spec, services, ledger);
        Map<String, List<Problem>> problems = data.load(training);
        problems.forEach((key, set) -> {
            checks.check(key, set);
            groups.know(set);
        });
        // Behind the other checks: a file that was never good enough to start with may be repaired.
        data.check(problems, log);
        Map<String, List<Problem>> evaluation = new LinkedHashMap<>();
        for (String set : spec.file().evaluationSets()) {
            evaluation.put(set, problems.getOrDefault(DataGuard.evaluation(set), List.of()));
        }
        return new Problems(problems.getOrDefault(ProblemChecks.TRAIN, List.of()), evaluation);
    }

    /** Looks whether guided prompts fit, as far as that is known before any prefix is searched. */
    void checkGuided(List<Problem> train) {
        if (spec.settings().searchesPrefixes()) {
            checks.checkGuided(train, Map.of());
        }
    }

    /**
     * Mines and searches what is missing.
     *
     * @param policy that samples for it
     */
    Prepared prepare(List<Problem> train, PolicyVersion policy) {
        List<String> ids = spec.settings().mining().samples() > 0
                ? mined(policy)
                : train.stream().map(Problem::id).toList();
        Set<String> chosen = Set.copyOf(ids);
        List<Problem> trained =
                train.stream().filter(p -> chosen.contains(p.id())).toList();
        if (spec.settings().searchesPrefixes()) {
            // One that moves may become as long as any that a search can ask for.
            checks.checkGuided(trained, spec.settings().guidance().adapts() ? Map.of() : ledger.prefixes(spec.runId()));
            searchPrefixes(ids, policy);
        }
        return new Prepared(
                trained,
                new Selection(ids, spec.guided() ? ledger.prefixes(spec.runId()) : Map.of()),
                ProblemMessages.digest(train));
    }

    private List<String> mined(PolicyVersion policy) {
        String known = ledger.preparation(spec.runId(), "hard_set").orElse(null);
        if (known == null) {
            MiningRates rates = new MiningRates();
            ProbeAnswers answers = new ProbeAnswers(probe -> answer("mining", probe, policy));
            Augmentation.HardSet set = services.augmentation()
                    .mine(spec.mining(), PROBE_WINDOW, probe -> answers.answer(probe)
                            .whenComplete((outcome, failure) -> {
                                if (outcome != null) {
                                    rates.answered(probe, outcome);
                                }
                            }));
            known = HardSets.stored(set, rates.byProblem());
            Ledger.await(ledger.savePreparation(spec.runId(), "hard_set", known));
            log.event(new Happening.Mined(
                    set.problemIds().size(),
                    set.tried(),
                    set.lookedAtTwice(),
                    rates.highest(set.problemIds()),
                    set.rollouts()));
        }
        List<String> ids = HardSets.ids(known);
        if (ids.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA, "mining found no hard problem: the base policy solves all of them");
        }
        return ids;
    }

    private void searchPrefixes(List<String> ids, PolicyVersion policy) {
        Map<String, Integer> known = ledger.prefixes(spec.runId());
        List<String> left = ids.stream().filter(id -> !known.containsKey(id)).toList();
        if (left.isEmpty()) {
            return;
        }
        long start = clock.nanos().getAsLong();
        Map<String, Integer> lengths = new ConcurrentHashMap<>();
        ProbeAnswers answers = new ProbeAnswers(probe -> answer("search", probe, policy));
        Augmentation.Searched summary = services.augmentation()
                .searchPrefixes(spec.search(left), PROBE_WINDOW, answers::answer, found -> save(found, lengths));
        Map<Integer, Integer> histogram = new TreeMap<>();
        lengths.values().forEach(length -> histogram.merge(length, 1, Integer::sum));
        Happening searched = new Happening.PrefixesSearched(
                left.size(), summary.rollouts(), summary.fallbacks(), clock.secondsSince(start), histogram);
        Ledger.await(ledger.savePreparation(
                spec.runId(), "prefix_search", log.details(searched).toString()));
        log.event(searched);
    }

    private void save(Augmentation.FoundPrefix found, Map<String, Integer> lengths) {
        lengths.put(found.problemId(), found.thoughts());
        var unused = ledger.savePrefix(spec.runId(), found.problemId(), found.thoughts(), found.fallback());
    }

    private CompletableFuture<SetStatistics.Count> answer(
            String purpose, Augmentation.Probe probe, PolicyVersion policy) {
        return CompletableFuture.supplyAsync(
                () -> {
                    services.checkStopped();
                    PromptedStart start = probe.start();
                    int looks = probe.earlierLooks();
                    String at = start.problemId() + "/" + start.prefixThoughts()
                            + (looks == 0 ? "" : "/look" + (looks + 1));
                    List<Judged> judged = groups.consume(
                            purpose,
                            spec.runId() + "/" + purpose + "/" + at,
                            start,
                            spec.trainSampling(),
                            probe.rollouts(),
                            spec.seeds(purpose).split(at),
                            policy);
                    if (judged.stream().noneMatch(Judged::judged)) {
                        FootholdException failure = judged.get(0).failure();
                        throw failure != null
                                ? failure
                                : new FootholdException(
                                        ErrorCode.PEER_UNAVAILABLE, "no verdict on any sample of " + at);
                    }
                    return new SetStatistics.Count(
                            (int) judged.stream().filter(Judged::passed).count(),
                            (int) judged.stream().filter(Judged::judged).count());
                },
                threads);
    }
}
