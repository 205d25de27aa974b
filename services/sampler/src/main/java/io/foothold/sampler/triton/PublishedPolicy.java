package io.foothold.sampler.triton;

import io.foothold.core.policy.Canary;
import io.foothold.core.policy.PolicyVersion;
import java.util.Optional;

/**
 * A policy that servers are to have.
 *
 * @param policy version and digest
 * @param uri where the artefact lies; servers fetch it themselves
 * @param canary what they have to compute before it counts; empty when nobody can say
 * @param adapter the same version as adapters, for servers that take those; empty when there are none
 */
public record PublishedPolicy(PolicyVersion policy, String uri, Optional<Canary> canary, Optional<Adapter> adapter) {

    /**
     * Adapters in PEFT's layout.
     *
     * @param uri their directory
     * @param digest SHA-256 of configuration and weights one after the other, hexadecimal
     */
    public record Adapter(String uri, String digest) {}
}
