package io.foothold.core.settings;

import io.foothold.core.keys.Inline;
import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import java.util.List;
import java.util.OptionalInt;

/** How gradients become steps. */
@Section("optimizer")
public record OptimizerSettings(
        @Inline AdamW adamw,
        @Inline Schedule schedule,
        @Inline Steps steps,
        Lora lora) {

    /** AdamW. */
    public record AdamW(
            @Setting(help = "Peak learning rate.", fallback = "1e-6", above = 0, to = 1000)
            double learningRate,

            @Setting(
                    help = "Decay of the first moment.",
                    fallback = "0.9",
                    from = 0,
                    below = 1,
                    source = "arXiv 1711.05101, algorithm 2")
            double beta1,

            @Setting(help = "Decay of the second moment.", fallback = "0.95", from = 0, below = 1)
            double beta2,

            @Setting(help = "Term in AdamW's denominator.", fallback = "1e-8", above = 0, to = 1)
            double epsilon,

            @Setting(help = "Decoupled weight decay.", fallback = "0", from = 0, to = 1000)
            double weightDecay,

            @Setting(help = "Bound of the gradient norm; 0 is off.", fallback = "1.0", from = 0, to = Setting.WEIGHT)
            double clipNorm) {}

    /** The learning rate over the run. */
    public record Schedule(
            @Setting(
                    help = "Learning-rate schedule.",
                    fallback = "constant",
                    words = {"constant", "linear", "cosine"})
            String schedule,

            @Setting(
                    help = "Optimizer steps of warm-up.",
                    fallback = "0",
                    from = 0,
                    to = Setting.SUMMED,
                    unit = "optimizer steps")
            long warmupSteps,

            @Setting(
                    help = "Optimizer steps of the schedule.",
                    fallback = "0",
                    from = 0,
                    to = Setting.SUMMED,
                    unit = "optimizer steps")
            long totalSteps,

            @Setting(help = "Share of the peak at the end of the schedule.", fallback = "1.0", from = 0, to = 1)
            double finalShare) {}

    /** What a step is made of. */
    public record Steps(
            @Setting(
                    help = "Groups of one optimizer step; 0 takes the whole update.",
                    fallback = "0",
                    from = 0,
                    to = Setting.AT_ONCE,
                    unit = "groups")
            int groupsPerStep,

            @Setting(help = "Passes over an update.", fallback = "1", from = 1, to = 10_000, unit = "passes")
            int epochs,

            @Setting(
                    help =
                            "Largest count of tokens of a micro-batch; auto takes what fits 1 GiB of activations (an eighth of the memory on "
                                    + "small machines), 8192 at most.",
                    fallback = Setting.AUTO,
                    from = 1,
                    to = Setting.COUNTED,
                    unit = "tokens")
            OptionalInt microBatchTokens) {}

    /** Adapters on frozen weights. */
    public record Lora(
            @Setting(
                    help = "Rank of adapters that are trained on frozen weights; 0 trains all weights.",
                    fallback = "0",
                    from = 0,
                    to = Setting.AT_ONCE,
                    source = "arXiv 2106.09685, equation 3")
            int rank,

            @Setting(
                    help = "Scale of the adapters, times the rank; 0 takes the rank.",
                    fallback = "0",
                    from = 0,
                    to = Setting.WEIGHT)
            double alpha,

            @Setting(
                    help =
                            "Linear layers that get an adapter, by the names that the model's family has for them (q_proj, v_proj); auto takes "
                                    + "all but the head.",
                    fallback = Setting.AUTO)
            List<String> targets) {

        /** Whether adapters are trained and not all weights. */
        public boolean trained() {
            return rank > 0;
        }

        /** Scale, times the rank. */
        public double scale() {
            return alpha == 0 ? rank : alpha;
        }
    }
}
