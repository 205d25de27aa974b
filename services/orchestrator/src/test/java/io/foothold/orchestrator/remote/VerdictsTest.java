package io.foothold.orchestrator.remote;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.v1.Verdict;
import io.foothold.v1.VerdictKind;
import org.junit.jupiter.api.Test;

/** Verdicts of services that break the contract. */
class VerdictsTest {
    private static Verdict verdict(VerdictKind kind, double score) {
        return Verdict.newBuilder().setKind(kind).setScore(score).build();
    }

    @Test
    void aNumberThatIsNoScoreIsAnErrorOfItsVerifier() {
        for (double score : new double[] {
            Double.NaN, 1.5, -1, -Double.MIN_VALUE, Math.nextUp(1.0), Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY
        }) {
            for (VerdictKind kind :
                    new VerdictKind[] {VerdictKind.VERDICT_KIND_PASS, VerdictKind.VERDICT_KIND_ABSTAIN}) {
                Verdict checked = Verdicts.checked("verifier at h:1", verdict(kind, score));
                assertThat(checked.getKind()).isEqualTo(VerdictKind.VERDICT_KIND_VERIFIER_ERROR);
                assertThat(checked.getScore()).isZero();
                assertThat(checked.getRule())
                        .isEqualTo("verifier at h:1 sent the score " + score + " (expected a number from 0 to 1)");
            }
        }
    }

    @Test
    void aVerdictWithoutAKindOrOfAnUnknownOneIsAnErrorOfItsVerifier() {
        assertThat(Verdicts.checked("v", Verdict.newBuilder().setScore(1).build()))
                .satisfies(v -> assertThat(v.getKind()).isEqualTo(VerdictKind.VERDICT_KIND_VERIFIER_ERROR))
                .satisfies(v -> assertThat(v.getRule()).isEqualTo("v sent a verdict without a kind"));
        assertThat(Verdicts.checked("v", Verdict.newBuilder().setKindValue(77).build()))
                .satisfies(v -> assertThat(v.getKind()).isEqualTo(VerdictKind.VERDICT_KIND_VERIFIER_ERROR))
                .satisfies(v -> assertThat(v.getRule()).isEqualTo("v sent a verdict of the unknown kind 77"));
    }

    @Test
    void whatKeepsTheContractIsUsedAsItIs() {
        for (double score : new double[] {0, -0.0, 0.25, 1}) {
            Verdict sent = verdict(VerdictKind.VERDICT_KIND_FAIL, score);
            assertThat(Verdicts.checked("v", sent)).isSameAs(sent);
        }
    }
}
