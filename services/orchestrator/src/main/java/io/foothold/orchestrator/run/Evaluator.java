package io.foothold.orchestrator.run;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.core.passk.PassAtK;
import io.foothold.core.prompt.Placeholders;
import io.foothold.core.random.Seeds;
import io.foothold.core.stats.Interval;
import io.foothold.v1.Problem;
import io.foothold.v1.Root;
import io.foothold.v1.SamplingSettings;
import io.foothold.v1.StartState;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Evaluates a policy version on a problem set, from root start states, with its own sampling settings. */
final class Evaluator {
    private static final int[] KS = {1, 8, 16, 32};

    /**
     * What an evaluation found.
     *
     * @param json numbers, with a Wilson interval of pass@1
     * @param samples the first sample of every problem
     * @param passAt1 pass@1
     */
    record Result(ObjectNode json, List<Sample> samples, double passAt1) {}

    /** A sample for people to look at. */
    record Sample(Problem problem, StartState start, GroupRunner.Judged judged) {}

    private final RunSpec spec;
    private final GroupRunner groups;

    Evaluator(RunSpec spec, GroupRunner groups) {
        this.spec = spec;
        this.groups = groups;
    }

    Result evaluate(String set, List<Problem> problems, long update, long version) throws InterruptedException {
        int n = spec.file().count("evaluation.samples");
        SamplingSettings settings = spec.sampling(spec.file().number("evaluation.temperature"));
        Seeds seeds = spec.seeds("evaluation").split(set).split(update);
        long start = System.nanoTime();
        List<StartState> starts = problems.stream().map(this::root).toList();
        List<Future<List<GroupRunner.Judged>>> futures = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int p = 0; p < problems.size(); p++) {
                Problem problem = problems.get(p);
                StartState at = starts.get(p);
                String id = spec.runId() + "/eval/" + set + "/" + update + "/" + problem.getId();
                futures.add(threads.submit(() ->
                        groups.consume("evaluation", id, at, settings, n, seeds.split(problem.getId()), version)));
            }
        }
        long passes = 0;
        long judged = 0;
        long tokens = 0;
        double[] passAtK = new double[KS.length];
        int complete = 0;
        List<Sample> samples = new ArrayList<>();
        for (int p = 0; p < problems.size(); p++) {
            List<GroupRunner.Judged> rollouts = value(futures.get(p));
            int c = (int) rollouts.stream().filter(GroupRunner.Judged::passed).count();
            int of = (int) rollouts.stream().filter(GroupRunner.Judged::judged).count();
            passes += c;
            judged += of;
            tokens += rollouts.stream().mapToLong(GroupRunner.Judged::tokens).sum();
            complete += of > 0 ? 1 : 0;
            for (int i = 0; i < KS.length && of > 0; i++) {
                passAtK[i] += KS[i] <= of ? PassAtK.estimate(of, c, KS[i]) : 0;
            }
            samples.add(new Sample(problems.get(p), starts.get(p), rollouts.get(0)));
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        Interval interval = Interval.wilson(passes, judged);
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("update", update).put("set", set).put("policy_version", version);
        json.put("problems", problems.size()).put("samples_per_problem", n);
        json.put("passes", passes).put("samples", judged);
        for (int i = 0; i < KS.length; i++) {
            if (KS[i] <= n) {
                json.put("pass@" + KS[i], complete == 0 ? 0 : passAtK[i] / complete);
            }
        }
        json.put("low", interval.low()).put("high", interval.high());
        json.put("tokens", tokens).put("seconds", seconds);
        return new Result(json, samples, judged == 0 ? 0 : (double) passes / judged);
    }

    private StartState root(Problem p) {
        return StartState.newBuilder()
                .setProblemId(p.getId())
                .setRoot(Root.getDefaultInstance())
                .setPrompt(Placeholders.fill(spec.templates().getRoot(), Map.of("problem", p.getStatement())))
                .setMaxTokens(p.getMaxTokens())
                .build();
    }

    private static <T> T value(Future<T> future) throws InterruptedException {
        try {
            return future.get();
        } catch (java.util.concurrent.ExecutionException e) {
            throw io.foothold.contracts.error.FootholdException.of(e);
        }
    }
}
