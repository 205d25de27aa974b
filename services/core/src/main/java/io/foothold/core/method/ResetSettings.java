package io.foothold.core.method;

import io.foothold.core.keys.Inline;
import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import io.foothold.core.reset.Instead;
import io.foothold.core.reset.ResetSplit;

/** Resets of failed rollouts: RRPO and SRPO (arXiv 2605.25507). */
@Section("resets")
public record ResetSettings(
        @Setting(
                help = "Share of an update's places whose failed rollouts are reset; 0 is off.",
                fallback = "0",
                from = 0,
                to = 1,
                source = "arXiv 2605.25507")
        double share,

        @Inline Localizing localizing,
        @Inline Split split,

        @Setting(
                help = "Thoughts that a reset is moved towards the start.",
                fallback = "0",
                from = 0,
                to = Setting.WEIGHT,
                unit = "thoughts")
        int offset,

        @Setting(help = "When the localizer finds no error.", fallback = "random")
        Instead onNoError,

        @Setting(help = "When its answer cannot be read.", fallback = "random")
        Instead onUnparseable) {

    /** Who names the thought to reset to, and how far that is believed. */
    public record Localizing(
            @Setting(
                    help = "Who names the thought to reset to.",
                    fallback = "random",
                    words = {"random", "early", "oracle", "self", "self_recompute", "external"})
            String localizer,

            @Setting(
                    help = "Thought that the localizer 'early' always names.",
                    fallback = "1",
                    from = 1,
                    to = Setting.WEIGHT,
                    unit = "thoughts")
            int earlyThought,

            @Setting(
                    help = "Share of named thoughts that a random thought takes the place of.",
                    fallback = "0",
                    from = 0,
                    to = 1)
            double noise,

            @Setting(
                    help = "Whether oracle solutions tell the first error: the task determines every thought.",
                    fallback = "false")
            boolean compareWithOracle,

            @Setting(
                    help =
                            "Falls back to random when fewer of the last 64 resets were at or before the first error; 0 is off.",
                    fallback = "0",
                    from = 0,
                    to = 1)
            double minCleanShare) {}

    /** What a problem's rollouts are spent on. */
    public record Split(
            @Setting(
                    help = "Size of the base group; 0 for none.",
                    fallback = "4",
                    from = 0,
                    to = Setting.AT_ONCE,
                    unit = "rollouts")
            int baseRollouts,

            @Setting(
                    help = "Failed rollouts that are reset, each a suffix group.",
                    fallback = "1",
                    from = 1,
                    to = Setting.AT_ONCE,
                    unit = "rollouts")
            int seeds,

            @Setting(
                    help = "Members of a suffix group.",
                    fallback = "4",
                    from = 1,
                    to = Setting.AT_ONCE,
                    unit = "rollouts")
            int suffixes,

            @Setting(
                    help = "Fresh rollouts after which no further one is drawn to find a seed.",
                    fallback = "12",
                    from = 1,
                    to = Setting.AT_ONCE,
                    unit = "rollouts")
            int draws,

            @Setting(
                    help = "paper: the base group is the first draws and seeds stay in it; reference: seeds leave it.",
                    fallback = "paper")
            ResetSplit.SeedRule seedRule,

            @Setting(
                    help = "Without a seed: plain fills one group to the same size, drawn trains what was drawn.",
                    fallback = "plain")
            ResetSplit.WithoutSeeds withoutSeeds) {

        /**
         * The split itself.
         *
         * @throws IllegalArgumentException when its parts do not fit each other
         */
        public ResetSplit split() {
            return new ResetSplit(baseRollouts, seeds, suffixes, draws, seedRule, withoutSeeds);
        }
    }
}
