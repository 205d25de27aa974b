package io.foothold.core.bandit;

import io.foothold.core.method.Ask;
import io.foothold.core.method.Localization;
import io.foothold.core.method.Peers;
import io.foothold.core.method.Question;
import io.foothold.core.method.Rollout;
import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import io.foothold.core.verdict.Verdict;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Peers for whom everything is known: the policy of {@link TreeProblem}s samples, a verifier without error judges, and the localizer
 * names the first thought that is not the oracle's. A problem's id is its number. Shown an answer again, the policy has parameters of its
 * own, those of the problem's second half. One thread.
 */
final class EnumeratedPeers implements Peers {
    /** Tokens of a thought: two are a segment of the shipped tree. */
    static final int THOUGHT = 300;

    private final TreeProblem[] first;
    private final TreeProblem[] again;
    private final boolean localizes;
    private final boolean discardsSlow;
    private final Seeds seeds;
    private final Map<String, Known> known = new HashMap<>();
    private final Set<String> givenIds = new HashSet<>();
    private long sampled;

    /**
     * Peers of one place.
     *
     * @param again what the policy is after it was shown an answer
     * @param localizes whether first errors are named; else thoughts at random
     * @param discardsSlow whether half of the rollouts with three wrong turns or more are thrown away and others take their place
     * @param seeds of what no ask has a seed for
     */
    EnumeratedPeers(
            List<TreeProblem> first, List<TreeProblem> again, boolean localizes, boolean discardsSlow, Seeds seeds) {
        this.first = first.toArray(TreeProblem[]::new);
        this.again = again.toArray(TreeProblem[]::new);
        this.localizes = localizes;
        this.discardsSlow = discardsSlow;
        this.seeds = seeds;
    }

    /**
     * What is known of a rollout.
     *
     * @param problem number of its problem
     * @param revised whether it was sampled after an answer was shown
     * @param path its thoughts; those behind {@code to} are 0
     * @param from thoughts that stand in the prompt
     * @param to thoughts in all
     */
    record Known(int problem, boolean revised, int path, int from, int to) {}

    Known known(Rollout rollout) {
        return Objects.requireNonNull(known.get(rollout.id()));
    }

    /** Thoughts that were sampled so far, in all. */
    long sampledThoughts() {
        return sampled;
    }

    @Override
    public List<Rollout> sample(List<Ask> asks) {
        return asks.stream().map(this::sample).toList();
    }

    private Rollout sample(Ask ask) {
        Known start = at(ask.start());
        TreeProblem problem = start.revised() ? again[start.problem()] : first[start.problem()];
        int end = problem.thoughts();
        boolean cut = ask.segment() > 0 && start.to() + ask.segment() / THOUGHT < end;
        int to = cut ? start.to() + ask.segment() / THOUGHT : end;
        var random = ask.seeds().generator();
        int path;
        do {
            path = problem.sample(start.path(), start.to(), random);
            sampled += to - start.to();
        } while (discardsSlow && Integer.bitCount(path) >= 3 && random.nextBoolean());
        if (cut) {
            path &= (1 << to) - 1;
        }
        String id = ask.group() + "/" + ask.member();
        known.put(id, new Known(start.problem(), start.revised(), path, start.from(), to));
        boolean right = !cut && problem.right(path);
        List<Integer> ends = new ArrayList<>();
        for (int t = start.from() + 1; t <= to; t++) {
            ends.add((t - start.from()) * THOUGHT);
        }
        return new Rollout(
                id,
                ask.group(),
                ask.start(),
                new Rollout.Response((to - start.to()) * THOUGHT, ends, cut),
                Optional.of(right ? Verdict.Kind.PASS : Verdict.Kind.FAIL),
                cut ? OptionalDouble.empty() : OptionalDouble.of(right ? 1 : 0),
                null);
    }

    /** The oracle's choices are 0 everywhere. */
    @Override
    public Rollout given(Ask ask) {
        int problem = Integer.parseInt(ask.start().problemId());
        int thoughts = first[problem].thoughts();
        String id = ask.group() + "/" + ask.member();
        known.put(id, new Known(problem, false, 0, 0, thoughts));
        givenIds.add(id);
        return new Rollout(
                id,
                ask.group(),
                ask.start(),
                new Rollout.Response(thoughts * THOUGHT, List.of(), false),
                Optional.of(Verdict.Kind.PASS),
                OptionalDouble.of(1),
                null);
    }

    /** Whether nobody sampled a rollout. */
    boolean isGiven(Rollout rollout) {
        return givenIds.contains(rollout.id());
    }

    /** A start state as what is known of a rollout that stops there. */
    private Known at(StartState start) {
        int problem = Integer.parseInt(start.problemId());
        return switch (start) {
            case StartState.Root r -> new Known(problem, false, 0, 0, 0);
            case StartState.Guided g -> new Known(problem, false, 0, g.prefixThoughts(), g.prefixThoughts());
            case StartState.Revision r -> new Known(problem, true, 0, 0, 0);
            case StartState.Reset r -> {
                Known before = Objects.requireNonNull(known.get(r.rolloutId()));
                int kept = before.from() + r.givenTokens() / THOUGHT;
                yield new Known(problem, before.revised(), before.path() & ((1 << kept) - 1), before.from(), kept);
            }
        };
    }

    @Override
    public List<Localization> localize(List<Question> questions) {
        return questions.stream().map(this::localize).toList();
    }

    private Localization localize(Question question) {
        Known wrong = known(question.rollout());
        int thoughts = wrong.to() - wrong.from();
        return new Localization.Step(
                localizes && !question.random()
                        ? first[wrong.problem()].firstError(wrong.path()) - wrong.from()
                        : 1 + question.seeds().split("localizer").generator().nextInt(thoughts),
                OptionalInt.empty(),
                0);
    }

    @Override
    public StartState another(int time) {
        return new StartState.Root(
                Integer.toString(seeds.split(time).generator().nextInt(first.length)));
    }

    @Override
    public int limit(StartState start) {
        Known at = at(start);
        return (first[at.problem()].thoughts() - at.to()) * THOUGHT;
    }
}
