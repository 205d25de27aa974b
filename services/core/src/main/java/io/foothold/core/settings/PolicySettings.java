package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;

/** What is trained. */
@Section("policy")
public record PolicySettings(
        @Setting(
                help =
                        "Directory of the base policy (Hugging Face layout), or ORGANISATION/NAME of a model on the hub, with @REVISION where it is "
                                + "not the main branch; see docs/hub.md.")
        String base,

        @Setting(
                help = "Model of the hub and commit that the base was resolved from; commands write it.",
                fallback = "")
        String hub) {}
