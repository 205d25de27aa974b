package io.foothold.verifier.math;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.obermuhlner.math.big.BigComplex;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Verdict;
import io.foothold.verifier.answer.AnswerVerifier;
import io.foothold.verifier.answer.Grading;
import java.math.BigDecimal;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A number that has grown no digits costs the same however often it has been computed with. */
class BigComplexesTest {
    private final BigComplexes numbers = new BigComplexes(new Budget());

    private static BigComplex real(String text) {
        return BigComplex.valueOf(new BigDecimal(text));
    }

    private static BigComplex plain(BigComplex z) {
        assertTrue(Math.abs(z.re.scale()) <= 700, () -> "scale of the real part " + z.re.scale());
        assertTrue(Math.abs(z.im.scale()) <= 700, () -> "scale of the imaginary part " + z.im.scale());
        return z;
    }

    @Test
    void zeroKeepsNoScaleThroughPowers() {
        BigComplex z = real("1E+129");
        for (int i = 0; i < 12; i++) {
            z = plain(numbers.power(z, real("0.7252")));
        }
    }

    @Test
    void zeroKeepsNoScaleThroughProductsAndFunctions() {
        BigComplex z = real("0E-64");
        for (int i = 0; i < 20; i++) {
            z = plain(numbers.multiply(z, real("0E-90")));
            z = plain(numbers.call("sin", List.of(z)));
            z = plain(numbers.divide(z, real("7")));
        }
        assertEquals(0, z.re.signum());
    }

    @Test
    void aPartThatVanishesBesideTheOtherIsZero() {
        BigComplex small = BigComplex.valueOf(BigDecimal.ZERO, new BigDecimal("1E-590"));
        assertEquals(small.im, numbers.add(real("3"), small).im);
        assertEquals(BigDecimal.ZERO, numbers.add(real("1E+300"), small).im);
    }

    @Test
    void numbersTooSmallOrTooLargeHaveNoValue() {
        assertThrows(Arithmetic.Undefined.class, () -> numbers.multiply(real("1E-400"), real("1E-400")));
        assertThrows(Arithmetic.Undefined.class, () -> numbers.divide(real("1E-400"), real("1E+400")));
        assertThrows(Arithmetic.Undefined.class, () -> numbers.multiply(real("1E+400"), real("1E+400")));
    }

    @Test
    void towersOfPowersAreJudged() {
        String tower = "9".repeat(128) + "1" + "^T".repeat(128);
        Verdict verdict = AnswerVerifier.verify(ProblemKind.MATH, "\\sin^2 x + \\cos^2 x", tower, Grading.EVALUATION);
        assertEquals(Verdict.Kind.FAIL, verdict.kind());
    }
}
