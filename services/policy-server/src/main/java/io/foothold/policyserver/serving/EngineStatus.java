package io.foothold.policyserver.serving;

import io.foothold.core.policy.PolicyVersion;
import java.util.Optional;

/**
 * What the host says of itself.
 *
 * @param version policy version that samples
 * @param digest digest of its artefact, empty for a version that came without one
 * @param paused whether decoding is held
 * @param running sequences in slots
 * @param waiting sequences without a slot
 * @param slots number of slots
 * @param maxLength longest sequence
 * @param tokens tokens sampled since the start
 * @param rowSteps decode steps of slots that held a live sequence
 * @param slotSteps decode steps that were available
 * @param lastPauseMicros how long the last weight change held decoding
 * @param lastError the last failure of the engine, or empty; never what a caller did wrong
 * @param proof how well the version was proved; empty when it came without a canary
 */
public record EngineStatus(
        long version,
        String digest,
        boolean paused,
        int running,
        int waiting,
        int slots,
        int maxLength,
        long tokens,
        long rowSteps,
        long slotSteps,
        long lastPauseMicros,
        String lastError,
        Optional<PolicyProof> proof) {
    /** Whether it is this policy that samples. */
    boolean serves(PolicyVersion policy) {
        return version == policy.number() && digest.equals(policy.digest());
    }
}
