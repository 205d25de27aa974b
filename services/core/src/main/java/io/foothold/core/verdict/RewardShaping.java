package io.foothold.core.verdict;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import java.util.List;

/**
 * What the length of answers does to the rewards of a group. An answer i of T tokens, given ones with it, that may have L has
 *
 * <pre>
 * r'     = gamma^T r  +  s o
 * o      = -max(0, T - (1 - b) L) / (b L)            soft punishment, in [-1, 0] (DAPO, arXiv 2503.14476, equation 13)
 * s      = 1 where L cut the answer off, else
 *          (passes / n)^kappa for a right answer, f for another one    (PipelineRL's difficulty-aware scale)
 * </pre>
 *
 * so that right answers are punished for their length the less, the fewer of their group are right.
 *
 * @param lengthDiscount gamma
 * @param overlongShare b
 * @param difficultyPower kappa
 * @param failureScale f
 */
@Section("reward_shaping")
public record RewardShaping(
        @Setting(
                help = "Factor of the reward for every token of the answer; 1 is off.",
                fallback = "1",
                above = 0,
                to = 1,
                source = "PipelineRL")
        double lengthDiscount,

        @Setting(
                help =
                        "Last share of the limit of tokens in which an answer loses up to 1, more with every token; 0 is off. 0.2 in the paper.",
                fallback = "0",
                from = 0,
                to = 1,
                source = "arXiv 2503.14476, section 3.4")
        double overlongShare,

        @Setting(
                help =
                        "That loss of a right answer is multiplied by its group's share of right answers to this power, unless it was cut off; 0 is "
                                + "off.",
                fallback = "0",
                from = 0,
                to = 100,
                source = "PipelineRL")
        double difficultyPower,

        @Setting(
                help = "That loss of any other answer is multiplied by this, unless it was cut off.",
                fallback = "1",
                from = 0,
                to = 1000,
                source = "PipelineRL")
        double failureScale) {

    /** Changes nothing. */
    public static final RewardShaping NONE = new RewardShaping(1, 0, 0, 1);

    /**
     * An answer.
     *
     * @param reward before its length is looked at
     * @param tokens its tokens, given ones with it
     * @param limit how many it may have; below 1 for no limit
     * @param passed whether it is right
     * @param cut whether the limit ended it
     */
    public record Answer(double reward, int tokens, int limit, boolean passed, boolean cut) {}

    /** Whether rewards change at all. */
    public boolean shapes() {
        return lengthDiscount < 1 || overlongShare > 0;
    }

    /** The rewards of a group, in its order. */
    public double[] rewards(List<Answer> group) {
        double solved = (double) group.stream().filter(Answer::passed).count() / group.size();
        return group.stream()
                .mapToDouble(a -> Math.pow(lengthDiscount, a.tokens()) * a.reward() + scale(a, solved) * overlong(a))
                .toArray();
    }

    private double overlong(Answer a) {
        double buffer = overlongShare * a.limit();
        // Nothing is taken from an answer that has no limit, and 0 rather than -0.
        return buffer <= 0 || a.tokens() <= a.limit() - buffer
                ? 0
                : Math.max(-1, (a.limit() - buffer - a.tokens()) / buffer);
    }

    private double scale(Answer a, double solved) {
        if (a.cut()) {
            return 1;
        }
        return a.passed() ? Math.pow(solved, difficultyPower) : failureScale;
    }
}
