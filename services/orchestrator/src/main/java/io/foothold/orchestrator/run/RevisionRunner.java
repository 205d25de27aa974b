package io.foothold.orchestrator.run;

import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
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
 * Takes one place of an update through answers and their revisions. Two methods, as arXiv 2605.25507 runs them (B7):
 *
 * <ul>
 *   <li>SCoRe: every answer is shown to the policy again with an instruction that says nothing of its verdict, and a revision is
 *       rewarded with r₂ + bonus · (r₂ − r₁). Answers are one group; every revision has a start of its own and is a group of
 *       one, so the estimator must do without a baseline.
 *   <li>Critique-GRPO: answers that failed are shown again with the word that they are wrong. The best refinement, the first of
 *       equals, joins the answers' group and is trained under their prompt; the others are consumed. When no answer failed there
 *       is nothing to refine and the group is the answers alone.
 * </ul>
 *
 * <p>A revision that cannot be had drops the whole place. Blocks its caller, who runs on a virtual thread. Thread-safe.
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

    private record Revised(GroupRunner.Member answer, GroupRunner.Group group) {}

    @Override
    public GroupRunner.Unit run(String groupId, StartState start, Seeds seed, PolicyVersion policy) {
        AtomicInteger errors = new AtomicInteger();
        GroupRunner.Group answers = groups.train(groupId, start, spec.rolloutsPerGroup(), seed, policy, errors);
        List<CompletableFuture<Revised>> revising = new ArrayList<>();
        for (int i = 0; i < answers.members().size(); i++) {
            GroupRunner.Member answer = answers.members().get(i);
            if (spec.refines() && answer.judged().passed()) {
                continue;
            }
            String id = groupId + "/r" + i;
            Seeds own = seed.split("revision").split(i);
            revising.add(CompletableFuture.supplyAsync(
                    () -> new Revised(answer, groups.train(id, revision(start, answer), 1, own, policy, errors)),
                    threads));
        }
        List<Revised> revised = new ArrayList<>();
        RuntimeException failure = null;
        for (CompletableFuture<Revised> one : revising) {
            try {
                revised.add(one.join());
            } catch (CompletionException e) {
                failure = e;
            }
        }
        if (failure != null) {
            List<GroupRunner.Member> lost = new ArrayList<>(answers.members());
            revised.forEach(r -> lost.addAll(r.group().members()));
            groups.drop(lost, "a revision of its unit failed");
            throw FootholdException.of(failure);
        }
        List<GroupRunner.Group> out =
                spec.refines() ? List.of(withBest(answers, revised)) : withEvery(answers, revised);
        return new GroupRunner.Unit(out, errors.get(), GroupRunner.Resets.NONE);
    }

    private StartState revision(StartState start, GroupRunner.Member answer) {
        Problem problem = groups.problem(start.getProblemId());
        return StartState.newBuilder()
                .setProblemId(start.getProblemId())
                .setRevision(Revision.newBuilder().setRolloutId(answer.judged().rolloutId()))
                .setPrompt(
                        spec.revision(problem.getStatement(), answer.rollout().getText()))
                .setMaxTokens(start.getMaxTokens())
                .build();
    }

    private List<GroupRunner.Group> withEvery(GroupRunner.Group answers, List<Revised> revised) {
        double bonus = spec.file().number("revision.bonus");
        List<GroupRunner.Group> out = new ArrayList<>();
        out.add(answers);
        for (Revised r : revised) {
            out.add(new GroupRunner.Group(
                    r.group().id(),
                    r.group().start(),
                    r.group().members().stream()
                            .map(m -> new GroupRunner.Member(
                                    m.judged(),
                                    m.reward()
                                            + bonus * (m.reward() - r.answer().reward())))
                            .toList()));
        }
        return out;
    }

    private GroupRunner.Group withBest(GroupRunner.Group answers, List<Revised> revised) {
        List<GroupRunner.Member> refinements = revised.stream()
                .flatMap(r -> r.group().members().stream()
                        .map(m -> new GroupRunner.Member(
                                m.judged(), m.reward(), r.answer().rollout())))
                .toList();
        List<GroupRunner.Member> members = new ArrayList<>(answers.members());
        refinements.stream().reduce((a, b) -> b.reward() > a.reward() ? b : a).ifPresent(best -> {
            members.add(best);
            groups.consumed(refinements.stream().filter(r -> r != best).toList(), "refinement");
        });
        return new GroupRunner.Group(answers.id(), answers.start(), members);
    }
}
