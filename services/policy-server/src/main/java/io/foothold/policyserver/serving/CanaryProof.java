package io.foothold.policyserver.serving;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.triton.PolicyTensors;
import io.foothold.core.policy.Canary;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.policy.StagedWeights;
import java.util.List;
import java.util.Optional;
import org.jboss.logging.Logger;

/** Proves by canaries that weights compute what the learner computes with them. Owned by the engine's thread. */
final class CanaryProof {
    private static final Logger LOG = Logger.getLogger(CanaryProof.class);

    private final Canary.Bound bound;
    private Optional<Served> lastProved = Optional.empty();

    /** A policy that was proved, and how. */
    private record Served(PolicyVersion policy, Canary canary) {}

    /**
     * Nothing is proved yet.
     *
     * @param bound how far log-probs may be from the learner's
     */
    CanaryProof(Canary.Bound bound) {
        this.bound = bound;
    }

    /** This policy serves from here on; what proved it, if anything. */
    void serves(PolicyVersion policy, Optional<Canary> canary) {
        lastProved = canary.map(c -> new Served(policy, c));
    }

    /**
     * How well a policy is proved.
     *
     * @param scored what its weights make of the canary
     * @param serving the version that goes on where they are refused
     * @throws FootholdException when they do not compute what they should
     */
    PolicyProof of(PolicyVersion policy, Canary canary, StagedWeights.ColdAndWarm scored, long serving) {
        Canary.Difference cold = within(policy, "cold", canary.difference(scored.cold()), serving);
        Canary.Difference warm = within(policy, "warm", canary.difference(scored.warm()), serving);
        Optional<Boolean> toldApart = lastProved
                .filter(last -> !last.policy().digest().equals(policy.digest())
                        && last.canary().comparesWith(canary))
                .map(last -> toldApart(policy, canary, last, scored));
        return new PolicyProof(policy.number(), cold, warm, toldApart);
    }

    /** Small steps stay within any bound: what the last version was proved with tells whether that one is still there. */
    private boolean toldApart(PolicyVersion policy, Canary canary, Served last, StagedWeights.ColdAndWarm scored) {
        refuseOld(policy, "cold", scored.cold(), canary, last);
        refuseOld(policy, "warm", scored.warm(), canary, last);
        boolean apart =
                canary.isClearly(scored.cold(), last.canary()) && canary.isClearly(scored.warm(), last.canary());
        if (!apart) {
            LOG.infof(
                    "policy versions %s and %s are not told apart by the canary: they differ by no more than rounding",
                    last.policy(), policy);
        }
        return apart;
    }

    private static void refuseOld(
            PolicyVersion policy, String caches, List<Canary.Scored> scored, Canary canary, Served last) {
        if (last.canary().isClearly(scored, canary)) {
            throw new FootholdException(
                    ErrorCode.INTERNAL,
                    PolicyTensors.CANARY_REFUSED + " version " + policy + " is not what computes: with " + caches
                            + " caches log-probs are those of version " + last.policy() + ", which goes on");
        }
    }

    private Canary.Difference within(PolicyVersion policy, String caches, Canary.Difference found, long serving) {
        if (!bound.holds(found)) {
            throw new FootholdException(
                    ErrorCode.INTERNAL,
                    PolicyTensors.CANARY_REFUSED + " version " + policy
                            + " is not computed as the learner computes it: with "
                            + caches + " caches log-probs differ by " + found.mean() + " nats in the mean and "
                            + found.max() + " at most (bound " + bound.mean() + ", " + bound.max()
                            + "); version " + serving + " goes on");
        }
        return found;
    }
}
