package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.ledger.RolloutState;
import io.foothold.core.method.Ask;
import io.foothold.core.method.End;
import io.foothold.core.method.Member;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.problem.Problem;
import io.foothold.core.random.Seeds;
import io.foothold.core.verdict.Verdict;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.remote.Patience;
import io.foothold.orchestrator.remote.Sampler;
import io.foothold.orchestrator.remote.Sampler.Reservation;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.SampledRollout;
import io.foothold.orchestrator.rollout.Sampling;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Takes groups through reserve, sample and verify. Blocks its caller, who runs on a virtual thread. Thread-safe. */
final class GroupRunner {
    private static final Logger LOG = Logger.getLogger(GroupRunner.class);
    /** What a rollout went through when its reward is there. */
    private static final List<RolloutState> JUDGED = List.of(RolloutState.SAMPLED, RolloutState.VERIFIED);

    private final RunSpec spec;
    private final Services services;
    private final Ledger ledger;
    private final RunClock clock;
    private final String incarnation;
    private final AtomicLong trainingTokens = new AtomicLong();
    private final AtomicReference<@Nullable FootholdException> writeFailure = new AtomicReference<>();
    private final RolloutSource source;
    private final Map<String, Problem> problems = new ConcurrentHashMap<>();
    private volatile Runnable healing = () -> {};

    /**
     * A runner.
     *
     * @param incarnation suffix of rollout ids, so that a resumed run never reuses an id
     */
    GroupRunner(RunSpec spec, Services services, Ledger ledger, RunClock clock, String incarnation) {
        this.spec = spec;
        this.services = services;
        this.ledger = ledger;
        this.clock = clock;
        this.incarnation = incarnation;
        this.source = new RolloutSource(
                spec, services, this::problem, new Judging(spec, services, Judging.before(spec, ledger)));
    }

    /** Where rollouts come from. */
    RolloutSource source() {
        return source;
    }

    /** Tokens that were sampled for training so far: members, seeds, localizations, also those that were dropped. */
    long trainingTokens() {
        return trainingTokens.get();
    }

    /**
     * Sets what is done before lost rollouts are asked for again.
     *
     * @param step any thread, several at a time; publishes the policy again to servers that forgot it
     */
    void healBy(Runnable step) {
        healing = step;
    }

    /** Makes problems known to the runner. */
    void know(List<Problem> known) {
        known.forEach(p -> problems.put(p.id(), p));
    }

    /**
     * Samples and judges rollouts that serve something else than training.
     *
     * @param purpose evaluation, mining or search
     */
    List<Judged> consume(
            String purpose,
            String groupId,
            PromptedStart start,
            Sampling settings,
            int rollouts,
            Seeds seed,
            PolicyVersion policy) {
        String id = groupId + incarnation;
        List<Reservation> reservations = new ArrayList<>();
        for (int r = 0; r < rollouts; r++) {
            reservations.add(reservation(id + "/" + r, seed.split(r)));
        }
        List<CompletableFuture<Void>> writes = new ArrayList<>();
        List<Judged> judged = sampled(
                group(id, purpose, start), start, settings, reservations, RolloutSource.exactly(policy), writes::add);
        writes.forEach(Ledger::await);
        Ledger.await(ledger.record(judged.stream()
                .map(j -> j.judged()
                        ? new Ledger.Outcome(
                                j.rolloutId(),
                                List.of(RolloutState.SAMPLED, RolloutState.VERIFIED, RolloutState.CONSUMED),
                                j.verdictName(),
                                j.passed() ? 1 : 0,
                                j.tokens(),
                                purpose)
                        : dropped(j))
                .toList()));
        services.checkStopped();
        return judged;
    }

    /** Samples rollouts without judging them, one from each start state: what a localizer asks of the policy. */
    List<SampledRollout> answers(
            String groupId, List<PromptedStart> starts, Sampling settings, Seeds seed, PolicyVersion policy) {
        boolean frozen = spec.keptLocalizer();
        Sampler.Wanted wanted = frozen ? RolloutSource.exactly(source.keptPolicy()) : source.forTraining(policy);
        List<Reservation> reservations = new ArrayList<>();
        for (int q = 0; q < starts.size(); q++) {
            reservations.add(reservation(groupId + incarnation + "/" + q, seed.split(q)));
        }
        List<CompletableFuture<Void>> writes = new ArrayList<>();
        List<Judged> answers = persistently(
                new Ledger.Group(groupId + incarnation, "localization", "", ""),
                reservations,
                asked -> asked.stream()
                        .map(a -> source.unjudged(new Sampler.Work(
                                a.reservation().rolloutId(),
                                starts.get(a.place()),
                                settings,
                                List.of(a.reservation()),
                                wanted,
                                frozen)))
                        .toList()
                        .stream()
                        .map(CompletableFuture::join)
                        .toList(),
                writes::add);
        writes.forEach(Ledger::await);
        Ledger.await(ledger.record(answers.stream()
                .map(j -> j.rollout() == null
                        ? dropped(j)
                        : new Ledger.Outcome(
                                j.rolloutId(),
                                List.of(RolloutState.SAMPLED, RolloutState.CONSUMED),
                                "",
                                0,
                                j.tokens(),
                                "localization"))
                .toList()));
        for (Judged j : answers) {
            trainingTokens.addAndGet(j.tokens());
            if (j.rollout() == null) {
                throw why(j);
            }
        }
        return answers.stream()
                .map(Judged::rollout)
                .map(java.util.Objects::requireNonNull)
                .toList();
    }

