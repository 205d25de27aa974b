package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import io.foothold.core.start.Mixture;

/** What share of an update's groups begins where. */
@Section("mixture")
public record MixtureSettings(
        @Setting(help = "Share of root start states.", fallback = "1", from = 0, to = Setting.WEIGHT)
        double root,

        @Setting(
                help = "Share of guided start states.",
                fallback = "0",
                from = 0,
                to = Setting.WEIGHT,
                source = "arXiv 2601.18779, section 3")
        double guided,

        @Setting(help = "How the mixture is drawn.", fallback = "independent")
        Mixture.Draw draw) {}
