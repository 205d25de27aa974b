package io.foothold.orchestrator.rollout;

import io.foothold.core.start.StartState;
import java.util.List;

/**
 * A start state with what a sampler needs to begin there. Its lists are kept as they are and not copied, as a rollout may have thousands of
 * tokens: nobody may change them.
 *
 * @param origin how it was chosen
 * @param prompt the rendered prompt
 * @param promptTokenIds the prompt's exact tokens where they are known (resets); else empty, and the sampler has the prompt encoded
 * @param prefixTokenIds tokens of the response that are given (resets): never sampled, never trained
 * @param maxTokens limit of new tokens; 0 leaves it to the settings
 * @param trace that what follows is part of; empty for none
 */
public record PromptedStart(
        StartState origin,
        String prompt,
        List<Integer> promptTokenIds,
        List<Integer> prefixTokenIds,
        int maxTokens,
        String trace) {

    /** One that gives no tokens and is part of no trace. */
    public PromptedStart(StartState origin, String prompt, int maxTokens) {
        this(origin, prompt, List.of(), List.of(), maxTokens, "");
    }

    /** The problem that is being solved. */
    public String problemId() {
        return origin.problemId();
    }

    /** Oracle thoughts in the prompt; 0 where it is not guided. */
    public int prefixThoughts() {
        return origin instanceof StartState.Guided guided ? guided.prefixThoughts() : 0;
    }

    /** The glossary's word for how it was chosen. */
    public String kind() {
        return switch (origin) {
            case StartState.Root r -> "root";
            case StartState.Guided g -> "guided";
            case StartState.Reset r -> "reset";
            case StartState.Revision r -> "revision";
        };
    }

    /** The same under another limit of new tokens. */
    public PromptedStart withMaxTokens(int limit) {
        return new PromptedStart(origin, prompt, promptTokenIds, prefixTokenIds, limit, trace);
    }

    /** The same as part of a trace. */
    public PromptedStart withTrace(String of) {
        return new PromptedStart(origin, prompt, promptTokenIds, prefixTokenIds, maxTokens, of);
    }
}
