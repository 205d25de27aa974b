package io.foothold.core.verdict;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;

/**
 * A reward for what an answer is and whether it ended by itself (PipelineRL's table of status and end). An answer that cannot be read, and
 * none at all, are one status here.
 */
@Section("reward_table")
public record RewardTable(
        @Setting(help = "Reward of a right answer that ended by itself.", fallback = "1", from = -1000, to = 1000)
        double right,

        @Setting(help = "Reward of a right answer that was cut off.", fallback = "-1", from = -1000, to = 1000)
        double rightCut,

        @Setting(help = "Reward of a wrong answer that ended by itself.", fallback = "-0.5", from = -1000, to = 1000)
        double wrong,

        @Setting(help = "Reward of a wrong answer that was cut off.", fallback = "-1", from = -1000, to = 1000)
        double wrongCut,

        @Setting(
                help = "Reward of a response without a readable answer that ended by itself.",
                fallback = "-1",
                from = -1000,
                to = 1000)
        double unparseable,

        @Setting(
                help = "Reward of a response without a readable answer that was cut off.",
                fallback = "-1",
                from = -1000,
                to = 1000)
        double unparseableCut) {

    /** PipelineRL's table {@code base}, which is that of the defaults. */
    public static final RewardTable BASE = new RewardTable(1, -1, -0.5, -1, -1, -1);

    /**
     * The reward of a verdict that judges.
     *
     * @throws IllegalArgumentException for one that judges nothing
     */
    public double of(Verdict.Kind kind, boolean cut) {
        return switch (kind) {
            case PASS -> cut ? rightCut : right;
            case FAIL -> cut ? wrongCut : wrong;
            case UNPARSEABLE -> cut ? unparseableCut : unparseable;
            case TIMEOUT, VERIFIER_ERROR, ABSTAIN ->
                throw new IllegalArgumentException("a verdict that judges nothing has no reward: " + kind);
        };
    }
}
