package io.foothold.orchestrator.run;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.problem.OraclePrefix;
import io.foothold.core.problem.Problem;
import io.foothold.core.random.Seeds;
import io.foothold.core.search.PrefixSearch;
import io.foothold.core.start.StartState;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.rollout.FinishReason;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.SampledRollout;
import io.foothold.orchestrator.rollout.Sampling;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Manifest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/**
 * What one update costs, measured on the run's own services before there is one: a few tokens from the longest prompts with as many
 * rollouts as the run has under way, and one micro-batch of the largest shape. Two steps are trained on the way; whoever rehearses
 * throws the run away.
 */
final class Rehearsal {
    /** Tokens behind the first that are sampled to tell a decode step's time. */
    private static final int DECODED = 8;
    /** Rollouts at a time; more of them only take longer. */
    private static final int MOST_ROLLOUTS = 256;

    private final RunSpec spec;
    private final Services services;
    private final GroupRunner groups;
    private final PolicyVersion policy;
    private final RunClock clock;

    Rehearsal(RunSpec spec, Services services, GroupRunner groups, PolicyVersion policy, RunClock clock) {
        this.spec = spec;
        this.services = services;
        this.groups = groups;
        this.policy = policy;
        this.clock = clock;
    }

    /**
     * Samples and trains.
     *
     * @param problems the training problems
     * @param evaluated problems of the largest evaluation set
     * @return seconds and counts; update_seconds is for an update whose every rollout has the longest prompt and the longest answer, so
     *     what a real one takes is less. Resets, revisions and trees come on top.
     */
    ObjectNode measure(List<Problem> problems, int evaluated, ObjectNode out) throws InterruptedException {
        List<PromptedStart> longest = longest(problems);
        int update = spec.groupsPerUpdate() * spec.rolloutsPerGroup();
        int atOnce = Math.min(
                MOST_ROLLOUTS,
                Math.max(update, evaluated * spec.settings().evaluation().samples()));
        // Every slot has had a sequence then, and everything is compiled and paged in.
        var unused = sampled("all", longest, atOnce, 1 + DECODED);
        int load = Math.min(MOST_ROLLOUTS, update);
        Sampled first = sampled("first", longest, load, 1);
        Sampled more = sampled("more", longest, load, 1 + DECODED);
        int promptTokens = more.rollouts().stream()
                .mapToInt(r -> r.promptTokenIds().size())
                .max()
                .orElse(0);
        int answerTokens = longest.stream().mapToInt(spec::tokenLimit).max().orElse(0);
        double waves = (double) update / load;
        double step = Math.max(0, more.seconds() - first.seconds()) / DECODED;
        double sampling = waves * (first.seconds() + step * (answerTokens - 1));
        // The first update compares every token and warms the learner up: with the second it tells what the large one
        // costs beside it.
        List<SampledRollout> one =
                List.of(Collections.max(more.rollouts(), Comparator.comparingInt(SampledRollout::sampledTokens)));
        Trained small = train(1, List.of(one), 0);
        Trained same = train(2, List.of(one), 0);
        int microBatch = spec.settings().optimizer().steps().microBatchTokens().orElseThrow();
        List<List<SampledRollout>> shape = largest(more.rollouts(), promptTokens, answerTokens, microBatch);
        Trained large = train(3, shape, answerTokens);
        double microBatchSeconds = Math.max(0, large.seconds() - same.seconds());
        long shaped = tokens(shape.size(), shape.getFirst().size(), promptTokens, answerTokens);
        long all = tokens(spec.groupsPerUpdate(), spec.rolloutsPerGroup(), promptTokens, answerTokens);
        double training = same.seconds()
                + spec.settings().optimizer().steps().epochs() * microBatchSeconds * ((double) all / shaped);
        out.put("prompt_tokens", promptTokens).put("answer_tokens", answerTokens);
        out.put("rollouts_at_once", atOnce)
                .put("prefill_seconds", first.seconds())
                .put("decode_step_seconds", step);
        out.put("micro_batch_tokens", shaped).put("micro_batch_seconds", microBatchSeconds);
        out.put("around_training_seconds", same.seconds());
        out.put("sampling_seconds", sampling).put("training_seconds", training);
        out.put("update_seconds", sampling + training);
        double difference = small.manifest().metric("log_prob_difference_max", Double.NaN);
        if (!Double.isNaN(difference)) {
            out.put("log_prob_difference_max", difference);
        }
        return out;
    }

    /** Tokens of groups whose prompts are computed once each. */
    private static long tokens(int groups, int rollouts, int prompt, int answer) {
        return (long) groups * (prompt + (long) rollouts * answer);
    }

    /** One start state a group of an update, from the problems with the longest prompts; guided ones with the longest prefix. */
    private List<PromptedStart> longest(List<Problem> problems) {
        List<PromptedStart> all = new ArrayList<>();
        for (Problem p : problems) {
            int prefix = spec.guided() ? prefix(p) : 0;
            all.add(
                    prefix > 0
                            ? new PromptedStart(
                                    new StartState.Guided(p.id(), prefix),
                                    spec.prompts().guided(p.statement(), p.oracleThoughts(), prefix),
                                    p.maxTokens())
                            : new PromptedStart(
                                    new StartState.Root(p.id()), spec.prompts().root(p.statement()), p.maxTokens()));
        }
        all.sort(Comparator.comparingInt((PromptedStart s) -> -s.prompt().length()));
        return all.subList(0, Math.min(all.size(), spec.groupsPerUpdate()));
    }

