package io.foothold.core.method;

import io.foothold.core.start.StartState;
import io.foothold.core.verdict.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.IntStream;

/** Peers that do what a test says, and remember what they were asked. */
class ScriptedPeers implements Peers {
    static final int LIMIT = 100;

    /** What each call asked for. */
    final List<List<Ask>> calls = new ArrayList<>();

    /** What was asked of the localizer. */
    final List<Question> questions = new ArrayList<>();

    Function<Question, Localization> localizing = q -> new Localization.Step(1, OptionalInt.empty(), 0);
    private final Function<Ask, Rollout> sampling;

    ScriptedPeers(Function<Ask, Rollout> sampling) {
        this.sampling = sampling;
    }

    List<Ask> asks() {
        return calls.stream().flatMap(List::stream).toList();
    }

    @Override
    public List<Rollout> sample(List<Ask> asks) {
        calls.add(asks);
        return asks.stream().map(sampling).toList();
    }

    @Override
    public List<Localization> localize(List<Question> asked) {
        questions.addAll(asked);
        return asked.stream().map(localizing).toList();
    }

    /** Five tokens that passed. */
    @Override
    public Rollout given(Ask ask) {
        return judged(ask, true, new Rollout.Response(5, List.of(), false));
    }

    @Override
    public StartState another(int time) {
        return new StartState.Root("another " + time);
    }

    @Override
    public int limit(StartState start) {
        return LIMIT - start.givenTokens();
    }

    /** Whether each token of a response gets credit. */
    static List<Boolean> mask(Member member) {
        return IntStream.range(0, member.rollout().responseTokens())
                .mapToObj(member::isCredited)
                .toList();
    }

    static String id(Ask ask) {
        return ask.group() + "/" + ask.member();
    }

    /** Three sampled tokens without a thought. */
    static Rollout judged(Ask ask, boolean right) {
        return judged(ask, right, new Rollout.Response(3, List.of(), false));
    }

    static Rollout judged(Ask ask, boolean right, Rollout.Response response) {
        return new Rollout(
                id(ask),
                ask.group(),
                ask.start(),
                response,
                Optional.of(right ? Verdict.Kind.PASS : Verdict.Kind.FAIL),
                OptionalDouble.of(right ? 1 : 0),
                null);
    }

    static Rollout late(Ask ask) {
        return new Rollout(
                id(ask),
                ask.group(),
                ask.start(),
                new Rollout.Response(3, List.of(), false),
                Optional.of(Verdict.Kind.TIMEOUT),
                OptionalDouble.empty(),
                new IllegalStateException("no verdict in time"));
    }

    static Rollout lost(Ask ask) {
        return new Rollout(
                id(ask),
                ask.group(),
                ask.start(),
                null,
                Optional.empty(),
                OptionalDouble.empty(),
                new IllegalStateException("no server"));
    }
}
