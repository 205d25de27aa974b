package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;

/** How a policy is asked for the first wrong thought. */
@Section("localizer")
public record LocalizerSettings(
        @Setting(
                help = "Question of self localizers: l1, l2 or a text with {problem}, {steps}, {count}.",
                fallback = "l2",
                source = "arXiv 2605.25507")
        String prompt,

        @Setting(
                help =
                        "Who answers self localizers: the current policy, the run's first one (frozen), or whatever the servers in "
                                + "foothold.sampler.frozen-endpoints hold (other).",
                fallback = "current")
        Answerer policy,

        @Setting(
                help = "Softmax temperature of its answer; 0 takes the likeliest token.",
                fallback = "0.3",
                from = 0,
                to = 1000)
        double temperature,

        @Setting(
                help = "Limit of tokens of its answer (self).",
                fallback = "4096",
                from = 1,
                to = Setting.COUNTED,
                unit = "tokens")
        int maxTokens,

        @Setting(
                help = "Tokens of the claim that ends a thought (self_recompute).",
                fallback = "1",
                from = 1,
                to = Setting.COUNTED,
                unit = "tokens")
        int claimTokens) {

    /** Who answers. */
    public enum Answerer {
        /** The policy that is trained. */
        CURRENT,
        /** The run's first one. */
        FROZEN,
        /** Another model. */
        OTHER
    }
}
