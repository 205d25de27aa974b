package io.foothold.orchestrator.run;

import io.foothold.core.start.StartState;
import io.foothold.core.stats.Stitching;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * What an update's rollouts say by where they began: unguided beside guided shows what carries over.
 *
 * @param prefixes thoughts behind which a problem is guided; none where it is not
 */
record StartNumbers(Function<String, List<String>> prefixes) {
    private static final String ROOT = "root";
    private static final String GUIDED = "guided";

    /** Sums over the groups of one kind of start. */
    private static final class Sum {
        private double reward;
        private long passes;
        private long rollouts;
        private int always;
        private int never;
        private int groups;

        void add(FilledGroup g) {
            List<FilledMember> sampled =
                    g.members().stream().filter(m -> !m.rollout().given()).toList();
            int passed = (int) sampled.stream().filter(m -> m.judged().passed()).count();
            sampled.forEach(m -> reward += m.reward());
            passes += passed;
            rollouts += sampled.size();
            always += passed == sampled.size() ? 1 : 0;
            never += passed == 0 ? 1 : 0;
            groups++;
        }

        double passAt1() {
            return (double) passes / rollouts;
        }
    }

    /**
     * The numbers. By kind of start: mean reward, passes, rollouts, pass@1, and groups whose rollouts always, sometimes and never pass. Where
     * there are both: the transfer gap, guided less unguided pass@1. Of unguided rollouts of guided problems: how many come by the
     * state that guided ones start from, and pass@1 of those that do and of those that do not. The mean prefix of guided groups, in thoughts.
     */
    Map<String, Double> of(List<FilledGroup> groups) {
        Map<String, Sum> sums = new LinkedHashMap<>();
        groups.forEach(
                g -> sums.computeIfAbsent(g.start().kind(), k -> new Sum()).add(g));
        Map<String, Double> out = new LinkedHashMap<>();
        groups.stream()
                .mapToInt(g -> g.start().prefixThoughts())
                .filter(thoughts -> thoughts > 0)
                .average()
                .ifPresent(mean -> out.put("prefix_thoughts", mean));
        sums.forEach((start, sum) -> {
            out.put("reward_" + start, sum.reward / sum.rollouts);
            out.put("passes_" + start, (double) sum.passes);
            out.put("rollouts_" + start, (double) sum.rollouts);
            out.put("pass@1_" + start, sum.passAt1());
            out.put("groups_always_" + start, (double) sum.always);
            out.put("groups_sometimes_" + start, (double) sum.groups - sum.always - sum.never);
            out.put("groups_never_" + start, (double) sum.never);
        });
        Sum root = sums.get(ROOT);
        Sum guided = sums.get(GUIDED);
        if (root != null && guided != null) {
            out.put("transfer_gap", guided.passAt1() - root.passAt1());
        }
        overlap(groups, out);
        return out;
    }

    private void overlap(List<FilledGroup> groups, Map<String, Double> out) {
        long[] rollouts = new long[2];
        long[] passes = new long[2];
        // What is given was never sampled: it says nothing of the policy.
        for (FilledGroup g : groups) {
            List<String> prefix =
                    g.start().origin() instanceof StartState.Root r ? prefixes.apply(r.problemId()) : List.of();
            if (!prefix.isEmpty()) {
                for (FilledMember m : g.members()) {
                    if (m.rollout().given()) {
                        continue;
                    }
                    int through = Stitching.passesThrough(m.rollout().thoughts(), prefix) ? 1 : 0;
                    rollouts[through]++;
                    passes[through] += m.judged().passed() ? 1 : 0;
                }
            }
        }
        long all = rollouts[0] + rollouts[1];
        if (all > 0) {
            out.put("overlap_rollouts", (double) all);
            out.put("overlap_share", (double) rollouts[1] / all);
        }
        if (rollouts[1] > 0) {
            out.put("pass@1_through", (double) passes[1] / rollouts[1]);
        }
        if (rollouts[0] > 0) {
            out.put("pass@1_around", (double) passes[0] / rollouts[0]);
        }
    }
}
