package io.foothold.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Verdict;
import io.foothold.core.verdict.Verdict.Kind;
import io.foothold.verifier.answer.AnswerVerifier;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AnswerVerifierTest {
    private static Kind verdict(ProblemKind kind, String gold, String response) {
        return AnswerVerifier.verify(kind, gold, response).kind();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "1/2 | 0.5",
                "\\frac{1}{2} | \\dfrac12",
                "1000000 | 1,000,000",
                "50% | 0.5",
                "-3 | \u22123",
                "2^{10} | 1024",
                "1\\frac{1}{2} | 3/2",
                "(2+3)\\cdot 4 | 20",
                "x+1 | x + 1",
                "\\text{yes} | yes",
            })
    void equalValuesPass(String gold, String given) {
        assertThat(verdict(ProblemKind.MATH, gold, "thus \\boxed{" + given + "}."))
                .isEqualTo(Kind.PASS);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"1/2 | 0.51", "1000 | 1,00", "2 | -2", "x+1 | x-1", "1/3 | 0.333", "4 | 4.000001"})
    void differentValuesFail(String gold, String given) {
        assertThat(verdict(ProblemKind.MATH, gold, "\\boxed{" + given + "}")).isEqualTo(Kind.FAIL);
    }

    @Test
    void onlyTheLastCompleteBoxCounts() {
        assertThat(verdict(ProblemKind.MATH, "4", "\\boxed{5} no, \\boxed{4}")).isEqualTo(Kind.PASS);
        assertThat(verdict(ProblemKind.MATH, "4", "\\boxed{4} no, \\boxed{5}")).isEqualTo(Kind.FAIL);
        assertThat(verdict(ProblemKind.MATH, "4", "\\boxed{4} and \\boxed{5")).isEqualTo(Kind.PASS);
        assertThat(verdict(ProblemKind.MATH, "4", "the answer is 4")).isEqualTo(Kind.UNPARSEABLE);
    }

    @Test
    void otherKindsFollowTheirOwnRules() {
        assertThat(verdict(ProblemKind.CHOICE, "B", "I think the answer is (B)."))
                .isEqualTo(Kind.PASS);
        assertThat(verdict(ProblemKind.CHOICE, "A,C", "\\boxed{C, A}")).isEqualTo(Kind.PASS);
        assertThat(verdict(ProblemKind.CHOICE, "B", "\\boxed{A, B, C, D}")).isEqualTo(Kind.FAIL);
        assertThat(verdict(ProblemKind.TEXT, "Marie Curie", "It was her.\nAnswer: marie curie"))
                .isEqualTo(Kind.PASS);
        assertThat(verdict(ProblemKind.EXACT, "}<end>", "a}<end>")).isEqualTo(Kind.PASS);
        assertThat(verdict(ProblemKind.EXACT, "}<end>", "a}<end> ")).isEqualTo(Kind.FAIL);
        assertThat(verdict(ProblemKind.NUMERIC, "3", "\\boxed{three}")).isEqualTo(Kind.UNPARSEABLE);
    }

    @Test
    void aBrokenGoldIsOurFaultAndNotTheResponses() {
        assertThat(verdict(ProblemKind.MATH, " ", "\\boxed{1}")).isEqualTo(Kind.VERIFIER_ERROR);
        assertThat(verdict(ProblemKind.NUMERIC, "many", "\\boxed{1}")).isEqualTo(Kind.VERIFIER_ERROR);
    }

    @Test
    void noInputThrowsOrRunsAway() {
        SplittableRandom random = new SplittableRandom(17);
        String alphabet = "0123456789+-*/^(){}\\fracboxed.,% xy$";
        for (int i = 0; i < 20_000; i++) {
            StringBuilder text = new StringBuilder("\\boxed{");
            for (int n = random.nextInt(40); n > 0; n--) {
                text.append(alphabet.charAt(random.nextInt(alphabet.length())));
            }
            Verdict v = AnswerVerifier.verify(ProblemKind.MATH, "12", text + "}");
            assertThat(v.score()).isBetween(0.0, 1.0);
        }
        assertThat(verdict(ProblemKind.MATH, "1", "\\boxed{9^{9^{9^{9}}}}")).isEqualTo(Kind.FAIL);
        assertThat(verdict(ProblemKind.MATH, "1", "\\boxed{" + "(".repeat(100_000) + "}"))
                .isEqualTo(Kind.FAIL);
    }
}
