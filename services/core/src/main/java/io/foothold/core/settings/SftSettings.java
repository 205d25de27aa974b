package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;

/**
 * Supervised fine-tuning from the unguided prompt before the first update, on the training problems' oracle solutions or on guided answers that
 * passed: the warm starts that POPE is compared with (arXiv 2601.18779), or all that a run does. What of AdamW is not here is the optimizer's;
 * the updates begin with fresh moments.
 */
@Section("sft")
public record SftSettings(
        @Setting(
                help = "Passes over the oracle solutions of the training problems before the first update; 0 is off.",
                fallback = "0",
                from = 0,
                to = 10_000,
                unit = "passes",
                source = "arXiv 2601.18779")
        int epochs,

        @Setting(
                help = "Solutions of an optimizer step.",
                fallback = "32",
                from = 1,
                to = Setting.AT_ONCE,
                unit = "solutions")
        int solutionsPerStep,

        @Setting(help = "Learning rate, the same at every step.", fallback = "1e-5", above = 0, to = 1000)
        double learningRate,

        @Setting(
                help =
                        "What is imitated: solutions, the oracle's; guided_traces, answers of the policy that pass behind searched prefixes of "
                                + "them, the prefix in front (rejection sampling).",
                fallback = "solutions",
                source = "arXiv 2601.18779")
        From from,

        @Setting(
                help = "Answers that are sampled behind each problem's prefix (sft.from: guided_traces).",
                fallback = "8",
                from = 1,
                to = Setting.AT_ONCE,
                unit = "rollouts")
        int samples) {

    /** What is imitated. */
    public enum From {
        /** Oracle solutions. */
        SOLUTIONS,
        /** What the policy itself wrote behind a prefix of one, where it passed. */
        GUIDED_TRACES
    }

    /** Whether the run fine-tunes. */
    public boolean asked() {
        return epochs > 0;
    }

    /** Whether what it imitates has to be sampled first. */
    public boolean sampled() {
        return asked() && from == From.GUIDED_TRACES;
    }
}