    /**
     * Has rollouts for training sampled and judged, and writes down what came: one that was judged is verified with the reward of its
     * verdict, a segment that goes on and one without a verdict are sampled, one that did not come is dropped. Ledger writes are not waited
     * for: admission is queued behind them, and asks whether they got through.
     *
     * @param groupId with the mark of this incarnation
     * @param asks rollouts of this group
     * @return in their order
     */
    List<Judged> draw(String groupId, PromptedStart start, List<Ask> asks, PolicyVersion policy) {
        List<Reservation> reservations = asks.stream()
                .map(a -> reservation(groupId + "/" + a.member(), a.seeds()))
                .toList();
        List<Judged> out = sampled(
                group(groupId, "train", start),
                start,
                spec.trainSampling(),
                reservations,
                source.forTraining(policy),
                this::behind);
        List<Ledger.Outcome> outcomes = new ArrayList<>();
        for (int i = 0; i < out.size(); i++) {
            Judged j = out.get(i);
            trainingTokens.addAndGet(j.tokens());
            OptionalDouble reward = reward(j, asks.get(i));
            outcomes.add(
                    !j.sampled()
                            ? dropped(j)
                            : new Ledger.Outcome(
                                    j.rolloutId(),
                                    reward.isPresent() ? JUDGED : List.of(RolloutState.SAMPLED),
                                    j.verdictName(),
                                    reward.orElse(0),
                                    j.tokens(),
                                    ""));
        }
        behind(ledger.record(outcomes));
        return out;
    }

    /**
     * The oracle's solution as a rollout of a group from the root: every token with probability 1, sampled by nobody. Written down as what
     * was sampled is, with no token of its own.
     */
    Judged given(String groupId, Ask ask) {
        Problem problem = problem(ask.start().problemId());
        String id = groupId + "/" + ask.member();
        behind(reserve(
                new Ledger.Group(groupId, "train", problem.id(), "root"), List.of(reservation(id, ask.seeds()))));
        Judged out = new Judged(id, source.given(id, groupId, problem), Verdict.pass(problem.answer(), "oracle"), null);
        behind(ledger.record(List.of(new Ledger.Outcome(
                id, JUDGED, out.verdictName(), reward(out, ask).orElseThrow(), 0, ""))));
        return out;
    }

    /** The reward of a rollout's verdict; empty where nothing was judged, and for a segment that goes on. */
    OptionalDouble reward(Judged j, Ask ask) {
        return ask.segment() > 0 && !j.finished()
                ? OptionalDouble.empty()
                : reward(j, ask.seeds().split("reward"));
    }

    /** Fails when the run was asked to stop. */
    void checkStopped() {
        services.checkStopped();
    }

    /**
     * Writes down how the rollouts of a place go on; not waited for, as in {@link #draw}. Members that have a reward of their own are
     * verified already.
     */
    void end(List<Member> members, List<End> ends, Function<io.foothold.core.method.Rollout, Judged> answers) {
        List<Ledger.Outcome> outcomes = new ArrayList<>();
        for (Member m : members) {
            if (m.rollout().reward().isEmpty()) {
                Judged j = answers.apply(m.rollout());
                outcomes.add(new Ledger.Outcome(
                        j.rolloutId(), RolloutState.VERIFIED, j.verdictName(), m.reward(), j.tokens(), ""));
            }
        }
        for (End e : ends) {
            Judged j = answers.apply(e.rollout());
            outcomes.add(new Ledger.Outcome(
                    j.rolloutId(),
                    switch (e) {
                        case End.Consumed c -> RolloutState.CONSUMED;
                        case End.Dropped d -> RolloutState.DROPPED;
                    },
                    j.verdictName(),
                    e.rollout().reward().orElse(0),
                    j.tokens(),
                    e.reason()));
        }
        if (!outcomes.isEmpty()) {
            behind(ledger.record(outcomes));
        }
    }

    /** The id of a group in this incarnation. */
    String named(String groupId) {
        return groupId + incarnation;
    }

    private void behind(CompletableFuture<Void> write) {
        var unused = write.whenComplete((nothing, failure) -> {
            if (failure != null) {
                writeFailure.compareAndSet(null, FootholdException.of(failure));
            }
        });
    }

    /** Fails when a write failed that a group did not wait for. Whoever admits groups asks once its own write is done. */
    void checkWrites() {
        FootholdException failure = writeFailure.get();
        if (failure != null) {
            throw failure;
        }
    }

