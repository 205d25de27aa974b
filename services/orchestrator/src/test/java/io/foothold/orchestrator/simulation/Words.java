package io.foothold.orchestrator.simulation;

import io.foothold.core.method.Localization;
import io.foothold.core.start.StartState;
import io.foothold.orchestrator.remote.Localizer;
import io.foothold.orchestrator.remote.Sampler;
import io.foothold.orchestrator.rollout.FinishReason;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.SampledRollout;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.simulation.SimulatedSampler.Asked;
import io.foothold.orchestrator.simulation.SimulatedSampler.Sampled;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** What passes between the run and the simulated services, in the words of each: the one place that knows both. */
final class Words {
    private Words() {}

    static SimulatedSampler.Work work(Sampler.Work work) {
        return new SimulatedSampler.Work(
                work.groupId(),
                work.start().prefixThoughts() == 0
                        ? work.start().problemId()
                        : work.start().prompt(),
                work.start().prefixTokenIds(),
                work.start().maxTokens(),
                work.reservations().stream()
                        .map(r -> new Asked(r.rolloutId(), r.seed()))
                        .toList(),
                work.wanted().policy().number(),
                work.wanted().exactly() ? Optional.of(work.wanted().policy().digest()) : Optional.empty());
    }

    static List<String> keys(Sampler.Work work) {
        return work.reservations().stream().map(Sampler.Reservation::rolloutId).toList();
    }

    static SampledRollout rollout(SimulatedSampler.Work work, Asked asked, Sampled sampled) {
        List<Integer> response = sampled.response();
        int given = work.given().size();
        StringBuilder text = new StringBuilder();
        List<Integer> ends = new ArrayList<>();
        for (int i = 0; i < response.size(); i++) {
            int token = response.get(i);
            text.append(
                    token == SimulatedSampler.END ? ';' : token == SimulatedSampler.RIGHT ? 'r' : (char) ('a' + token));
            if (token == SimulatedSampler.END) {
                ends.add(i + 1);
            }
        }
        return new SampledRollout(
                asked.id(),
                work.group(),
                List.of(77),
                List.copyOf(response.subList(0, given)),
                new SampledRollout.Tokens(
                        List.copyOf(response.subList(given, response.size())),
                        Collections.nCopies(response.size() - given, -1f),
                        sampled.versions(),
                        sampled.digest(),
                        sampled.cut() ? FinishReason.LENGTH : FinishReason.STOP),
                new SampledRollout.Response(text.toString(), ends, ends, false));
    }

    static Localizer.Answer localized(Localizer.Work work) {
        int thoughts = work.rollout().thoughts().size();
        return new Localizer.Found(
                new Localization.Step(1 + (int) Math.floorMod(work.seed(), (long) thoughts), OptionalInt.empty(), 0));
    }

    static PromptedStart root(String problem) {
        return new PromptedStart(new StartState.Root(problem), "solve " + problem, 0);
    }

    static PromptedStart start(StartState start) {
        return start instanceof StartState.Guided guided
                ? new PromptedStart(
                        guided, "solve " + guided.problemId() + " behind " + guided.prefixThoughts() + " thoughts", 0)
                : root(start.problemId());
    }

    /** A group of rollouts of which nothing but the id matters. */
    static TrainGroup group(String id, long update, List<String> members) {
        return new TrainGroup(
                "r",
                update,
                0,
                1,
                id,
                "",
                members.stream()
                        .map(m -> new TrainGroup.Member(
                                new SampledRollout(
                                        m,
                                        id,
                                        List.of(),
                                        List.of(),
                                        new SampledRollout.Tokens(
                                                List.of(), List.of(), List.of(), "", FinishReason.STOP),
                                        new SampledRollout.Response("", List.of(), List.of(), false)),
                                0,
                                List.of()))
                        .toList());
    }

    static List<String> members(TrainGroup group) {
        return group.members().stream().map(m -> m.rollout().id()).toList();
    }

    static SimulatedLearner.Group group(TrainGroup group) {
        return new SimulatedLearner.Group(
                group.id(),
                group.update(),
                group.index(),
                group.groupsInUpdate(),
                group.members().stream()
                        .map(m -> new SimulatedLearner.Member(
                                m.rollout().id(),
                                m.rollout().prefixTokenIds(),
                                m.rollout().tokens().ids(),
                                m.rollout().tokens().policyVersions(),
                                m.reward()))
                        .toList());
    }
}
