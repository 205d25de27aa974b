package io.foothold.core.search;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How long a problem's prefix is while the policy learns: a feedback controller for each problem, moved after an update by what the
 * update's groups reached. With l thoughts now (a fraction counts, and is rounded where a prompt is made), the share p of passes of the
 * groups that began behind just so many, and the target p*:
 *
 * <pre>
 * SHRINK   l - 1 where p &gt;= p*                            a reverse curriculum; never longer again
 * TRACK    l + g (p* - p)                               holds p near p* (AdaPrefix-GRPO, arXiv 2607.07674, whose gain is not known here)
 * STEP     l - 1 where passes &gt;= m, else l + 1          i*(x) of the policy as it is now, by one step an update
 * </pre>
 *
 * between 0 and the longest prefix that may be shown. Whatever the rule, help is withdrawn at once from a problem whose groups from the
 * root do what lets a guided one lose a thought. Groups behind another length say nothing: they were drawn before it changed. Pure.
 *
 * @param target p*
 * @param gain g, thoughts
 * @param minPasses m
 */
public record PrefixControl(Rule rule, double target, double gain, int minPasses) {

    /** What moves a prefix. */
    public enum Rule {
        /** Nothing: POPE's paper. */
        FIXED,
        /** Success shortens it. */
        SHRINK,
        /** Success shortens it and failure makes it longer, in proportion. */
        TRACK,
        /** A thought less where it works, a thought more where it does not. */
        STEP
    }

    /**
     * What a group reached.
     *
     * @param thoughts of the oracle that it began behind; 0 for the root
     */
    public record Reached(String problemId, int thoughts, int passes, int rollouts) {
        /** A group has members, and no more passes than that. */
        public Reached {
            if (thoughts < 0 || rollouts < 1 || passes < 0 || passes > rollouts) {
                throw new IllegalArgumentException("a group of " + problemId + " behind " + thoughts + " thoughts with "
                        + passes + " passes of " + rollouts);
            }
        }

        private Reached with(Reached other) {
            return new Reached(problemId, thoughts, passes + other.passes, rollouts + other.rollouts);
        }
    }

    /** Length and problem that groups are told apart by. */
    private record Where(String problemId, int thoughts) {}

    /** Thoughts of a length in a prompt. */
    public static int thoughts(double length) {
        return (int) Math.round(length);
    }

    /**
     * The lengths after an update.
     *
     * @param lengths by problem, before it
     * @param longest by problem
     * @param update what its groups reached; those of problems without a length are passed over
     * @return a map in the order of {@code lengths}
     */
    public Map<String, Double> after(Map<String, Double> lengths, Map<String, Integer> longest, List<Reached> update) {
        Map<Where, Reached> reached = new LinkedHashMap<>();
        update.forEach(r -> reached.merge(new Where(r.problemId(), r.thoughts()), r, Reached::with));
        Map<String, Double> out = new LinkedHashMap<>();
        lengths.forEach((id, length) -> out.put(
                id,
                moved(
                        length,
                        longest.getOrDefault(id, 0),
                        reached.get(new Where(id, thoughts(length))),
                        reached.get(new Where(id, 0)))));
        return out;
    }

    private double moved(double length, int longest, @Nullable Reached here, @Nullable Reached root) {
        if (rule != Rule.FIXED && root != null && thoughts(length) > 0 && isGood(root)) {
            return 0;
        }
        if (here == null) {
            return length;
        }
        double next =
                switch (rule) {
                    case FIXED -> length;
                    case SHRINK -> isGood(here) ? thoughts(length) - 1 : length;
                    case TRACK -> length + gain * (target - share(here));
                    case STEP -> thoughts(length) + (isGood(here) ? -1 : 1);
                };
        return Math.max(0, rule == Rule.FIXED ? next : Math.min(longest, next));
    }

    private boolean isGood(Reached group) {
        return rule == Rule.STEP ? group.passes() >= minPasses : share(group) >= target;
    }

    private static double share(Reached group) {
        return (double) group.passes() / group.rollouts();
    }
}
