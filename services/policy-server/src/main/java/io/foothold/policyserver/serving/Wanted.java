package io.foothold.policyserver.serving;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.triton.PolicyTensors;
import io.foothold.core.policy.PolicyVersion;
import java.util.Optional;

/**
 * Which policy may sample a request.
 *
 * @param minVersion refuse while the policy is older
 * @param exactly the policy that samples all of it, and no other; empty when any from the oldest version on may
 */
public record Wanted(long minVersion, Optional<PolicyVersion> exactly) {
    /** Any policy. */
    public static final Wanted ANY = new Wanted(0, Optional.empty());

    /** Why a policy may not sample it; empty when it may. Another one may come, so asking again can help. */
    Optional<FootholdException> refusal(long version, String digest) {
        if (exactly.isPresent()
                && (exactly.get().number() != version || !exactly.get().digest().equals(digest))) {
            return Optional.of(other(version, digest));
        }
        return version < minVersion
                ? Optional.of(new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE, "policy version " + version + " is older than " + minVersion))
                : Optional.empty();
    }

    /** What is said of a policy that is not the one wanted exactly. */
    FootholdException other(long version, String digest) {
        return new FootholdException(
                ErrorCode.PEER_UNAVAILABLE,
                "policy version " + version + " (" + digest + ") " + PolicyTensors.OTHER_POLICY + ", "
                        + exactly.map(PolicyVersion::toString).orElse("any"));
    }
}
