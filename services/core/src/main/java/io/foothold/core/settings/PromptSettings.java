package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import java.util.List;

/** What is put around problems. */
@Section("prompts")
public record PromptSettings(
        @Setting(help = "Prompt of a root start state.", fallback = "{problem}")
        String root,

        @Setting(help = "Prompt of a guided start state.", fallback = "", source = "arXiv 2601.18779, section 3")
        String guided,

        @Setting(help = "Whether prompts are user's messages in the policy's chat template.", fallback = "false")
        boolean chat,

        @Setting(help = "System message before them.", fallback = "")
        String system,

        List<Turn> turns,

        @Setting(help = "Variables of the chat template, such as enable_thinking=false, with commas.", fallback = "")
        List<String> chatOptions,

        @Setting(help = "Text that ends a thought.", fallback = "")
        String thoughtDelimiter) {

    /** An earlier turn of the conversation that prompts stand in. */
    public record Turn(
            @Setting(help = "What the user says in an earlier turn, such as a worked example (with prompts.chat).")
            String user,

            @Setting(help = "What the assistant answers to it.")
            String assistant) {}
}
