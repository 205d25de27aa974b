package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.trace.Trace;
import io.foothold.core.method.Ask;
import io.foothold.core.method.End;
import io.foothold.core.method.Group;
import io.foothold.core.method.Localization;
import io.foothold.core.method.Member;
import io.foothold.core.method.Method;
import io.foothold.core.method.Peers;
import io.foothold.core.method.Place;
import io.foothold.core.method.PlaceLost;
import io.foothold.core.method.Question;
import io.foothold.core.method.Resets;
import io.foothold.core.method.Rollout;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.prompt.Placeholders;
import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import io.foothold.core.verdict.Verdict;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.SampledRollout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Runs any method on the run's services and writes what comes of it into the ledger: the one place where what services say
 * becomes the words of {@link Method}, and its decisions ends of rollouts. Blocks its caller, who runs on a virtual thread. Thread-safe.
 */
final class MethodRunner {
    private final RunSpec spec;
    private final GroupRunner groups;
    private final Localizing localizing;
    private final LongSupplier nanos;
    private final ExecutorService threads;

    MethodRunner(RunSpec spec, Services services, GroupRunner groups, RunClock clock, ExecutorService threads) {
        this.spec = spec;
        this.groups = groups;
        this.localizing = new Localizing(spec, services, groups);
        this.nanos = clock.nanos();
        this.threads = Trace.carrying(threads);
    }

    /**
     * Fills a place.
     *
     * @param id of its first group; others are derived from it
     * @param starts where its fresh rollouts begin: the start state of its first filling for 0, of each further one from 1
     * @param seed of everything random in it
     * @param policy the policy that samples; in asynchronous runs the oldest that may
     * @return at least one group; rollouts that are in none have their end
     * @throws FootholdException when it cannot be filled; all of its rollouts have their end then
     */
    FilledPlace run(Method method, String id, IntFunction<PromptedStart> starts, Seeds seed, PolicyVersion policy) {
        PromptedStart first = starts.apply(0);
        try (Trace.Part part =
                Trace.follow("place", first.trace()).with("run", spec.runId()).with("group", id)) {
            Filling filling = new Filling(id, time -> time == 0 ? first : starts.apply(time), policy);
            return part.during(() -> filled(method, filling, seed, part));
        }
    }

    private FilledPlace filled(Method method, Filling filling, Seeds seed, Trace.Part part) {
        try {
            Place place = method.place(filling.another(0), filling, seed);
            filling.end(place);
            return filling.unit(place);
        } catch (PlaceLost e) {
            part.failed(e.why());
            filling.giveUp(e.ends(), String.valueOf(e.getMessage()));
            throw FootholdException.of(e.why());
        } catch (RuntimeException e) {
            FootholdException failure = FootholdException.of(e);
            part.failed(failure);
            filling.giveUp(List.of(), "its place could not be filled: " + failure.text());
            throw failure;
        }
    }

    /** Does all of it at the same time and waits for all of it, also when something of it fails. */
    private <T, R> List<R> atOnce(List<T> pieces, Function<T, R> work) {
        if (pieces.size() == 1) {
            return List.of(work.apply(pieces.get(0)));
        }
        List<CompletableFuture<R>> under = pieces.stream()
                .map(piece -> CompletableFuture.supplyAsync(() -> work.apply(piece), threads))
                .toList();
        FootholdException failure = null;
        List<R> out = new ArrayList<>();
        for (CompletableFuture<R> one : under) {
            try {
                out.add(one.join());
            } catch (RuntimeException e) {
                failure = FootholdException.of(e);
            }
        }
        if (failure != null) {
            throw failure;
        }
        return out;
    }

    /** One place while it is being filled: what its start states and rollouts are to its services. */
    private final class Filling implements Peers {
        private final String id;
        private final IntFunction<PromptedStart> starts;
        private final PolicyVersion policy;
        private final PlaceClock clock = new PlaceClock(nanos);
        private final Map<StartState, PromptedStart> drawn = new ConcurrentHashMap<>();
        private final Map<String, Came> came = new ConcurrentHashMap<>();
        /** Of what came and has no end yet. */
        private final Set<String> open = ConcurrentHashMap.newKeySet();

        Filling(String id, IntFunction<PromptedStart> starts, PolicyVersion policy) {
            this.id = id;
            this.starts = starts;
            this.policy = policy;
        }

