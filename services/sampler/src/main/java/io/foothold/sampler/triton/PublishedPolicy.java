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
 */
public record PublishedPolicy(PolicyVersion policy, String uri, Optional<Canary> canary) {}
