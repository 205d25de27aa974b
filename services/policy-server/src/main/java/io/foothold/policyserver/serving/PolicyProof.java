package io.foothold.policyserver.serving;

import io.foothold.core.policy.Canary;
import java.util.Optional;

/**
 * How far the log-probs of a canary were from the learner's.
 *
 * @param version the policy version
 * @param cold with fresh caches
 * @param warm over caches that held keys already
 * @param toldApart whether they are clearly those of this version and not of the last one that was proved: false when the two differ
 *     by no more than rounding, so that the canary says nothing of which of them samples; empty where there is none to compare with
 */
public record PolicyProof(long version, Canary.Difference cold, Canary.Difference warm, Optional<Boolean> toldApart) {}