    /** Gives up members of groups that will not be trained. */
    void drop(List<FilledMember> members, String reason) {
        Ledger.await(ledger.record(members.stream()
                .map(m -> new Ledger.Outcome(
                        m.judged().rolloutId(),
                        RolloutState.DROPPED,
                        m.judged().verdictName(),
                        m.reward(),
                        m.judged().tokens(),
                        reason))
                .toList()));
    }

    /** A problem that is known. */
    Problem problem(String id) {
        Problem problem = problems.get(id);
        if (problem == null) {
            throw new IllegalStateException("problem " + id + " is not known");
        }
        return problem;
    }

    private static Ledger.Group group(String id, String purpose, PromptedStart start) {
        return new Ledger.Group(id, purpose, start.problemId(), start.kind());
    }

    private static Reservation reservation(String id, Seeds seed) {
        return new Reservation(id, seed.nonNegative());
    }

    /** Queued before sampling begins; the outcome, written behind it by the same writer, waits for it. */
    private CompletableFuture<Void> reserve(Ledger.Group group, List<Reservation> reservations) {
        return ledger.reserve(
                spec.runId(),
                group,
                reservations.stream().map(Reservation::rolloutId).toList());
    }

    private OptionalDouble reward(Judged j, Seeds seed) {
        return spec.reward(j, Seeds.uniform(seed.value(), 0));
    }

    private static Ledger.Outcome dropped(Judged j) {
        return new Ledger.Outcome(j.rolloutId(), RolloutState.DROPPED, j.verdictName(), 0, j.tokens(), why(j).text());
    }

    /** Why there is no rollout, or no verdict on it. */
    static FootholdException why(Judged j) {
        FootholdException failure = j.failure();
        Verdict verdict = j.verdict();
        return failure != null
                ? failure
                : new FootholdException(
                        ErrorCode.NO_VERDICT,
                        "no verdict: " + (verdict == null ? "none came" : j.verdictName() + " " + verdict.rule()));
    }

    /**
     * A rollout that is asked for.
     *
     * @param place in the order of what was asked for first
     */
    private record Asked(int place, Reservation reservation) {}

    /** Reserves rollouts and has them sampled and judged; see {@link #persistently}. */
    private List<Judged> sampled(
            Ledger.Group group,
            PromptedStart start,
            Sampling settings,
            List<Reservation> reservations,
            Sampler.Wanted wanted,
            Consumer<CompletableFuture<Void>> writes) {
        return persistently(
                group,
                reservations,
                asked -> source.judged(
                        group.id(),
                        start,
                        settings,
                        asked.stream().map(Asked::reservation).toList(),
                        wanted),
                writes);
    }

    /**
     * Reserves rollouts and has them made. What a service lost on the way is asked for again with the same seed, under an id of its
     * own, as long as the run's patience lasts.
     *
     * @param attempt makes what is asked for, in order
     * @param writes told of every write of the ledger
     * @return one a reservation, in order; under another id where it was asked for again
     */
    private List<Judged> persistently(
            Ledger.Group group,
            List<Reservation> reservations,
            Function<List<Asked>, List<Judged>> attempt,
            Consumer<CompletableFuture<Void>> writes) {
        @Nullable Judged[] out = new @Nullable Judged[reservations.size()];
        List<Asked> asked = new ArrayList<>();
        reservations.forEach(r -> asked.add(new Asked(asked.size(), r)));
        long firstLoss = 0;
        for (int losses = 1; !asked.isEmpty(); losses++) {
            writes.accept(reserve(group, asked.stream().map(Asked::reservation).toList()));
            List<Judged> made = attempt.apply(List.copyOf(asked));
            List<Asked> again = new ArrayList<>();
            List<Judged> lost = new ArrayList<>();
            long now = clock.nanos().getAsLong();
            firstLoss = losses == 1 ? now : firstLoss;
            boolean patient = now - firstLoss <= services.patience().limit().toNanos();
            for (int i = 0; i < made.size(); i++) {
                int place = asked.get(i).place();
                Judged j = made.get(i);
                out[place] = j;
                if (patient && j.lost()) {
                    Reservation first = reservations.get(place);
                    lost.add(j);
                    again.add(new Asked(place, new Reservation(first.rolloutId() + "+" + losses, first.seed())));
                }
            }
            asked.clear();
            asked.addAll(again);
            if (!again.isEmpty()) {
                writes.accept(
                        ledger.record(lost.stream().map(GroupRunner::dropped).toList()));
                LOG.warnf(
                        "group %s: %d rollouts were lost and are asked for again: %s",
                        group.id(), again.size(), why(lost.get(0)).text());
                services.pause(Duration.ofMillis(Math.min(5000, 200L << Math.min(losses, 5))));
                heal(group.id());
            }
        }
        return Arrays.stream(out).map(java.util.Objects::requireNonNull).toList();
    }

    /** Heals; who is away for that is away for the next attempt too, which finds it and waits as the run's patience lasts. */
    private void heal(String groupId) {
        try {
            healing.run();
        } catch (FootholdException e) {
            if (!Patience.away(e)) {
                throw e;
            }
            LOG.warnf("group %s: the policy cannot be published again yet: %s", groupId, e.text());
        }
    }
}
