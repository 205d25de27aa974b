package io.foothold.verifier.answer;

import java.math.BigInteger;
import java.util.Optional;

/** An exact rational number, read from plain or LaTeX arithmetic: + − · / ^, fractions, parentheses, percent. */
record ExactNumber(BigInteger numerator, BigInteger denominator) {
    private static final int LONGEST = 500;
    private static final int LARGEST_EXPONENT = 200;
    private static final int MOST_BITS = 20_000;
    private static final int DEEPEST = 40;

    ExactNumber {
        if (denominator.signum() == 0) {
            throw new ArithmeticException("division by zero");
        }
        BigInteger g = numerator.gcd(denominator);
        if (g.signum() != 0 && denominator.signum() < 0) {
            g = g.negate();
        }
        numerator = g.signum() == 0 ? numerator : numerator.divide(g);
        denominator = g.signum() == 0 ? BigInteger.ONE : denominator.divide(g);
        if (numerator.bitLength() + denominator.bitLength() > MOST_BITS) {
            throw new ArithmeticException("number too large");
        }
    }

    /** The number that a text writes, or empty when it writes none or one beyond the limits. */
    static Optional<ExactNumber> parse(String text) {
        if (text.length() > LONGEST) {
            return Optional.empty();
        }
        try {
            Reader reader = new Reader(Normalise.latex(text));
            ExactNumber value = reader.sum(0);
            return reader.atEnd() ? Optional.of(value) : Optional.empty();
        } catch (ArithmeticException | NotANumber e) {
            return Optional.empty();
        }
    }

    private ExactNumber plus(ExactNumber o) {
        return new ExactNumber(
                numerator.multiply(o.denominator).add(o.numerator.multiply(denominator)),
                denominator.multiply(o.denominator));
    }

    private ExactNumber negate() {
        return new ExactNumber(numerator.negate(), denominator);
    }

    private ExactNumber times(ExactNumber o) {
        return new ExactNumber(numerator.multiply(o.numerator), denominator.multiply(o.denominator));
    }

    private ExactNumber over(ExactNumber o) {
        return new ExactNumber(numerator.multiply(o.denominator), denominator.multiply(o.numerator));
    }

    private ExactNumber power(ExactNumber e) {
        if (!e.denominator.equals(BigInteger.ONE)
                || e.numerator.abs().compareTo(BigInteger.valueOf(LARGEST_EXPONENT)) > 0) {
            throw new NotANumber();
        }
        int n = e.numerator.intValueExact();
        ExactNumber base = n < 0 ? new ExactNumber(denominator, numerator) : this;
        if (base.numerator.bitLength() * (long) Math.abs(n) > MOST_BITS) {
            throw new ArithmeticException("power too large");
        }
        return new ExactNumber(base.numerator.pow(Math.abs(n)), base.denominator.pow(Math.abs(n)));
    }

    private static final class NotANumber extends RuntimeException {
        private static final long serialVersionUID = 1L;

        NotANumber() {
            super("not a number", null, false, false);
        }
    }

    /** Recursive descent over normalised text. */
    private static final class Reader {
        private final String s;
        private int at;

        Reader(String s) {
            this.s = s;
        }

        boolean atEnd() {
            return at >= s.length();
        }

        private boolean take(String token) {
            if (s.startsWith(token, at)) {
                at += token.length();
                return true;
            }
            return false;
        }

        private void expect(String token) {
            if (!take(token)) {
                throw new NotANumber();
            }
        }

        ExactNumber sum(int depth) {
            if (depth > DEEPEST) {
                throw new NotANumber();
            }
            ExactNumber value = product(depth);
            while (true) {
                if (take("+")) {
                    value = value.plus(product(depth));
                } else if (take("-")) {
                    value = value.plus(product(depth).negate());
                } else {
                    return value;
                }
            }
        }

        private ExactNumber product(int depth) {
            ExactNumber value = signed(depth);
            while (true) {
                if (take("*")) {
                    value = value.times(signed(depth));
                } else if (take("/")) {
                    value = value.over(signed(depth));
                } else if (!atEnd() && (s.charAt(at) == '(')) {
                    value = value.times(power(depth));
                } else if (take("%")) {
                    value = value.over(new ExactNumber(BigInteger.valueOf(100), BigInteger.ONE));
                } else {
                    return value;
                }
            }
        }

        private ExactNumber signed(int depth) {
            if (take("-")) {
                return signed(depth + 1).negate();
            }
            take("+");
            return power(depth);
        }

        private ExactNumber power(int depth) {
            if (depth > DEEPEST) {
                throw new NotANumber();
            }
            ExactNumber value = atom(depth);
            if (take("^")) {
                ExactNumber exponent;
                if (take("{")) {
                    exponent = sum(depth + 1);
                    expect("}");
                } else {
                    exponent = signed(depth + 1);
                }
                return value.power(exponent);
            }
            return value;
        }

        private ExactNumber atom(int depth) {
            if (take("(")) {
                ExactNumber value = sum(depth + 1);
                expect(")");
                return value;
            }
            if (take("\\frac")) {
                return braced(depth).over(braced(depth));
            }
            ExactNumber whole = decimal();
            // A mixed number: 1\frac{1}{2} is one and a half.
            if (s.startsWith("\\frac", at)) {
                return whole.plus(atom(depth + 1));
            }
            return whole;
        }

        private ExactNumber braced(int depth) {
            if (take("{")) {
                ExactNumber value = sum(depth + 1);
                expect("}");
                return value;
            }
            if (!atEnd() && Character.isDigit(s.charAt(at))) {
                return new ExactNumber(BigInteger.valueOf(s.charAt(at++) - '0'), BigInteger.ONE);
            }
            throw new NotANumber();
        }

        private ExactNumber decimal() {
            int from = at;
            while (!atEnd() && Character.isDigit(s.charAt(at))) {
                at++;
            }
            String integer = s.substring(from, at);
            String fraction = "";
            if (!atEnd() && s.charAt(at) == '.') {
                int dot = ++at;
                while (!atEnd() && Character.isDigit(s.charAt(at))) {
                    at++;
                }
                fraction = s.substring(dot, at);
            }
            if (integer.isEmpty() && fraction.isEmpty()) {
                throw new NotANumber();
            }
            return new ExactNumber(new BigInteger("0" + integer + fraction), BigInteger.TEN.pow(fraction.length()));
        }
    }
}
