package io.foothold.orchestrator.run;

import io.foothold.contracts.error.FootholdException;
import io.foothold.core.method.Ask;
import io.foothold.core.method.End;
import io.foothold.core.method.Group;
import io.foothold.core.method.Member;
import io.foothold.core.method.Method;
import io.foothold.core.method.Peers;
import io.foothold.core.method.Place;
import io.foothold.core.method.PlaceLost;
import io.foothold.core.method.Rollout;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import io.foothold.core.verdict.Verdict;
import io.foothold.v1.FinishReason;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import org.jspecify.annotations.Nullable;

/**
 * Runs any method on the run's services and writes what comes of it into the ledger: the one place where the words of the contracts
 * become those of {@link Method}, and its decisions ends of rollouts. Blocks its caller, who runs on a virtual thread. Thread-safe.
 */
final class MethodRunner {
    private final RunSpec spec;
    private final GroupRunner groups;
    private final ExecutorService threads;

    MethodRunner(RunSpec spec, GroupRunner groups, ExecutorService threads) {
        this.spec = spec;
        this.groups = groups;
        this.threads = threads;
    }

    /** Fills places with a method. */
    PlaceRunner with(Method method) {
        return (id, start, seed, policy) -> run(method, id, start, seed, policy);
    }

    private GroupRunner.Unit run(
            Method method, String id, io.foothold.v1.StartState start, Seeds seed, PolicyVersion policy) {
        Filling filling = new Filling(id, policy);
        try {
            Place place = method.place(filling.known(start), filling, seed);
            filling.end(place);
            return filling.unit(place);
        } catch (PlaceLost e) {
            filling.giveUp(e.ends(), String.valueOf(e.getMessage()));
            throw FootholdException.of(e.why());
        } catch (RuntimeException e) {
            FootholdException failure = FootholdException.of(e);
            filling.giveUp(List.of(), "its place could not be filled: " + failure.text());
            throw failure;
        }
    }

    /** One place while it is being filled: what its start states and rollouts are in the words of the contracts. */
    private final class Filling implements Peers {
        private final String id;
        private final PolicyVersion policy;
        private final Map<StartState, io.foothold.v1.StartState> starts = new ConcurrentHashMap<>();
        private final Map<String, GroupRunner.Judged> judged = new ConcurrentHashMap<>();
        /** What came and has no end yet. */
        private final Map<String, Rollout> open = new ConcurrentHashMap<>();

        Filling(String id, PolicyVersion policy) {
            this.id = id;
            this.policy = policy;
        }

        StartState known(io.foothold.v1.StartState start) {
            StartState own = start.hasGuided()
                    ? new StartState.Guided(
                            start.getProblemId(), start.getGuided().getPrefixThoughts())
                    : new StartState.Root(start.getProblemId());
            starts.put(own, start);
            return own;
        }

        private io.foothold.v1.StartState wire(StartState start) {
            return Objects.requireNonNull(starts.get(start), () -> "nobody said where " + start + " is");
        }

        @Override
        public int limit(StartState start) {
            return spec.tokenLimit(wire(start));
        }

        /** Rollouts of one start that are asked for as one group: one piece of work for the sampler. */
        private record Work(String group, StartState start, int segment) {}

        @Override
        public List<Rollout> sample(List<Ask> asks) {
            Map<Work, List<Ask>> works = new LinkedHashMap<>();
            asks.forEach(a -> works.computeIfAbsent(new Work(a.group(), a.start(), a.segment()), w -> new ArrayList<>())
                    .add(a));
            Map<Ask, Rollout> came = new ConcurrentHashMap<>();
            if (works.size() == 1) {
                works.forEach((work, own) -> sample(work, own, came));
            } else {
                List<CompletableFuture<Void>> sampling = new ArrayList<>();
                works.forEach((work, own) ->
                        sampling.add(CompletableFuture.runAsync(() -> sample(work, own, came), threads)));
                FootholdException failure = null;
                for (CompletableFuture<Void> one : sampling) {
                    try {
                        one.join();
                    } catch (RuntimeException e) {
                        failure = FootholdException.of(e);
                    }
                }
                if (failure != null) {
                    throw failure;
                }
            }
            return asks.stream().map(a -> Objects.requireNonNull(came.get(a))).toList();
        }

