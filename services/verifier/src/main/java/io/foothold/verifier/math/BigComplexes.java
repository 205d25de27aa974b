package io.foothold.verifier.math;

import ch.obermuhlner.math.big.BigComplex;
import ch.obermuhlner.math.big.BigComplexMath;
import ch.obermuhlner.math.big.BigDecimalMath;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;
import org.apache.commons.numbers.fraction.BigFraction;

/** Complex numbers of {@value #DIGITS} digits: decides where double precision cannot. */
final class BigComplexes implements Arithmetic<BigComplex> {
    static final int DIGITS = 50;
    private static final int LARGEST_EXPONENT = 600;
    private static final MathContext CONTEXT = new MathContext(DIGITS + 10);
    private static final BigDecimal LARGEST_ARGUMENT = BigDecimal.valueOf(2_000);

    private final Budget budget;

    BigComplexes(Budget budget) {
        this.budget = budget;
    }

    /**
     * The number rounded to what this arithmetic carries. The time of every function of it grows with the exponents of the parts and
     * with the scale of a zero (0E-1000000 is one), so parts have at most {@value #LARGEST_EXPONENT} digits before or behind the
     * point, a part that vanishes beside the other is 0, and 0 is the one of scale 0.
     */
    private BigComplex checked(BigComplex z, int cost) {
        budget.spend(cost);
        BigDecimal re = plain(z.re.round(CONTEXT));
        BigDecimal im = plain(z.im.round(CONTEXT));
        if (re.signum() != 0 && im.signum() != 0) {
            int ahead = exponent(re) - exponent(im);
            if (Math.abs(ahead) > LARGEST_EXPONENT) {
                re = ahead > 0 ? re : BigDecimal.ZERO;
                im = ahead > 0 ? BigDecimal.ZERO : im;
            }
        }
        if (Math.abs(exponent(re)) > LARGEST_EXPONENT || Math.abs(exponent(im)) > LARGEST_EXPONENT) {
            throw new Undefined();
        }
        return BigComplex.valueOf(re, im);
    }

    private static BigDecimal plain(BigDecimal x) {
        return x.signum() == 0 ? BigDecimal.ZERO : x;
    }

    private static int exponent(BigDecimal x) {
        return x.precision() - x.scale();
    }

    static BigDecimal decimal(BigFraction x) {
        return new BigDecimal(x.getNumerator()).divide(new BigDecimal(x.getDenominator()), CONTEXT);
    }

    static BigDecimal magnitude(BigComplex z) {
        return z.abs(CONTEXT);
    }

    @Override
    public BigComplex number(BigFraction value) {
        return checked(
                BigComplex.valueOf(decimal(value)), 20 + value.getNumerator().bitLength() / 16);
    }

    @Override
    public BigComplex constant(Expr.Constant name) {
        budget.spend(50);
        return switch (name) {
            case PI -> BigComplex.valueOf(BigDecimalMath.pi(CONTEXT));
            case E -> BigComplex.valueOf(BigDecimalMath.e(CONTEXT));
            case I -> BigComplex.I;
            case INFINITY -> throw new Undefined();
        };
    }

    @Override
    public BigComplex add(BigComplex a, BigComplex b) {
        return checked(a.add(b, CONTEXT), 20);
    }

    @Override
    public BigComplex multiply(BigComplex a, BigComplex b) {
        return checked(a.multiply(b, CONTEXT), 80);
    }

    @Override
    public BigComplex divide(BigComplex a, BigComplex b) {
        if (zero(b)) {
            throw new Undefined();
        }
        return checked(a.divide(b, CONTEXT), 200);
    }

    private static boolean zero(BigComplex z) {
        return z.re.signum() == 0 && z.im.signum() == 0;
    }

    @Override
    public BigComplex power(BigComplex base, BigComplex exponent) {
        if (zero(base)) {
            if (exponent.re.signum() > 0) {
                return BigComplex.ZERO;
            }
            throw new Undefined();
        }
        if (exponent.im.signum() == 0 && isWhole(exponent.re)) {
            long n = exponent.re.longValueExact();
            bounded(BigComplexMath.log(base, CONTEXT).multiply(exponent, CONTEXT));
            return checked(BigComplexMath.pow(base, n, CONTEXT), 6_000);
        }
        if (base.im.signum() == 0 && exponent.im.signum() == 0 && base.re.signum() < 0) {
            BigDecimal degree = BigDecimal.ONE
                    .divide(exponent.re, new MathContext(DIGITS - 10))
                    .stripTrailingZeros();
            if (isWhole(degree) && degree.toBigInteger().testBit(0)) {
                return power(base.negate(), exponent).negate();
            }
        }
        BigComplex argument = bounded(BigComplexMath.log(base, CONTEXT).multiply(exponent, CONTEXT));
        return checked(BigComplexMath.exp(argument, CONTEXT), 12_000);
    }

