package io.foothold.orchestrator.rollout;

import io.foothold.core.settings.PromptSettings;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How the tokens of rollouts are drawn.
 *
 * @param temperature of the softmax; 0 takes the likeliest token
 * @param topP nucleus mass in (0, 1]; 1 keeps the whole support
 * @param topK likeliest tokens that are kept; 0 keeps the whole support
 * @param maxTokens limit of sampled tokens of a rollout
 * @param thoughts how thoughts are cut
 * @param stopStrings texts that end a rollout, matched on decoded bytes
 * @param chat the conversation that the prompt is the last message of; empty where it is encoded as it stands
 */
public record Sampling(
        double temperature,
        double topP,
        int topK,
        int maxTokens,
        Thoughts thoughts,
        List<String> stopStrings,
        Optional<Chat> chat) {

    /**
     * How thoughts are cut.
     *
     * @param delimiter text that ends one, matched on decoded bytes; empty when they are not cut
     * @param maxTokens tokens at which one ends in any case; 0 is no limit
     * @param maxCount sampled thoughts of a rollout; 0 is no limit
     */
    public record Thoughts(String delimiter, int maxTokens, int maxCount) {}

    /**
     * A conversation, rendered by the server's chat template.
     *
     * @param system the message before it; empty for none
     * @param options further variables of the template
     * @param turns between the system message and the prompt
     * @param answerSeparator text behind which a prompt opens the assistant's answer; empty for none
     */
    public record Chat(
            String system, Map<String, String> options, List<PromptSettings.Turn> turns, String answerSeparator) {
        /** Copies; the options keep their order. */
        public Chat {
            options = Collections.unmodifiableMap(new LinkedHashMap<>(options));
            turns = List.copyOf(turns);
        }
    }

    /** Copies. */
    public Sampling {
        stopStrings = List.copyOf(stopStrings);
    }

    /** The same under another limit of tokens. */
    public Sampling withMaxTokens(int limit) {
        return new Sampling(temperature, topP, topK, limit, thoughts, stopStrings, chat);
    }

    /** The same with another nucleus and other likeliest tokens. */
    public Sampling withSupport(double nucleus, int likeliest) {
        return new Sampling(temperature, nucleus, likeliest, maxTokens, thoughts, stopStrings, chat);
    }

    /** The same in a conversation. */
    public Sampling in(Optional<Chat> conversation) {
        return new Sampling(temperature, topP, topK, maxTokens, thoughts, stopStrings, conversation);
    }

    /** New tokens that a rollout from a start with a limit of its own may have: the smaller of the two, where 0 is no limit. */
    public int limit(int own) {
        return own > 0 && maxTokens > 0 ? Math.min(own, maxTokens) : Math.max(own, maxTokens);
    }
}
