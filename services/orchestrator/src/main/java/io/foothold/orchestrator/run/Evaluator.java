package io.foothold.orchestrator.run;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.problem.Problem;
import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import io.foothold.core.stats.Interval;
import io.foothold.core.stats.SetStatistics;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.Sampling;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;

/** Evaluates a policy version on a problem set, from root start states, with its own sampling settings. */
final class Evaluator {
    private static final int[] KS = {1, 8, 16, 32};

    /**
     * What an evaluation found.
     *
     * @param json numbers, with a Wilson interval of the passes; {@code pass@k} is null where nothing was judged
     * @param samples the first sample of every problem
     * @param passAt1 pass@1; empty when nothing was judged
     */
    record Result(ObjectNode json, List<Sample> samples, OptionalDouble passAt1) {}

    /** A sample for people to look at. */
    record Sample(Problem problem, PromptedStart start, Judged judged) {}

    private final RunSpec spec;
    private final GroupRunner groups;
    private final RunClock clock;
    private final RunThreads where;

    Evaluator(RunSpec spec, GroupRunner groups, RunClock clock, RunThreads where) {
        this.spec = spec;
        this.groups = groups;
        this.clock = clock;
        this.where = where;
    }

    /**
     * Evaluates.
     *
     * @param policy the policy that samples, and no other
     */
    Result evaluate(String set, List<Problem> problems, long update, PolicyVersion policy) throws InterruptedException {
        int n = spec.settings().evaluation().samples();
        Sampling settings = spec.evaluationSampling();
        Seeds seeds = spec.seeds("evaluation").split(set).split(update);
        long start = clock.nanos().getAsLong();
        List<PromptedStart> starts = problems.stream().map(this::root).toList();
        List<Future<List<Judged>>> futures = new ArrayList<>();
        try (ExecutorService threads = where.beside()) {
            for (int p = 0; p < problems.size(); p++) {
                Problem problem = problems.get(p);
                PromptedStart at = starts.get(p);
                String id = spec.runId() + "/eval/" + set + "/" + update + "/" + problem.id();
                futures.add(threads.submit(
                        () -> groups.consume("evaluation", id, at, settings, n, seeds.split(problem.id()), policy)));
            }
        }
        long tokens = 0;
        long finished = 0;
        long sampled = 0;
        List<SetStatistics.Count> counts = new ArrayList<>();
        List<Sample> samples = new ArrayList<>();
        Set<PolicyVersion> sampledBy = new LinkedHashSet<>();
        List<Judged> all = new ArrayList<>();
        for (int p = 0; p < problems.size(); p++) {
            List<Judged> rollouts = value(futures.get(p));
            counts.add(new SetStatistics.Count(
                    (int) rollouts.stream().filter(Judged::passed).count(),
                    (int) rollouts.stream().filter(Judged::judged).count()));
            tokens += rollouts.stream().mapToLong(Judged::tokens).sum();
            finished += rollouts.stream().filter(Judged::finished).count();
            sampled += rollouts.stream().filter(Judged::sampled).count();
            rollouts.forEach(j -> sampledBy.addAll(j.sampledBy()));
            all.addAll(rollouts);
            samples.add(new Sample(problems.get(p), starts.get(p), rollouts.get(0)));
        }
        double seconds = clock.secondsSince(start);
        SetStatistics statistics = SetStatistics.of(counts, n, KS);
        Interval interval = Interval.wilson(statistics.passes(), statistics.judged());
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("update", update).put("set", set);
        label(json, sampledBy);
        json.put("problems", problems.size()).put("samples_per_problem", n);
        json.put("temperature", settings.temperature())
                .put("top_p", settings.topP())
                .put("top_k", settings.topK())
                .put("max_tokens", settings.maxTokens());
        json.put("problems_judged", statistics.problemsJudged());
        json.put("problems_always_solved", statistics.solved().always())
                .put("problems_sometimes_solved", statistics.solved().sometimes())
                .put("problems_never_solved", statistics.solved().never());
        json.put("passes", statistics.passes()).put("samples", statistics.judged());
        statistics.passAtK().forEach((k, estimate) -> {
            estimate.value().ifPresentOrElse(v -> json.put("pass@" + k, v), () -> json.putNull("pass@" + k));
            json.put("pass@" + k + "_problems", estimate.problems());
            if (k > 1) {
                json.put("pass@" + k + "_low", estimate.interval().low())
                        .put("pass@" + k + "_high", estimate.interval().high());
            }
        });
        json.put("low", interval.low()).put("high", interval.high());
        if (sampled > 0) {
            json.put("finished_share", (double) finished / sampled);
        }
        RewardNumbers.of(all).forEach(json::put);
        json.put("tokens", tokens).put("seconds", seconds);
        return new Result(json, samples, statistics.passAt1());
    }

    /** What the tokens say of who sampled them; nothing where there are none. */
    private static void label(ObjectNode json, Set<PolicyVersion> sampledBy) {
        if (sampledBy.size() > 1) {
            throw new FootholdException(
                    ErrorCode.INTERNAL, "one evaluation was sampled by several policies: " + sampledBy);
        }
        for (PolicyVersion policy : sampledBy) {
            json.put("policy_version", policy.number()).put("policy_digest", policy.digest());
        }
    }

    private PromptedStart root(Problem p) {
        return new PromptedStart(new StartState.Root(p.id()), spec.prompts().root(p.statement()), p.maxTokens());
    }

    private static <T> T value(Future<T> future) throws InterruptedException {
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw FootholdException.of(e);
        }
    }
}
