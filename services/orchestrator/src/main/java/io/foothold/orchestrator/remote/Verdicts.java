package io.foothold.orchestrator.remote;

import io.foothold.v1.Verdict;
import io.foothold.v1.VerdictKind;

/** The one place at which verdicts of other services are looked at before anything is made of them. */
final class Verdicts {
    private Verdicts() {}

    /**
     * A verdict as it may be used: one that breaks the contract is an error of its verifier.
     *
     * @param verifier name and address, for the reason
     */
    static Verdict checked(String verifier, Verdict verdict) {
        double score = verdict.getScore();
        return switch (verdict.getKind()) {
            case VERDICT_KIND_UNSPECIFIED -> error(verifier + " sent a verdict without a kind");
            case UNRECOGNIZED -> error(verifier + " sent a verdict of the unknown kind " + verdict.getKindValue());
            case VERDICT_KIND_PASS,
                    VERDICT_KIND_FAIL,
                    VERDICT_KIND_UNPARSEABLE,
                    VERDICT_KIND_TIMEOUT,
                    VERDICT_KIND_VERIFIER_ERROR,
                    VERDICT_KIND_ABSTAIN ->
                // Written so that NaN fails it.
                score >= 0 && score <= 1
                        ? verdict
                        : error(verifier + " sent the score " + score + " (expected a number from 0 to 1)");
        };
    }

    /** No verdict came in time: we were late, the rollout is judged neither way. */
    static Verdict late(String why) {
        return Verdict.newBuilder()
                .setKind(VerdictKind.VERDICT_KIND_TIMEOUT)
                .setRule(why)
                .build();
    }

    private static Verdict error(String why) {
        return Verdict.newBuilder()
                .setKind(VerdictKind.VERDICT_KIND_VERIFIER_ERROR)
                .setRule(why)
                .build();
    }
}