        private void sample(Work work, List<Ask> asks, Map<Ask, Rollout> came) {
            String group = groups.named(work.group().isEmpty() ? id : id + "/" + work.group());
            io.foothold.v1.StartState start = wire(work.start());
            if (work.segment() > 0) {
                start = start.toBuilder().setMaxTokens(work.segment()).build();
            }
            List<GroupRunner.Judged> answers = groups.draw(group, start, asks, policy);
            for (int i = 0; i < asks.size(); i++) {
                GroupRunner.Judged answer = answers.get(i);
                Rollout rollout = rollout(asks.get(i), group, answer);
                came.put(asks.get(i), rollout);
                if (rollout.came()) {
                    judged.put(rollout.id(), answer);
                    open.put(rollout.id(), rollout);
                }
            }
            groups.checkStopped();
        }

        private Rollout rollout(Ask ask, String group, GroupRunner.Judged answer) {
            io.foothold.v1.Rollout sampled = answer.rollout();
            OptionalDouble reward = groups.reward(answer, ask);
            return new Rollout(
                    answer.rolloutId(),
                    group,
                    ask.start(),
                    sampled == null ? null : response(ask, sampled),
                    answer.verdict() == null
                            ? Optional.empty()
                            : Optional.of(Verdict.Kind.valueOf(answer.verdictName())),
                    reward,
                    answer.judged() ? null : GroupRunner.why(answer));
        }

        /** What the start gives is what the credit mask leaves out: a sampler that was given something else cannot be trained. */
        private static Rollout.Response response(Ask ask, io.foothold.v1.Rollout sampled) {
            if (sampled.getPrefixTokenIdsCount() != ask.start().givenTokens()) {
                throw new IllegalStateException("rollout " + sampled.getId() + " has "
                        + sampled.getPrefixTokenIdsCount() + " given tokens, its start "
                        + ask.start().givenTokens());
            }
            return new Rollout.Response(
                    sampled.getTokenIdsCount(),
                    sampled.getThoughtEndsList(),
                    sampled.getFinishReason() == FinishReason.FINISH_REASON_LENGTH);
        }

        void end(Place place) {
            place.members().forEach(m -> open.remove(m.rollout().id()));
            place.ends().forEach(e -> open.remove(e.rollout().id()));
            if (!open.isEmpty()) {
                throw new IllegalStateException("rollouts were left without an end: " + open.keySet());
            }
            write(place.members(), place.ends());
        }

        /** Ends everything that came: as it was said where it was, else for a reason. */
        void giveUp(List<End> said, String reason) {
            List<End> ends = new ArrayList<>(said);
            said.forEach(e -> open.remove(e.rollout().id()));
            open.values().forEach(r -> ends.add(new End.Dropped(r, reason)));
            open.clear();
            write(List.of(), ends);
        }

        private void write(List<Member> members, List<End> ends) {
            groups.end(members, ends, this::answer);
        }

        private GroupRunner.Judged answer(Rollout rollout) {
            return Objects.requireNonNull(judged.get(rollout.id()), rollout.id());
        }

        GroupRunner.Unit unit(Place place) {
            return new GroupRunner.Unit(
                    place.groups().stream().map(this::group).toList(), place.unjudged(), GroupRunner.Resets.NONE);
        }

        private GroupRunner.Group group(Group group) {
            return new GroupRunner.Group(
                    group.id(),
                    wire(group.start()),
                    group.members().stream()
                            .map(m -> new GroupRunner.Member(answer(m.rollout()), m.reward(), refined(m)))
                            .toList());
        }

        private io.foothold.v1.@Nullable Rollout refined(Member member) {
            Rollout answer = member.refines();
            return answer == null ? null : answer(answer).rollout();
        }
    }
}