        /** A rollout that was sampled, in both words. */
        private record Came(Rollout rollout, Judged judged) {
            SampledRollout sampled() {
                return Objects.requireNonNull(judged.rollout());
            }
        }

        private Came came(String rolloutId) {
            return Objects.requireNonNull(came.get(rolloutId), rolloutId);
        }

        @Override
        public StartState another(int time) {
            clock.restart();
            PromptedStart start = starts.apply(time);
            drawn.put(start.origin(), start);
            return start.origin();
        }

        private PromptedStart prompted(StartState start) {
            return switch (start) {
                case StartState.Reset r -> reset(r);
                case StartState.Root r -> root(r);
                case StartState.Guided g -> guided(g);
                case StartState.Revision r -> revision(r);
            };
        }

        private PromptedStart guided(StartState.Guided guided) {
            PromptedStart own = drawn.get(guided);
            if (own == null) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "a method may start behind oracle thoughts only where its place was drawn so (mixture.guided above 0): it asked for "
                                + guided + ", drawn " + (drawn.size() == 1 ? "is " : "are ") + drawn.keySet());
            }
            return own;
        }

        /** As it was drawn, or the guided one that was drawn, without its hint. */
        private PromptedStart root(StartState.Root root) {
            PromptedStart own = drawn.get(root);
            if (own != null) {
                return own;
            }
            PromptedStart guided = drawn.values().stream()
                    .filter(start -> start.problemId().equals(root.problemId()))
                    .findFirst()
                    .orElseThrow();
            return new PromptedStart(
                            root,
                            spec.prompts().root(groups.problem(root.problemId()).statement()),
                            guided.maxTokens())
                    .withTrace(guided.trace());
        }

        /** The exact tokens in front are kept; the prompt is that rollout's, oracle prefix and all. */
        private PromptedStart reset(StartState.Reset reset) {
            Came before = came(reset.rolloutId());
            return new PromptedStart(
                    reset,
                    prompted(before.rollout().start()).prompt(),
                    before.sampled().promptTokenIds(),
                    before.sampled().responseTokenIds().subList(0, reset.givenTokens()),
                    limit(reset),
                    "");
        }

        /** The answer as text in a prompt, and as many tokens as it had. */
        private PromptedStart revision(StartState.Revision revision) {
            Came answer = came(revision.rolloutId());
            return new PromptedStart(
                    revision,
                    Placeholders.fill(
                            revision.instruction(),
                            Map.of(
                                    "problem",
                                    groups.problem(revision.problemId()).statement(),
                                    "response",
                                    answer.sampled().response().text())),
                    prompted(answer.rollout().start()).maxTokens());
        }

        @Override
        public int limit(StartState start) {
            return switch (start) {
                case StartState.Root r -> spec.tokenLimit(prompted(r));
                case StartState.Guided g -> spec.tokenLimit(prompted(g));
                case StartState.Reset r -> {
                    StartState before = came(r.rolloutId()).rollout().start();
                    yield limit(before) - (r.givenTokens() - before.givenTokens());
                }
                case StartState.Revision r ->
                    limit(came(r.rolloutId()).rollout().start());
            };
        }

        /** Rollouts of one start that are asked for as one group: one piece of work for the sampler. */
        private record Work(String group, StartState start, int segment) {}

        @Override
        public List<Rollout> sample(List<Ask> asks) {
            Map<Work, List<Ask>> works = new LinkedHashMap<>();
            asks.forEach(a -> works.computeIfAbsent(new Work(a.group(), a.start(), a.segment()), w -> new ArrayList<>())
                    .add(a));
            Map<Ask, Rollout> sampled = new ConcurrentHashMap<>();
            var unused = clock.sampling(() -> atOnce(List.copyOf(works.entrySet()), work -> {
                sample(work.getKey(), work.getValue(), sampled);
                return work;
            }));
            return asks.stream()
                    .map(a -> Objects.requireNonNull(sampled.get(a)))
                    .toList();
        }

        private void sample(Work work, List<Ask> asks, Map<Ask, Rollout> sampled) {
            String group = groups.named(work.group().isEmpty() ? id : id + "/" + work.group());
            PromptedStart start = traced(prompted(work.start()));
            if (work.segment() > 0) {
                start = start.withMaxTokens(work.segment());
            }
            List<Judged> answers = groups.draw(group, start, asks, policy);
            for (int i = 0; i < asks.size(); i++) {
                Judged answer = answers.get(i);
                Rollout rollout = rollout(asks.get(i), group, answer);
                sampled.put(asks.get(i), rollout);
                if (rollout.came()) {
                    came.put(rollout.id(), new Came(rollout, answer));
                    open.add(rollout.id());
                }
            }
            groups.checkStopped();
        }

        @Override
        public Rollout given(Ask ask) {
            String group = groups.named(ask.group().isEmpty() ? id : id + "/" + ask.group());
            Judged answer = groups.given(group, ask);
            Rollout rollout = rollout(ask, group, answer);
            came.put(rollout.id(), new Came(rollout, answer));
            open.add(rollout.id());
            return rollout;
        }

        private static PromptedStart traced(PromptedStart start) {
            String trace = Trace.current();
            return trace.isEmpty() ? start : start.withTrace(trace);
        }

        private Rollout rollout(Ask ask, String group, Judged answer) {
            SampledRollout sampled = answer.rollout();
            return new Rollout(
                    answer.rolloutId(),
                    group,
                    ask.start(),
                    sampled == null ? null : response(ask, sampled),
                    Optional.ofNullable(answer.verdict()).map(Verdict::kind),
                    groups.reward(answer, ask),
                    answer.judged() ? null : GroupRunner.why(answer));
        }

        /** What the start gives is what the credit mask leaves out: tokens that were given otherwise would be trained. */
        private static Rollout.Response response(Ask ask, SampledRollout sampled) {
            if (sampled.prefixTokenIds().size() != ask.start().givenTokens()) {
                throw new IllegalStateException("rollout " + sampled.id() + " has "
                        + sampled.prefixTokenIds().size() + " given tokens, its start has "
                        + ask.start().givenTokens());
            }
            return new Rollout.Response(
                    sampled.sampledTokens(), sampled.response().thoughtEnds(), sampled.truncated());
        }

        @Override
        public List<Localization> localize(List<Question> questions) {
            List<Localization> found = clock.localizing(() -> atOnce(
                    questions,
                    q -> localizing.localize(q, came(q.rollout().id()).sampled(), id + "/" + q.group(), policy)));
            groups.checkStopped();
            return found;
        }

        /** Ends everything as the method said. */
        void end(Place place) {
            Set<String> left = new TreeSet<>(open);
            place.members().forEach(m -> left.remove(m.rollout().id()));
            place.ends().forEach(e -> left.remove(e.rollout().id()));
            if (!left.isEmpty()) {
                throw new IllegalStateException("rollouts were left without an end: " + left);
            }
            open.clear();
            write(place.members(), place.ends());
        }

        /** Ends everything that came: as it was said where it was, else for a reason. */
        void giveUp(List<End> said, String reason) {
            List<End> ends = new ArrayList<>(said);
            said.forEach(e -> open.remove(e.rollout().id()));
            open.forEach(left -> ends.add(new End.Dropped(came(left).rollout(), reason)));
            open.clear();
            write(List.of(), ends);
        }

        private void write(List<Member> members, List<End> ends) {
            groups.end(members, ends, rollout -> came(rollout.id()).judged());
        }

        FilledPlace unit(Place place) {
            return new FilledPlace(
                    place.groups().stream().map(this::group).toList(),
                    place.unjudged(),
                    resets(place),
                    place.refills());
        }

        private FilledGroup group(Group group) {
            return new FilledGroup(
                    group.id(),
                    traced(prompted(group.start())),
                    group.members().stream().map(this::member).toList());
        }

        private FilledMember member(Member member) {
            return new FilledMember(came(member.rollout().id()).judged(), member.reward(), refined(member));
        }

        private @Nullable SampledRollout refined(Member member) {
            Rollout answer = member.refines();
            return answer == null ? null : came(answer.id()).sampled();
        }

        private PlaceResets resets(Place place) {
            Resets resets = place.resets();
            return new PlaceResets(
                    resets.draws(),
                    resets.drawsPassed(),
                    resets.continued().stream().map(this::continuation).toList(),
                    place.members().stream()
                            .map(Member::rollout)
                            .filter(r -> r.start() instanceof StartState.Reset)
                            .mapToInt(r -> r.sampled().tokens())
                            .sum(),
                    resets.dropped(),
                    clock.times());
        }

        private Continuation continuation(Resets.Continued continued) {
            return new Continuation(
                    continued.seed().start().problemId(),
                    came(continued.seed().id()).sampled(),
                    continued.outcome());
        }
    }
}
