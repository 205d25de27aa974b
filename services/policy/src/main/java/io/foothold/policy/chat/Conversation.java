package io.foothold.policy.chat;

import io.foothold.policy.PolicyException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The conversation that a run's prompts stand in.
 *
 * @param system system message before everything; empty for none
 * @param turns earlier turns, such as worked examples
 * @param options variables of the chat template
 * @param answerSeparator what stands behind it in a prompt opens the assistant's answer; empty for none
 */
public record Conversation(String system, List<Turn> turns, Map<String, Object> options, String answerSeparator) {
    /**
     * An earlier turn.
     *
     * @param user what the user said
     * @param assistant what the assistant answered
     */
    public record Turn(String user, String assistant) {}

    /** Copies its lists. */
    public Conversation {
        turns = List.copyOf(turns);
        // Not Map.copyOf: a variable may be null.
        options = Collections.unmodifiableMap(new LinkedHashMap<>(options));
    }

    /**
     * The text of a prompt: what the model reads before it goes on with the answer.
     *
     * @throws PolicyException when the template refuses the conversation
     */
    public String render(ChatTemplate template, String prompt) {
        int at = answerSeparator.isEmpty() ? -1 : prompt.indexOf(answerSeparator);
        String asked = at < 0 ? prompt : prompt.substring(0, at);
        String answer = at < 0 ? "" : prompt.substring(at + answerSeparator.length());
        List<ChatTemplate.Message> messages = new ArrayList<>();
        if (!system.isEmpty()) {
            messages.add(new ChatTemplate.Message("system", system));
        }
        for (Turn turn : turns) {
            messages.add(new ChatTemplate.Message("user", turn.user()));
            messages.add(new ChatTemplate.Message("assistant", turn.assistant()));
        }
        messages.add(new ChatTemplate.Message("user", asked));
        return template.render(messages, true, options) + answer;
    }
}
