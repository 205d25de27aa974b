package io.foothold.verifier.math;

import ch.obermuhlner.math.big.BigComplex;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.apache.commons.numbers.complex.Complex;
import org.apache.commons.numbers.fraction.BigFraction;

/**
 * Equality of expressions. Rational functions are compared exactly, at random rational points (two different ones agree at none
 * of them with any noticeable probability); everything else in double precision, and where that cannot tell, with
 * {@value BigComplexes#DIGITS} digits. Points are seeded: the same input gives the same answer everywhere.
 */
final class Sameness {
    private static final int EXACT_POINTS = 4;
    private static final int POSITIVE_POINTS = 6;
    private static final int OTHER_POINTS = 6;
    private static final int FEWEST_AGREEMENTS = 3;
    private static final double CLEARLY_DIFFERENT = 1e-6;
    private static final double CLEARLY_EQUAL = 1e-11;
    private static final int CONFIRMED_POINTS = 1;
    private static final BigDecimal EQUAL = BigDecimal.ONE.movePointLeft(BigComplexes.DIGITS - 15);

    private final Budget budget;

    Sameness(Budget budget) {
        this.budget = budget;
    }

    /** The exact value of an expression without variables, if it is rational and its parts are. */
    Optional<BigFraction> exact(Expr x) {
        return exactAt(x, Map.of());
    }

    private Optional<BigFraction> exactAt(Expr x, Map<String, BigFraction> point) {
        try {
            return Optional.of(new Evaluator<>(new Rationals(budget), budget, point).value(x));
        } catch (Arithmetic.Undefined | ArithmeticException e) {
            return Optional.empty();
        }
    }

    /** A decimal of the value of an expression without variables, if it is real. */
    Optional<BigDecimal> decimal(Expr x) {
        Optional<BigFraction> exact = exact(x);
        if (exact.isPresent()) {
            return Optional.of(BigComplexes.decimal(exact.get()));
        }
        try {
            BigComplex z = new Evaluator<>(new BigComplexes(budget), budget, Map.of()).value(x);
            return z.im.abs().compareTo(EQUAL) < 0 ? Optional.of(z.re) : Optional.empty();
        } catch (Arithmetic.Undefined | ArithmeticException e) {
            return Optional.empty();
        }
    }

    /** Whether two expressions have the same value wherever both have one. */
    boolean same(Expr a, Expr b) {
        if (Expr.infinity(a) != 0 || Expr.infinity(b) != 0) {
            return Expr.infinity(a) == Expr.infinity(b);
        }
        if (a.equals(b)) {
            return true;
        }
        TreeSet<String> variables = new TreeSet<>();
        Expr.variables(a, variables);
        Expr.variables(b, variables);
        if (variables.isEmpty()) {
            Optional<BigFraction> x = exact(a);
            Optional<BigFraction> y = exact(b);
            return (x.isPresent() && y.isPresent())
                    ? x.get().equals(y.get())
                    : sameAt(a, b, Map.of(), false, true) == Agreement.YES;
        }
        boolean whole = Expr.needsWholeNumbers(a) || Expr.needsWholeNumbers(b);
        SplittableRandom random = new SplittableRandom(20260119);
        if (!whole) {
            Optional<Boolean> exactly = exactly(a, b, variables, random);
            if (exactly.isPresent()) {
                return exactly.get();
            }
        }
        int agreed = 0;
        for (int i = 0; i < POSITIVE_POINTS + OTHER_POINTS; i++) {
            boolean positive = i < POSITIVE_POINTS;
            Map<String, BigFraction> point = point(variables, random, positive, whole);
            switch (sameAt(a, b, point, !positive, agreed < CONFIRMED_POINTS)) {
                case NO -> {
                    return false;
                }
                case YES -> agreed++;
                case UNDEFINED -> {}
            }
        }
        return agreed >= FEWEST_AGREEMENTS;
    }

    private static Map<String, BigFraction> point(
            Set<String> variables, SplittableRandom random, boolean positive, boolean whole) {
        Map<String, BigFraction> point = new HashMap<>();
        for (String v : variables) {
            if (whole) {
                point.put(v, BigFraction.of(random.nextInt(2, positive ? 9 : 14)));
            } else {
                BigFraction x = BigFraction.of(random.nextInt(20, 400), 131);
                point.put(v, positive || random.nextBoolean() ? x : x.negate());
            }
        }
        return point;
    }

