package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import io.foothold.core.search.PrefixControl;

/** How guided start states show the oracle's thoughts, and how many while the policy learns. */
@Section("guidance")
public record GuidanceSettings(
        @Setting(
                help =
                        "Where a guided prompt shows the oracle's first thoughts: user in prompts.guided; prefill behind the root prompt, so "
                                + "that the answer begins with them.",
                fallback = "user")
        Form form,

        @Setting(
                help =
                        "What moves a problem's prefix while the policy learns: fixed leaves it as it was searched; shrink takes a thought where a "
                                + "guided group reaches the target; track adds gain times what is missing to the target, or takes what is "
                                + "above; step takes a thought where prefix_search.min_passes pass and adds one where they do not.",
                fallback = "fixed",
                source = "arXiv 2607.07674")
        PrefixControl.Rule adapt,

        @Setting(
                help = "Share of passes of a guided group that shrink and track go by.",
                fallback = "0.5",
                above = 0,
                to = 1,
                source = "arXiv 2607.07674")
        double target,

        @Setting(
                help =
                        "Thoughts by which track moves a prefix for a group whose share of passes is off the target by 1.",
                fallback = "2",
                above = 0,
                to = Setting.WEIGHT,
                unit = "thoughts")
        double gain,

        @Setting(
                help = "Last update with guided starts: behind it they begin at the root; 0 is never.",
                fallback = "0",
                from = 0,
                to = Setting.COUNTED,
                unit = "updates",
                source = "arXiv 2607.07674")
        long withdrawAfter) {

    /** Where they stand. */
    public enum Form {
        /** In a prompt of their own. */
        USER,
        /** Behind the root prompt: the answer begins with them. */
        PREFILL
    }

    /** Whether prefixes change while the policy learns. */
    public boolean adapts() {
        return adapt != PrefixControl.Rule.FIXED || withdrawAfter > 0;
    }
}
