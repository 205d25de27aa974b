package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;

/**
 * Supervised fine-tuning on the training problems' oracle solutions, from the unguided prompt, before the first update: the warm start that
 * POPE is compared with (arXiv 2601.18779, full-oracle SFT, then RL), or all that a run does. What of AdamW is not here is the optimizer's;
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
        double learningRate) {

    /** Whether the run fine-tunes. */
    public boolean asked() {
        return epochs > 0;
    }
}