    private static boolean isWhole(BigDecimal x) {
        return x.abs().compareTo(BigDecimal.valueOf(1_000_000)) < 0
                && x.remainder(BigDecimal.ONE).signum() == 0;
    }

    private BigComplex bounded(BigComplex z) {
        budget.spend(6_000);
        if (z.re.abs().compareTo(LARGEST_ARGUMENT) > 0 || z.im.abs().compareTo(LARGEST_ARGUMENT) > 0) {
            throw new Undefined();
        }
        return z;
    }

    @Override
    public BigComplex call(String function, List<BigComplex> a) {
        BigComplex x = bounded(a.get(0));
        return checked(
                switch (function) {
                    case "sin" -> BigComplexMath.sin(x, CONTEXT);
                    case "cos" -> BigComplexMath.cos(x, CONTEXT);
                    case "tan" -> divide(BigComplexMath.sin(x, CONTEXT), BigComplexMath.cos(x, CONTEXT));
                    case "cot" -> divide(BigComplexMath.cos(x, CONTEXT), BigComplexMath.sin(x, CONTEXT));
                    case "sec" -> divide(BigComplex.ONE, BigComplexMath.cos(x, CONTEXT));
                    case "csc" -> divide(BigComplex.ONE, BigComplexMath.sin(x, CONTEXT));
                    case "arcsin" -> BigComplexMath.asin(x, CONTEXT);
                    case "arccos" -> BigComplexMath.acos(x, CONTEXT);
                    case "arctan" -> BigComplexMath.atan(x, CONTEXT);
                    case "sinh" ->
                        half(BigComplexMath.exp(x, CONTEXT).subtract(BigComplexMath.exp(x.negate(), CONTEXT), CONTEXT));
                    case "cosh" ->
                        half(BigComplexMath.exp(x, CONTEXT).add(BigComplexMath.exp(x.negate(), CONTEXT), CONTEXT));
                    case "tanh" -> {
                        BigComplex up = BigComplexMath.exp(x, CONTEXT);
                        BigComplex down = BigComplexMath.exp(x.negate(), CONTEXT);
                        yield divide(up.subtract(down, CONTEXT), up.add(down, CONTEXT));
                    }
                    case "exp" -> BigComplexMath.exp(x, CONTEXT);
                    case "ln" -> {
                        if (zero(x)) {
                            throw new Undefined();
                        }
                        yield BigComplexMath.log(x, CONTEXT);
                    }
                    case "abs" -> BigComplex.valueOf(magnitude(x));
                    case "floor" -> BigComplex.valueOf(real(x).setScale(0, java.math.RoundingMode.FLOOR));
                    case "ceil" -> BigComplex.valueOf(real(x).setScale(0, java.math.RoundingMode.CEILING));
                    case "min" ->
                        BigComplex.valueOf(a.stream()
                                .map(BigComplexes::real)
                                .min(BigDecimal::compareTo)
                                .orElseThrow(Undefined::new));
                    case "max" ->
                        BigComplex.valueOf(a.stream()
                                .map(BigComplexes::real)
                                .max(BigDecimal::compareTo)
                                .orElseThrow(Undefined::new));
                    default -> throw new Undefined();
                },
                12_000);
    }

    private static BigComplex half(BigComplex z) {
        return z.multiply(BigComplex.valueOf(0.5), CONTEXT);
    }

    private static BigDecimal real(BigComplex z) {
        if (z.im.abs().compareTo(BigDecimal.ONE.movePointLeft(DIGITS - 10)) > 0) {
            throw new Undefined();
        }
        return z.re;
    }

    @Override
    public long whole(BigComplex value) {
        BigDecimal x = real(value);
        if (!isWhole(x)) {
            throw new Undefined();
        }
        return x.longValueExact();
    }
}
