package io.foothold.orchestrator.update;

import io.foothold.core.policy.PolicyVersion;
import java.util.List;
import java.util.Optional;

/**
 * A policy that the learner made.
 *
 * @param policy version and digest
 * @param uri where it lies
 * @param canary what servers have to compute with it; empty when the learner could not say
 * @param adapter the same as adapters; empty when there are none
 */
public record Artefact(PolicyVersion policy, String uri, Optional<Canary> canary, Optional<Adapter> adapter) {
    /**
     * What an inference server has to compute under the policy's weights.
     *
     * @param tokenIds of all sequences, one after the other
     * @param lengths tokens of each sequence, at least 2
     * @param logProbs natural log-prob of every token after the first of its sequence, at temperature 1 and with the full support
     */
    public record Canary(List<Integer> tokenIds, List<Integer> lengths, List<Float> logProbs) {
        /** Copies. */
        public Canary {
            tokenIds = List.copyOf(tokenIds);
            lengths = List.copyOf(lengths);
            logProbs = List.copyOf(logProbs);
        }
    }

    /**
     * A policy as adapters on its base.
     *
     * @param uri of the directory
     * @param digest of its files, SHA-256, hexadecimal
     */
    public record Adapter(String uri, String digest) {}

    /** Whether it lies in an object store, where it has to be brought first; a file is there when it is named. */
    public boolean stored() {
        return uri.startsWith("s3:");
    }
}
