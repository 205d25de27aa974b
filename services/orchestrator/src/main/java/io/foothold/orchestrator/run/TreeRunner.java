package io.foothold.orchestrator.run;

import io.foothold.contracts.error.FootholdException;
import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.random.Seeds;
import io.foothold.v1.Reset;
import io.foothold.v1.Rollout;
import io.foothold.v1.StartState;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Takes one place of an update through a tree of segments (SPO-Tree; arXiv 2605.25507, B7): segments of fixed length from the
 * start, each continued by the next level, leaves to the end. The siblings of a node are a group; the reward of a leaf is its
 * verdict's, that of an inner segment the mean of its children. Blocks its caller, who runs on a virtual thread. Thread-safe.
 */
final class TreeRunner implements PlaceRunner {
    private final RunSpec spec;
    private final GroupRunner groups;
    private final ExecutorService threads;

    TreeRunner(RunSpec spec, GroupRunner groups, ExecutorService threads) {
        this.spec = spec;
        this.groups = groups;
        this.threads = threads;
    }

    /** A node's children as a group, their descendants' groups, and the mean of the children's rewards. */
    private record Grown(List<GroupRunner.Group> groups, double value) {}

    @Override
    public GroupRunner.Unit run(String groupId, StartState start, Seeds seed, PolicyVersion policy) {
        AtomicInteger errors = new AtomicInteger();
        Grown grown = grow(groupId, start, 0, seed, policy, errors);
        return new GroupRunner.Unit(grown.groups(), errors.get(), GroupRunner.Resets.NONE);
    }

    private Grown grow(
            String groupId, StartState start, int level, Seeds seed, PolicyVersion policy, AtomicInteger errors) {
        int children = spec.branches().get(level);
        int limit = spec.tokenLimit(start);
        if (level == spec.branches().size() - 1 || limit <= spec.segmentTokens()) {
            GroupRunner.Group leaves = groups.train(groupId, start, children, seed, policy, errors);
            return new Grown(List.of(leaves), mean(leaves.members()));
        }
        StartState cut = start.toBuilder().setMaxTokens(spec.segmentTokens()).build();
        List<GroupRunner.Segment> segments = groups.segments(groupId, cut, children, seed, policy, errors);
        List<CompletableFuture<Grown>> growing = new ArrayList<>();
        for (int c = 0; c < children; c++) {
            GroupRunner.Segment segment = segments.get(c);
            if (segment.reward().isPresent()) {
                growing.add(CompletableFuture.completedFuture(
                        new Grown(List.of(), segment.reward().getAsDouble())));
            } else {
                String id = groupId + "/n" + c;
                Seeds own = seed.split("child").split(c);
                StartState next = continued(start, segment.rollout(), limit);
                growing.add(
                        CompletableFuture.supplyAsync(() -> grow(id, next, level + 1, own, policy, errors), threads));
            }
        }
        List<Grown> below = new ArrayList<>();
        RuntimeException failure = null;
        for (CompletableFuture<Grown> one : growing) {
            try {
                below.add(one.join());
            } catch (CompletionException e) {
                failure = e;
            }
        }
        List<GroupRunner.Group> out = new ArrayList<>();
        if (failure != null) {
            // What other branches finished is given up with the tree.
            List<GroupRunner.Member> lost = new ArrayList<>(
                    groups.valued(segments, segments.stream().map(s -> 0.0).toList()));
            below.forEach(g -> g.groups().forEach(group -> lost.addAll(group.members())));
            groups.drop(lost, "its tree lost a branch");
            throw FootholdException.of(failure);
        }
        List<GroupRunner.Member> members =
                groups.valued(segments, below.stream().map(Grown::value).toList());
        out.add(new GroupRunner.Group(groups.named(groupId), cut, members));
        below.forEach(g -> out.addAll(g.groups()));
        return new Grown(out, mean(members));
    }

    private static double mean(List<GroupRunner.Member> members) {
        return AdvantageEstimator.mean(
                members.stream().mapToDouble(GroupRunner.Member::reward).toArray());
    }

    private static StartState continued(StartState start, Rollout segment, int limit) {
        List<Integer> response = Responses.tokens(segment);
        return StartState.newBuilder()
                .setProblemId(start.getProblemId())
                .setReset(Reset.newBuilder().setRolloutId(segment.getId()).setTokens(response.size()))
                .setPrompt(start.getPrompt())
                .addAllPromptTokenIds(segment.getPromptTokenIdsList())
                .addAllPrefixTokenIds(response)
                .setMaxTokens(limit - segment.getTokenIdsCount())
                .build();
    }
}
