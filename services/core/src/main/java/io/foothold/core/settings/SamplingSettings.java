package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;

/** How training samples. */
@Section("sampling")
public record SamplingSettings(
        @Setting(help = "Softmax temperature of training rollouts.", fallback = "1.0", above = 0, to = 1000)
        double temperature,

        @Setting(
                help = "Limit of sampled tokens; 0 takes the problem's own.",
                fallback = "0",
                from = 0,
                to = Setting.COUNTED,
                unit = "tokens")
        int maxTokens,

        @Setting(
                help = "Limit of tokens of one thought; 0 is none. Samples thought by thought.",
                fallback = "0",
                from = 0,
                to = Setting.COUNTED,
                unit = "tokens")
        int maxThoughtTokens,

        @Setting(
                help = "Limit of thoughts of a rollout; 0 is none. Samples thought by thought.",
                fallback = "0",
                from = 0,
                to = Setting.WEIGHT,
                unit = "thoughts")
        int maxThoughts,

        @Setting(help = "Members of a group.", fallback = "8", from = 1, to = Setting.AT_ONCE, unit = "rollouts")
        int rolloutsPerGroup,

        @Setting(help = "Groups of an update.", fallback = "12", from = 1, to = Setting.AT_ONCE, unit = "groups")
        int groupsPerUpdate,

        @Setting(
                help =
                        "How often a place whose every advantage is 0 is filled again from another start state; 0 is off.",
                fallback = "0",
                from = 0,
                to = 1000,
                unit = "attempts",
                source = "arXiv 2503.14476, section 3.2")
        int refills) {}
