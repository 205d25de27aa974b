package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import io.foothold.core.search.PrefixSearch;

/** How the shortest prefix of a solution is found that makes success possible. */
@Section("prefix_search")
public record PrefixSearchSettings(
        @Setting(
                help = "Order in which prefixes are tried.",
                fallback = "ascending",
                source = "arXiv 2601.18779, section 3")
        PrefixSearch.Mode mode,

        @Setting(
                help = "Rollouts for each candidate.",
                fallback = "8",
                from = 1,
                to = Setting.AT_ONCE,
                unit = "rollouts")
        int rollouts,

        @Setting(
                help = "Passes that make a candidate good.",
                fallback = "1",
                from = 1,
                to = Setting.AT_ONCE,
                unit = "rollouts")
        int minPasses,

        @Setting(
                help =
                        "Prefix of a problem for which none works: short draws one below a quarter of the solution (the paper's; of a "
                                + "solution of few thoughts that is none), longest takes the longest that was tried.",
                fallback = "short",
                source = "arXiv 2601.18779, section 3")
        PrefixSearch.Fallback fallback) {}
