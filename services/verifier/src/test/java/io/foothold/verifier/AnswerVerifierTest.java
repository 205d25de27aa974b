package io.foothold.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Verdict;
import io.foothold.core.verdict.Verdict.Kind;
import io.foothold.verifier.answer.AnswerVerifier;
import io.foothold.verifier.answer.Grading;
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
                "3\\frac{-1}{2} | -3/2",
                "(2+3)\\cdot 4 | 20",
                "x+1 | x + 1",
                "\\text{yes} | yes",
                "\\text{(B)} | B",
                "\\textbf{(C)}\\ 12 | C",
                "\\textbf{(C)}\\ 12 | 12",
                "12 | \\text{(C) } 12",
                "-2 < x < 2 | '|x|<2'",
                "\\emptyset | \\varnothing",
                "\\mathbb{R} | (-\\infty, \\infty)",
                "(0,1)\\cup(1,2) | (0,2)\\setminus\\{1\\}",
                "x \\neq 0 | \\mathbb{R}\\setminus\\{0\\}",
                "k\\pi, k\\in\\mathbb{Z} | k\\pi",
                "(2,-3) | \\langle 2,-3\\rangle",
                "5\\text{ kg} | 5000 g",
                "12\\text{ m/s} | 43.2 km/h",
                "1200000 | 1.2\\text{ million}",
                "11 | \\text{eleven}",
                "\\overline{AB} | AB",
                "\\triangle ABC | ABC",
            })
    void equalValuesPass(String gold, String given) {
        assertThat(verdict(ProblemKind.MATH, gold, "thus \\boxed{" + given + "}."))
                .isEqualTo(Kind.PASS);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "5 | 3\\frac{-1}0",
                "1/2 | 0.51",
                "1000 | 1,00",
                "2 | -2",
                "x+1 | x-1",
                "1/3 | 0.333",
                "4 | 4.000001",
                "\\textbf{(C)}\\ 12 | D",
                "\\textbf{(C)}\\ 12 | \\textbf{(D)}\\ 12",
                "12 | (C) 13",
                "-2 < x < 2 | '|x| \\le 2'",
                "\\emptyset | \\{0\\}",
                "\\mathbb{R} | [0, \\infty)",
                "(0,1)\\cup(1,2) | (0,3)\\setminus\\{1\\}",
                "\\frac{\\pi}{4}+k\\pi, k\\in\\mathbb{Z} | \\frac{\\pi}{4}+2k\\pi",
                "5\\text{ m} | 5 g",
                "7 | eight",
            })
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
        assertThat(verdict(ProblemKind.NUMERIC, "3", "\\boxed{a few}")).isEqualTo(Kind.UNPARSEABLE);
    }

    @Test
    void aBrokenGoldIsOurFaultAndNotTheResponses() {
        assertThat(verdict(ProblemKind.MATH, " ", "\\boxed{1}")).isEqualTo(Kind.VERIFIER_ERROR);
        assertThat(verdict(ProblemKind.NUMERIC, "many", "\\boxed{1}")).isEqualTo(Kind.VERIFIER_ERROR);
    }

    @Test
    void looserFormsCountInEvaluationOnly() {
        for (String response : new String[] {
            "The answer is 4 because 2 + 2 = 4.",
            "<think>\\boxed{5}</think> So it is $2^2$",
            "#### 4",
            "x = 4",
            "2 + 2",
            "Therefore there are 4 of them.",
            "<answer>4</answer>"
        }) {
            assertThat(AnswerVerifier.verify(ProblemKind.MATH, "4", response, Grading.EVALUATION)
                            .kind())
                    .as(response)
                    .isEqualTo(Kind.PASS);
            assertThat(AnswerVerifier.verify(ProblemKind.MATH, "4", response, Grading.TRAINING)
                            .kind())
                    .as(response)
                    .isEqualTo(Kind.UNPARSEABLE);
        }
    }

    /** Ways to be right without knowing. */
    @Test
    void hedgesListsAndCodeAreNoAnswers() {
        for (String response : new String[] {
            "\\boxed{3 \\text{ or } 4}",
            "\\boxed{3, 4, 5}",
            "\\boxed{4} or \\boxed{5}",
            "<think>The answer is 4",
            "__import__('os').system('echo 4')",
            "The answer is not 4.",
            "\\boxed{}",
            "\\boxed{x = 3 = 4}"
        }) {
            assertThat(AnswerVerifier.verify(ProblemKind.MATH, "4", response, Grading.EVALUATION)
                            .kind())
                    .as(response)
                    .isNotEqualTo(Kind.PASS);
        }
        assertThat(verdict(ProblemKind.CHOICE, "B", "A B C D")).isNotEqualTo(Kind.PASS);
        assertThat(verdict(ProblemKind.CHOICE, "B", "Answer: A, B, C, D")).isEqualTo(Kind.FAIL);
        assertThat(verdict(ProblemKind.CHOICE, "B", "Answer: None of the above"))
                .isEqualTo(Kind.UNPARSEABLE);
    }

    @Test
    void aCountdownUsesEveryNumberOnceAndReachesTheTarget() {
        String puzzle = "{\"numbers\": [4, 5, 7, 8], \"target\": 24}";
        assertThat(verdict(ProblemKind.COUNTDOWN, puzzle, "<answer>(4 + 8) * (7 - 5)</answer>"))
                .isEqualTo(Kind.PASS);
        assertThat(verdict(ProblemKind.COUNTDOWN, puzzle, "\\boxed{4 + 5 + 7 + 8 = 24}"))
                .isEqualTo(Kind.PASS);
        assertThat(verdict(ProblemKind.COUNTDOWN, puzzle, "\\boxed{\\left(4 + 8\\right) \\cdot (7 \u2212 5)}"))
                .isEqualTo(Kind.PASS);
        assertThat(verdict(ProblemKind.COUNTDOWN, puzzle, "<answer>24 = 4 + 5 + 7 + 8</answer>"))
                .isEqualTo(Kind.PASS);
        assertThat(verdict(ProblemKind.COUNTDOWN, puzzle, "4 * 7 - 5")).isEqualTo(Kind.FAIL);
        assertThat(verdict(ProblemKind.COUNTDOWN, puzzle, "4 * 5 * 7 * 8")).isEqualTo(Kind.FAIL);
        assertThat(verdict(ProblemKind.COUNTDOWN, puzzle, "twenty-four")).isEqualTo(Kind.UNPARSEABLE);
        assertThat(verdict(ProblemKind.COUNTDOWN, "{}", "1")).isEqualTo(Kind.VERIFIER_ERROR);
    }

    private static final String[] PIECES = {
        "\\frac{",
        "}",
        "{",
        "(",
        ")",
        "[",
        "]",
        "\\sqrt",
        "^",
        "_",
        "!",
        "\\boxed{",
        "$",
        "\\(",
        "\\[",
        "\\]",
        "9",
        "999999999",
        "e",
        "i",
        "x",
        "\\pi",
        ".",
        ",",
        "-",
        "+",
        "/",
        "*",
        "\\cdot ",
        "\\sin ",
        "\\ln",
        "\\sum_{k=1}^{",
        "\\binom{",
        "%",
        "\\text{",
        " cm",
        " and ",
        "\\pm ",
        "\\cup ",
        "=",
        "<",
        "\\le ",
        "\\infty",
        "|",
        "\\begin{pmatrix}",
        "\\end{pmatrix}",
        "\\\\",
        "&",
        ":",
        "the answer is ",
        "\u00bd",
        "C_n^3",
        "**",
        "e9999",
        "\\overline{3}",
        "\\bmod ",
        "lg ",
        "f(",
        "'",
        "\\lfloor",
        "\\rfloor",
        "A",
        "B, C"
    };

    @Test
    void noInputThrowsAndTheSameInputGivesTheSameVerdict() {
        SplittableRandom random = new SplittableRandom(17);
        for (int i = 0; i < 20_000; i++) {
            StringBuilder text = new StringBuilder(random.nextBoolean() ? "\\boxed{" : "");
            for (int n = random.nextInt(14); n > 0; n--) {
                String piece = PIECES[random.nextInt(PIECES.length)];
                text.append(random.nextInt(200) == 0 ? piece.repeat(2_000) : piece);
            }
            String response = text + (random.nextBoolean() ? "}" : "");
            ProblemKind kind = ProblemKind.values()[random.nextInt(ProblemKind.values().length)];
            Grading grading = random.nextBoolean() ? Grading.EVALUATION : Grading.TRAINING;
            Verdict v = AnswerVerifier.verify(kind, "12", response, grading);
            assertThat(v.score()).isBetween(0.0, 1.0);
            if (i % 10 == 0) {
                assertThat(AnswerVerifier.verify(kind, "12", response, grading)).isEqualTo(v);
                if (!response.isBlank()) {
                    assertThat(AnswerVerifier.compare(response, response, Grading.EVALUATION)
                                    .kind())
                            .isNotEqualTo(Kind.VERIFIER_ERROR);
                }
            }
        }
        for (String chain : new String[] {"%", "!", "/2", "^2", "*x", "-(", "+1", "\\sin ", "f("}) {
            AnswerVerifier.compare("1" + chain.repeat(2_000), "2" + chain.repeat(2_000), Grading.EVALUATION);
        }
        assertThat(verdict(ProblemKind.MATH, "1", "\\boxed{9^{9^{9^{9}}}}")).isEqualTo(Kind.FAIL);
        assertThat(verdict(ProblemKind.MATH, "1", "\\boxed{" + "(".repeat(100_000) + "}"))
                .isEqualTo(Kind.FAIL);
    }

    /** A megabyte of each piece: nothing may grow with the square of it. */
    @Test
    void longTextsEnd() {
        for (String piece : PIECES) {
            String text = piece.repeat((1 << 20) / piece.length());
            for (ProblemKind kind : ProblemKind.values()) {
                assertThat(AnswerVerifier.verify(kind, "12", text, Grading.EVALUATION)
                                .kind())
                        .isNotNull();
            }
        }
    }

    /** Plain digits and quantities have ways of their own; too many of them are no number there either. */
    @Test
    void tooManyDigitsAreNoNumber() {
        String digits = "7".repeat(1_500);
        for (String answer : new String[] {digits, digits + " g", "1." + digits, "-" + digits, digits + " km/h"}) {
            assertThat(verdict(ProblemKind.MATH, "5", "\\boxed{" + answer + "}"))
                    .isEqualTo(Kind.FAIL);
        }
    }

    @Test
    void whatCostsTooMuchIsCutByCountingAndSaysSo() {
        String heavy = "\\sum_{k=1}^{2000} \\sin(k)^{\\cos(k)}".repeat(12).replace(")}\\sum", ")}+\\sum");
        Verdict v = AnswerVerifier.compare("\\pi", heavy, Grading.EVALUATION);
        assertThat(v.kind()).isIn(Kind.UNPARSEABLE, Kind.FAIL);
        assertThat(AnswerVerifier.compare("\\pi", heavy, Grading.EVALUATION)).isEqualTo(v);
    }
}
