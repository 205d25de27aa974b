package io.foothold.verifier.math;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.numbers.fraction.BigFraction;

/** Exact arithmetic with rational numbers of limited length. */
final class Rationals implements Arithmetic<BigFraction> {
    private static final long MOST_BITS = 1 << 17;
    private static final int LARGEST_FACTORIAL = 5_000;

    private final Budget budget;

    Rationals(Budget budget) {
        this.budget = budget;
    }

    private static long bits(BigFraction x) {
        return x.getNumerator().bitLength() + (long) x.getDenominator().bitLength();
    }

    private BigFraction checked(BigFraction x) {
        long bits = bits(x);
        if (bits > MOST_BITS) {
            throw new Undefined();
        }
        // What is left is the cost of reducing the fraction, which grows with the square of its length.
        budget.spend(1 + bits / 32 + (bits / 64) * (bits / 64) / 8);
        return x;
    }

    @Override
    public BigFraction number(BigFraction value) {
        return checked(value);
    }

    @Override
    public BigFraction constant(Expr.Constant name) {
        throw new Undefined();
    }

    @Override
    public BigFraction add(BigFraction a, BigFraction b) {
        return checked(a.add(b));
    }

    @Override
    public BigFraction multiply(BigFraction a, BigFraction b) {
        return checked(a.multiply(b));
    }

    @Override
    public BigFraction divide(BigFraction a, BigFraction b) {
        if (b.signum() == 0) {
            throw new Undefined();
        }
        return checked(a.divide(b));
    }

    @Override
    public BigFraction power(BigFraction base, BigFraction exponent) {
        if (base.equals(BigFraction.ONE) || exponent.signum() == 0) {
            return BigFraction.ONE;
        }
        if (base.signum() == 0) {
            if (exponent.signum() < 0) {
                throw new Undefined();
            }
            return BigFraction.ZERO;
        }
        BigFraction x = base;
        if (!exponent.getDenominator().equals(BigInteger.ONE)) {
            if (base.signum() < 0 || exponent.getDenominator().bitLength() > 6) {
                throw new Undefined();
            }
            int degree = exponent.getDenominator().intValue();
            x = BigFraction.of(root(base.getNumerator(), degree), root(base.getDenominator(), degree));
        }
        if (exponent.getNumerator().bitLength() > 31
                || Math.max(1, bits(x) - 1) * Math.abs(exponent.getNumerator().longValue()) > MOST_BITS) {
            throw new Undefined();
        }
        budget.spend(bits(x) * Math.abs(exponent.getNumerator().longValue()) / 32);
        return checked(x.pow(exponent.getNumerator().intValue()));
    }

    /** The exact root of a positive number. */
    private BigInteger root(BigInteger x, int degree) {
        if (x.bitLength() > 4096) {
            throw new Undefined();
        }
        BigInteger low = BigInteger.ZERO;
        BigInteger high = BigInteger.ONE.shiftLeft(x.bitLength() / degree + 1);
        while (low.compareTo(high) < 0) {
            budget.spend(1 + x.bitLength() / 16);
            BigInteger mid = low.add(high).add(BigInteger.ONE).shiftRight(1);
            if (mid.pow(degree).compareTo(x) <= 0) {
                low = mid;
            } else {
                high = mid.subtract(BigInteger.ONE);
            }
        }
        if (!low.pow(degree).equals(x)) {
            throw new Undefined();
        }
        return low;
    }

    @Override
    public BigFraction call(String function, List<BigFraction> a) {
        return switch (function) {
            case "abs" -> a.get(0).abs();
            case "floor" -> BigFraction.of(floor(a.get(0)));
            case "ceil" -> BigFraction.of(floor(a.get(0).negate())).negate();
            case "factorial" -> factorial(whole(a.get(0)));
            case "binom" -> binomial(whole(a.get(0)), whole(a.get(1)));
            case "gcd" -> BigFraction.of(bigWhole(a.get(0)).gcd(bigWhole(a.get(1))));
            case "lcm" -> {
                BigInteger x = bigWhole(a.get(0));
                BigInteger y = bigWhole(a.get(1));
                if (x.signum() == 0 || y.signum() == 0) {
                    yield BigFraction.ZERO;
                }
                yield checked(BigFraction.of(x.divide(x.gcd(y)).multiply(y).abs()));
            }
            case "mod" -> {
                if (a.get(1).signum() <= 0) {
                    throw new Undefined();
                }
                yield a.get(0).subtract(a.get(1).multiply(BigFraction.of(floor(divide(a.get(0), a.get(1))))));
            }
            case "min" -> a.stream().min(BigFraction::compareTo).orElseThrow(Undefined::new);
            case "max" -> a.stream().max(BigFraction::compareTo).orElseThrow(Undefined::new);
            default -> throw new Undefined();
        };
    }

    static BigInteger floor(BigFraction x) {
        BigInteger[] parts = x.getNumerator().divideAndRemainder(x.getDenominator());
        return parts[1].signum() < 0 ? parts[0].subtract(BigInteger.ONE) : parts[0];
    }

    private static BigInteger bigWhole(BigFraction x) {
        if (!x.getDenominator().equals(BigInteger.ONE)) {
            throw new Undefined();
        }
        return x.getNumerator();
    }

    private BigFraction factorial(long n) {
        if (n < 0 || n > LARGEST_FACTORIAL) {
            throw new Undefined();
        }
        int step = (int) n / Factorials.STEP;
        BigInteger out = Factorials.VALUES.get(step);
        for (long i = (long) step * Factorials.STEP + 1; i <= n; i++) {
            out = out.multiply(BigInteger.valueOf(i));
        }
        budget.spend(Factorials.costs((int) n));
        return BigFraction.of(out);
    }

    /** Every fiftieth factorial, so that none is multiplied up from 1 for each answer. What they cost stays what that would. */
    private static final class Factorials {
        static final int STEP = 50;
        static final List<BigInteger> VALUES = new ArrayList<>();
        private static final long[] COSTS = new long[LARGEST_FACTORIAL + 1];

        static {
            BigInteger value = BigInteger.ONE;
            VALUES.add(value);
            for (int i = 1; i <= LARGEST_FACTORIAL; i++) {
                value = value.multiply(BigInteger.valueOf(i));
                COSTS[i] = COSTS[i - 1] + 1 + value.bitLength() / 256;
                if (i % STEP == 0) {
                    VALUES.add(value);
                }
            }
        }

        private Factorials() {}

        static long costs(int n) {
            return COSTS[n];
        }
    }

    private BigFraction binomial(long n, long k) {
        if (k < 0 || n < 0 || n > LARGEST_FACTORIAL) {
            throw new Undefined();
        }
        if (k > n) {
            return BigFraction.ZERO;
        }
        BigInteger out = BigInteger.ONE;
        for (long i = 1; i <= Math.min(k, n - k); i++) {
            out = out.multiply(BigInteger.valueOf(n - i + 1)).divide(BigInteger.valueOf(i));
            budget.spend(2 + out.bitLength() / 128);
        }
        return BigFraction.of(out);
    }

    @Override
    public long whole(BigFraction value) {
        BigInteger n = bigWhole(value);
        if (n.bitLength() > 40) {
            throw new Undefined();
        }
        return n.longValue();
    }
}
