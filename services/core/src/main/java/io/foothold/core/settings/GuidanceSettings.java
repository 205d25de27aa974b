package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;

/** Where guided start states show the oracle's thoughts. */
@Section("guidance")
public record GuidanceSettings(
        @Setting(
                help =
                        "Where a guided prompt shows the oracle's first thoughts: user in prompts.guided; prefill behind the root prompt, so "
                                + "that the answer begins with them.",
                fallback = "user")
        Form form) {

    /** Where they stand. */
    public enum Form {
        /** In a prompt of their own. */
        USER,
        /** Behind the root prompt: the answer begins with them. */
        PREFILL
    }
}
