package io.foothold.policyserver.serving;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.policy.PolicyException;
import io.foothold.policy.Tokenizer;
import io.foothold.policy.chat.ChatTemplate;
import io.foothold.policy.chat.Conversation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Users' messages in a policy's chat template. Thread-safe.
 *
 * @param chat the template; empty when the policy has none
 */
record ChatMessages(Tokenizer tokenizer, Optional<ChatTemplate> chat) {

    /**
     * Token ids of a user's message in the policy's chat template, with the beginning of the answer.
     *
     * @param settings JSON object with {@code system}, {@code turns}, {@code options} and {@code answer_separator}
     * @throws PolicyException when the policy has no chat template or it refuses the message
     */
    int[] encoded(String text, String settings) {
        ChatTemplate template = chat.orElseThrow(() -> new PolicyException("the policy" + ChatTemplate.MISSING));
        try {
            JsonNode json = new ObjectMapper().readTree(settings);
            List<Conversation.Turn> turns = new ArrayList<>();
            for (JsonNode turn : json.path("turns")) {
                if (!turn.path("user").isTextual() || !turn.path("assistant").isTextual()) {
                    throw new PolicyException(
                            "input 'chat': a turn needs the texts 'user' and 'assistant', got " + turn);
                }
                turns.add(new Conversation.Turn(
                        turn.path("user").textValue(), turn.path("assistant").textValue()));
            }
            Map<String, Object> options =
                    new ObjectMapper().convertValue(json.path("options"), new TypeReference<Map<String, Object>>() {});
            return tokenizer.encode(new Conversation(
                            json.path("system").asText(""),
                            turns,
                            options == null ? Map.of() : options,
                            json.path("answer_separator").asText(""))
                    .render(template, text));
        } catch (JsonProcessingException | IllegalArgumentException e) {
            throw new PolicyException(
                    "input 'chat' must be a JSON object with 'system', 'turns', 'options' and 'answer_separator', got "
                            + settings,
                    e);
        }
    }
}