    /** The answer of exact arithmetic, where both sides have values at every point. */
    private Optional<Boolean> exactly(Expr a, Expr b, Set<String> variables, SplittableRandom random) {
        for (int i = 0; i < EXACT_POINTS; i++) {
            Map<String, BigFraction> point = new HashMap<>();
            variables.forEach(v -> point.put(v, BigFraction.of(random.nextInt(-40_000, 40_000) * 2 + 1, 9_973)));
            Optional<BigFraction> x = exactAt(a, point);
            Optional<BigFraction> y = exactAt(b, point);
            if (x.isEmpty() || y.isEmpty()) {
                return Optional.empty();
            }
            if (!x.get().equals(y.get())) {
                return Optional.of(false);
            }
        }
        return Optional.of(true);
    }

    private enum Agreement {
        YES,
        NO,
        UNDEFINED
    }

    /**
     * @param realOnly whether a value that is not real counts as undefined: behind a branch cut an identity that is meant for
     *     real numbers may fail
     * @param confirmed whether an agreement in double precision is not enough
     */
    private Agreement sameAt(Expr a, Expr b, Map<String, BigFraction> point, boolean realOnly, boolean confirmed) {
        try {
            Complex x = new Evaluator<>(new Complexes(budget), budget, point).value(a);
            Complex y = new Evaluator<>(new Complexes(budget), budget, point).value(b);
            if (realOnly && !(real(x) && real(y))) {
                return Agreement.UNDEFINED;
            }
            double size = Math.max(x.abs(), y.abs());
            double apart = x.subtract(y).abs();
            if (size > 1e-9 && size < 1e200 && apart > CLEARLY_DIFFERENT * size && apart > 1e-9) {
                return Agreement.NO;
            }
            if (!confirmed && size > 1e-9 && apart < CLEARLY_EQUAL * size) {
                return Agreement.YES;
            }
        } catch (Arithmetic.Undefined e) {
            // Too large or too small for double precision, or without a value: more digits decide.
        }
        try {
            BigComplex x = new Evaluator<>(new BigComplexes(budget), budget, point).value(a);
            BigComplex y = new Evaluator<>(new BigComplexes(budget), budget, point).value(b);
            BigDecimal apart = BigComplexes.magnitude(x.subtract(y));
            BigDecimal scale = BigComplexes.magnitude(x).max(BigComplexes.magnitude(y));
            // What cancels to nothing leaves the rounding of numbers about 1.
            boolean equal = apart.compareTo(scale.multiply(EQUAL)) <= 0 || scale.compareTo(EQUAL) < 0;
            return equal ? Agreement.YES : Agreement.NO;
        } catch (Arithmetic.Undefined | ArithmeticException e) {
            return Agreement.UNDEFINED;
        }
    }

    private static boolean real(Complex z) {
        return Math.abs(z.getImaginary()) <= 1e-9 * Math.max(1e-3, z.abs());
    }

    /**
     * Whether a = c · b for one constant c, and its sign: 0 when there is none. Relations that say the same differ by a factor.
     */
    int factor(Expr a, Expr b) {
        TreeSet<String> variables = new TreeSet<>();
        Expr.variables(a, variables);
        TreeSet<String> others = new TreeSet<>();
        Expr.variables(b, others);
        if (!variables.equals(others) || variables.isEmpty()) {
            return 0;
        }
        SplittableRandom random = new SplittableRandom(7);
        List<Complex> ratios = new ArrayList<>();
        for (int i = 0; i < 12 && ratios.size() < 5; i++) {
            try {
                Map<String, BigFraction> point = point(variables, random, i % 2 == 0, false);
                Complex x = new Evaluator<>(new Complexes(budget), budget, point).value(a);
                Complex y = new Evaluator<>(new Complexes(budget), budget, point).value(b);
                if (x.abs() > 1e-9 && y.abs() > 1e-9) {
                    ratios.add(x.divide(y));
                }
            } catch (Arithmetic.Undefined e) {
                // Another point.
            }
        }
        if (ratios.size() < 3) {
            return 0;
        }
        Complex first = ratios.get(0);
        boolean constant = ratios.stream().allMatch(r -> r.subtract(first).abs() < 1e-9 * first.abs());
        return constant && real(first) ? (int) Math.signum(first.getReal()) : 0;
    }
}
