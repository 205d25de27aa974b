package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;

/** What a run warns of. */
@Section("warnings")
public record WarningSettings(
        @Setting(
                help = "Warns when the ratios of learner and sampler leave a smaller share of the rollouts; 0 is off.",
                fallback = "0.5",
                from = 0,
                to = 1)
        double minEffectiveSampleSize,

        @Setting(
                help = "Warns when sampler and learner differ by more, KL estimate k3 a token; 0 is off.",
                fallback = "0.01",
                from = 0,
                to = 1000,
                unit = "nats")
        double maxLogProbKl,

        @Setting(
                help =
                        "Warns when the share of responses that end by themselves, over three updates, falls by more; 0 is off.",
                fallback = "0.2",
                from = 0,
                to = 1)
        double maxFinishedDrop) {}
