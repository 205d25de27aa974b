package io.foothold.core.settings;

/** What is trained. */
@Section("policy")
public record PolicySettings(
        @Setting(help = "Directory of the base policy (Hugging Face layout).")
        String base) {}
