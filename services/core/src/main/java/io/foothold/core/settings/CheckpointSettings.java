package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;

/** When the learner's state is kept. */
@Section("checkpoint")
public record CheckpointSettings(
        @Setting(
                help = "Updates between checkpoints.",
                fallback = "10",
                from = 1,
                to = Setting.COUNTED,
                unit = "updates")
        int every,

        @Setting(help = "Checkpoints that stay.", fallback = "3", from = 1, to = Setting.WEIGHT, unit = "checkpoints")
        int keep) {}
