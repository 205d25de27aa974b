package io.foothold.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Verdict;
import io.foothold.core.verdict.Verdict.Kind;
import io.foothold.verifier.answer.AnswerVerifier;
import io.foothold.verifier.answer.Grading;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a widely used grader got wrong, and the regressions its authors mended: each comes out as mathematics has it. */
class KnownFailuresTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\\frac{1}{2004!} | \\frac{1}{2006!}",
                "\\frac{1}{2^{99}} | \\frac{1}{2^{98}}",
                "\\frac{2^{2005}+1}{3\\cdot 2^{2006}} | \\frac{1}{3\\cdot 2^{2006}}",
                "1, 2, \\ldots, n | 1, 3, 5, \\ldots, 2n-1",
                "1:2:3:\\ldots | 1:4:9:\\ldots",
                "3*x-1*y+13=0 | 3x + 4y + 14=0",
                "f(x) = 0 | \\forall x>0, f(x) = 0",
                "4 | 4\\sqrt(2)",
                "0.0000001 | 0.0000002",
                "1 | 1.0000001",
                "\\{1,2\\} | (1,2)",
                "5 | x = 4 = 5",
                "12\\text{ cm} | 12\\text{ m}",
                "2\\pi | 6.283185",
                "1-\\frac{1}{\\mathrm{x}} | -1+\\frac{1}{\\mathrm{x}}",
                "5 | 4 \\text{ or } 5",
                "7 | 7\\%",
                "0 | 10^{-10}",
                "12345678901 | 12345678902",
                "\\frac{x^2}{4}+\\frac{y^2}{9}=1 | \\frac{x^2}{4}+\\frac{y^2}{9}=2",
                "10 | 10.05",
                "x | \\sqrt{x^2}",
                "1 | 2^{2^{2^{49}}}",
            })
    void whatDiffersFails(String gold, String answer) {
        assertThat(AnswerVerifier.compare(gold, answer, Grading.EVALUATION).kind())
                .isNotEqualTo(Kind.PASS);
        assertThat(boxed(gold, answer).kind()).isNotEqualTo(Kind.PASS);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\\sqrt{1/n} | \\frac{1}{\\sqrt{n}}",
                "(0, 12.5) | 0 < x < 12.5",
                "(-\\infty, 3) | x<3",
                "x<3 | (-\\infty, 3)",
                "e^{16} - 1 | -1 + exp(16)",
                "\\dfrac{\\pi}{2} | pi/2",
                "14 - i | 14.0 + -1.0i",
                "-2\\pi | -2*pi",
                "$1 - \\sqrt{2}$ | 1 - \\sqrt{2}",
                "$\\sqrt{17}$ | \\sqrt{17}",
                "\\dfrac{9}{7} | \\dfrac{9}{7}",
                "C_n^3 | \\frac{n(n-1)(n-2)}{6}",
                "45^\\circ | \\frac{\\pi}{4}",
                "\\frac{\\sqrt 2}{2} | \\sin 45^\\circ",
                "98\\,765 | 98765",
                "-5 | \u22125",
                "0.5 | \u00bd",
                "3 1/4 | 3.25",
                "4.629629629630 \\times 10^{-3} | \\frac{1}{216}",
                "1+2i | i(2-i)",
                "i^2 | -1",
                "e^{i\\pi} | -1",
                "0.\\overline{3} | \\frac13",
                "\\sin(90^{\\circ}-x) | \\cos(x)",
                "1200\\text{ cm} | 12\\text{ m}",
                "13 | \\text{13}",
                "y = 2x + 1 | 2x - y + 1 = 0",
            })
    void whatIsEqualPasses(String gold, String answer) {
        assertThat(AnswerVerifier.compare(gold, answer, Grading.EVALUATION).kind())
                .isEqualTo(Kind.PASS);
        assertThat(boxed(gold, answer).kind()).isEqualTo(Kind.PASS);
    }

    private static Verdict boxed(String gold, String answer) {
        return AnswerVerifier.verify(ProblemKind.MATH, gold, "so \\boxed{" + answer + "}.");
    }
}
