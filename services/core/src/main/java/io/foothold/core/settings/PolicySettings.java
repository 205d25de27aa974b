package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;

/** What is trained. */
@Section("policy")
public record PolicySettings(
        @Setting(help = "Directory of the base policy (Hugging Face layout).")
        String base) {}