    private int prefix(Problem p) {
        List<String> thoughts = p.oracleThoughts();
        PrefixSearch.Mode mode = spec.settings().prefixSearch().mode();
        return Math.min(
                thoughts.size(),
                PrefixSearch.longestAsked(mode, thoughts.size(), OraclePrefix.longest(thoughts, p.answer())));
    }

    private record Sampled(List<SampledRollout> rollouts, double seconds) {}

    /** So many rollouts under way together, in groups as the run has them. */
    private Sampled sampled(String what, List<PromptedStart> starts, int count, int tokens)
            throws InterruptedException {
        Sampling settings = spec.trainSampling().withMaxTokens(tokens);
        Seeds seeds = spec.seeds("rehearsal").split(what);
        int perGroup = Math.max(1, spec.rolloutsPerGroup());
        List<Future<List<Judged>>> asked = new ArrayList<>();
        long begin = clock.nanos().getAsLong();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int from = 0, g = 0; from < count; from += perGroup, g++) {
                PromptedStart start = starts.get(g % starts.size()).withMaxTokens(0);
                String id = spec.runId() + "/rehearsal/" + what + "/" + g;
                int rollouts = Math.min(perGroup, count - from);
                Seeds seed = seeds.split(g);
                asked.add(
                        threads.submit(() -> groups.consume("rehearsal", id, start, settings, rollouts, seed, policy)));
            }
        }
        double seconds = clock.secondsSince(begin);
        List<SampledRollout> out = new ArrayList<>();
        for (Future<List<Judged>> group : asked) {
            for (Judged judged : value(group)) {
                SampledRollout rollout = judged.rollout();
                if (rollout == null) {
                    FootholdException failure = judged.failure();
                    throw failure != null
                            ? failure
                            : new FootholdException(
                                    ErrorCode.PEER_UNAVAILABLE, "rollout " + judged.rolloutId() + " was not sampled");
                }
                out.add(rollout);
            }
        }
        return new Sampled(out, seconds);
    }

    /** Groups as large as a micro-batch takes, at most those of an update, with the longest prompt in every one. */
    private List<List<SampledRollout>> largest(List<SampledRollout> rollouts, int prompt, int answer, int microBatch) {
        SampledRollout longest =
                Collections.max(rollouts, Comparator.comparingInt((SampledRollout r) -> r.promptTokenIds()
                        .size()));
        int members = Math.clamp((microBatch - (long) prompt) / answer, 1, Math.max(1, spec.rolloutsPerGroup()));
        int count = (int) Math.clamp(microBatch / tokens(1, members, prompt, answer), 1, spec.groupsPerUpdate());
        List<List<SampledRollout>> out = new ArrayList<>();
        for (int g = 0; g < count; g++) {
            List<SampledRollout> group = new ArrayList<>();
            // Prompts that differ: one that groups share would be computed once.
            SampledRollout own = g == 0 ? longest : rotated(longest, g);
            for (int r = 0; r < members; r++) {
                group.add(own);
            }
            out.add(group);
        }
        return out;
    }

    private static SampledRollout rotated(SampledRollout rollout, int by) {
        List<Integer> ids = new ArrayList<>(rollout.promptTokenIds());
        Collections.rotate(ids, by);
        return new SampledRollout(
                rollout.id(), rollout.groupId(), ids, rollout.prefixTokenIds(), rollout.tokens(), rollout.response());
    }

    private record Trained(Manifest manifest, double seconds) {}

    /**
     * Trains an update whose every group has a signal: its members are rewarded by turns, and one that stands alone gets a fellow.
     *
     * @param answer tokens of each answer, those of the prompt again and again; 0 leaves what was sampled
     */
    private Trained train(long update, List<List<SampledRollout>> given, int answer) {
        List<TrainGroup> batch = new ArrayList<>();
        for (int g = 0; g < given.size(); g++) {
            List<SampledRollout> members = given.get(g);
            List<TrainGroup.Member> rewarded = new ArrayList<>();
            for (int r = 0; r < Math.max(2, members.size()); r++) {
                SampledRollout own = members.get(Math.min(r, members.size() - 1));
                double reward = (r + 1) % 2;
                rewarded.add(new TrainGroup.Member(
                        trained("rehearsal/" + update + "/" + g + "/" + r, own, answer),
                        reward,
                        List.of(),
                        List.of(),
                        Collections.nCopies(spec.rewards().parts().size(), reward)));
            }
            batch.add(new TrainGroup(
                    spec.runId(), update, g, given.size(), "rehearsal/" + update + "/" + g, "", rewarded));
        }
        long begin = clock.nanos().getAsLong();
        Manifest manifest = services.learner().train(batch);
        return new Trained(manifest, clock.secondsSince(begin));
    }

    /**
     * A rollout under another id, with an answer of so many tokens. That was not sampled, so it claims the log-prob 0, below which no ratio
     * grows.
     */
    private static SampledRollout trained(String id, SampledRollout rollout, int answer) {
        SampledRollout.Tokens tokens = rollout.tokens();
        if (answer > 0) {
            List<Integer> prompt = rollout.promptTokenIds();
            tokens = new SampledRollout.Tokens(
                    IntStream.range(0, answer)
                            .mapToObj(t -> prompt.get(t % prompt.size()))
                            .toList(),
                    Collections.nCopies(answer, 0f),
                    Collections.nCopies(answer, 0L),
                    tokens.policyDigest(),
                    FinishReason.STOP);
        }
        return new SampledRollout(
                id, rollout.groupId(), rollout.promptTokenIds(), rollout.prefixTokenIds(), tokens, rollout.response());
    }

    private static <T> T value(Future<T> future) throws InterruptedException {
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw FootholdException.of(e);
        }
    }
}
