package io.foothold.orchestrator.update;

/**
 * An inference server as the sampler sees it.
 *
 * @param policyVersion that it has
 * @param digest of that policy; empty where it does not say
 * @param maxModelLength of prompt and response together, tokens; 0 where it does not say
 * @param problem why it is not healthy; empty for one that is
 * @param frozen whether it keeps its policy whatever is published
 * @param engine what draws its tokens
 */
public record ServerState(
        String endpoint,
        boolean healthy,
        long policyVersion,
        String digest,
        int maxModelLength,
        String problem,
        boolean frozen,
        Engine engine) {

    /**
     * What draws the tokens of a server; each is empty where the server does not say.
     *
     * @param name such as vllm
     * @param weightChange what it does with sequences under way when its weights change
     * @param adapters whether it takes them
     */
    public record Engine(String name, String weightChange, String adapters) {}
}
