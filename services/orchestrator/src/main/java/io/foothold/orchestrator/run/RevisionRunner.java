package io.foothold.orchestrator.run;

import io.foothold.contracts.error.FootholdException;
import io.foothold.core.random.Seeds;
import io.foothold.v1.Problem;
import io.foothold.v1.Revision;
import io.foothold.v1.StartState;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Takes one place of an update through answers and their revisions (SCoRe, as arXiv 2605.25507 runs it; B7): every answer is shown
 * to the policy again with an instruction that says nothing of its verdict. A revision is rewarded with r₂ + bonus · (r₂ − r₁).
 * Answers are one group; every revision has a start of its own and is a group of one, so the estimator must do without a
 * baseline. Blocks its caller, who runs on a virtual thread. Thread-safe.
 */
final class RevisionRunner implements PlaceRunner {
    private final RunSpec spec;
    private final GroupRunner groups;
    private final ExecutorService threads;

    RevisionRunner(RunSpec spec, GroupRunner groups, ExecutorService threads) {
        this.spec = spec;
        this.groups = groups;
        this.threads = threads;
    }

    @Override
    public GroupRunner.Unit run(String groupId, StartState start, Seeds seed, long version) {
        AtomicInteger errors = new AtomicInteger();
        GroupRunner.Group answers = groups.train(groupId, start, spec.rolloutsPerGroup(), seed, version, errors);
        List<CompletableFuture<GroupRunner.Group>> revising = new ArrayList<>();
        for (int i = 0; i < answers.members().size(); i++) {
            GroupRunner.Member answer = answers.members().get(i);
            String id = groupId + "/r" + i;
            Seeds own = seed.split("revision").split(i);
            revising.add(
                    CompletableFuture.supplyAsync(() -> revised(id, start, answer, own, version, errors), threads));
        }
        List<GroupRunner.Group> out = new ArrayList<>();
        out.add(answers);
        RuntimeException failure = null;
        for (CompletableFuture<GroupRunner.Group> one : revising) {
            try {
                out.add(one.join());
            } catch (CompletionException e) {
                failure = e;
            }
        }
        if (failure != null) {
            groups.drop(out.stream().flatMap(g -> g.members().stream()).toList(), "a revision of its unit failed");
            throw FootholdException.of(failure);
        }
        return new GroupRunner.Unit(out, errors.get(), GroupRunner.Resets.NONE);
    }

    private GroupRunner.Group revised(
            String id, StartState start, GroupRunner.Member answer, Seeds seed, long version, AtomicInteger errors) {
        Problem problem = groups.problem(start.getProblemId());
        StartState again = StartState.newBuilder()
                .setProblemId(start.getProblemId())
                .setRevision(Revision.newBuilder().setRolloutId(answer.judged().rolloutId()))
                .setPrompt(
                        spec.revision(problem.getStatement(), answer.rollout().getText()))
                .setMaxTokens(start.getMaxTokens())
                .build();
        GroupRunner.Group group = groups.train(id, again, 1, seed, version, errors);
        double bonus = spec.file().number("revision.bonus");
        return new GroupRunner.Group(
                group.id(),
                again,
                group.members().stream()
                        .map(m ->
                                new GroupRunner.Member(m.judged(), m.reward() + bonus * (m.reward() - answer.reward())))
                        .toList());
    }
}
