package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;

/** How the hard set is found. */
@Section("mining")
public record MiningSettings(
        @Setting(
                help = "Samples a problem to find the hard set; 0 takes every problem.",
                fallback = "0",
                from = 0,
                to = Setting.AT_ONCE,
                unit = "samples")
        int samples,

        @Setting(
                help = "A problem is hard when at most this many samples pass.",
                fallback = "0",
                from = 0,
                to = Setting.AT_ONCE,
                unit = "samples")
        int maxPasses,

        @Setting(
                help =
                        "Further samples of each problem that the first ones leave hard, before it counts as hard; 0 takes none.",
                fallback = "0",
                from = 0,
                to = Setting.AT_ONCE,
                unit = "samples")
        int secondSamples) {}
