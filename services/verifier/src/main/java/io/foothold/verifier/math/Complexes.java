package io.foothold.verifier.math;

import java.util.List;
import org.apache.commons.numbers.complex.Complex;
import org.apache.commons.numbers.fraction.BigFraction;

/** Complex numbers in double precision: fast, and enough to tell most unequal answers apart. */
final class Complexes implements Arithmetic<Complex> {
    private final Budget budget;

    Complexes(Budget budget) {
        this.budget = budget;
    }

    private Complex checked(Complex z, int cost) {
        budget.spend(cost);
        if (!z.isFinite() || z.abs() > 1e280) {
            throw new Undefined();
        }
        return z;
    }

    @Override
    public Complex number(BigFraction value) {
        return checked(
                Complex.ofCartesian(value.doubleValue(), 0),
                1 + value.getNumerator().bitLength() / 64);
    }

    @Override
    public Complex constant(Expr.Constant name) {
        return switch (name) {
            case PI -> Complex.ofCartesian(Math.PI, 0);
            case E -> Complex.ofCartesian(Math.E, 0);
            case I -> Complex.I;
            case INFINITY -> throw new Undefined();
        };
    }

    @Override
    public Complex add(Complex a, Complex b) {
        return checked(a.add(b), 1);
    }

    @Override
    public Complex multiply(Complex a, Complex b) {
        return checked(a.multiply(b), 4);
    }

    @Override
    public Complex divide(Complex a, Complex b) {
        if (b.abs() == 0) {
            throw new Undefined();
        }
        return checked(a.divide(b), 8);
    }

    @Override
    public Complex power(Complex base, Complex exponent) {
        if (base.abs() == 0) {
            if (exponent.getReal() > 0) {
                return Complex.ZERO;
            }
            throw new Undefined();
        }
        if (base.getImaginary() == 0 && exponent.getImaginary() == 0) {
            double b = base.getReal();
            double e = exponent.getReal();
            if (b > 0 || e == Math.rint(e)) {
                return checked(Complex.ofCartesian(Math.pow(b, e), 0), 30);
            }
            // The odd root of a negative number is meant as the real one.
            double degree = 1 / e;
            if (Math.abs(degree - Math.rint(degree)) < 1e-12 && Math.rint(degree) % 2 != 0) {
                return checked(Complex.ofCartesian(-Math.pow(-b, e), 0), 30);
            }
        }
        return checked(base.pow(exponent), 60);
    }

    @Override
    public Complex call(String function, List<Complex> a) {
        Complex x = a.get(0);
        return checked(
                switch (function) {
                    case "sin" -> x.sin();
                    case "cos" -> x.cos();
                    case "tan" -> x.tan();
                    case "cot" -> Complex.ONE.divide(x.tan());
                    case "sec" -> Complex.ONE.divide(x.cos());
                    case "csc" -> Complex.ONE.divide(x.sin());
                    case "arcsin" -> x.asin();
                    case "arccos" -> x.acos();
                    case "arctan" -> x.atan();
                    case "sinh" -> x.sinh();
                    case "cosh" -> x.cosh();
                    case "tanh" -> x.tanh();
                    case "exp" -> x.exp();
                    case "ln" -> {
                        if (x.abs() == 0) {
                            throw new Undefined();
                        }
                        yield x.log();
                    }
                    case "abs" -> Complex.ofCartesian(x.abs(), 0);
                    case "floor" -> Complex.ofCartesian(Math.floor(real(x)), 0);
                    case "ceil" -> Complex.ofCartesian(Math.ceil(real(x)), 0);
                    case "min" ->
                        Complex.ofCartesian(
                                a.stream().mapToDouble(Complexes::real).min().orElseThrow(Undefined::new), 0);
                    case "max" ->
                        Complex.ofCartesian(
                                a.stream().mapToDouble(Complexes::real).max().orElseThrow(Undefined::new), 0);
                    default -> throw new Undefined();
                },
                80);
    }

    private static double real(Complex z) {
        if (Math.abs(z.getImaginary()) > 1e-12 * Math.max(1, Math.abs(z.getReal()))) {
            throw new Undefined();
        }
        return z.getReal();
    }

    @Override
    public long whole(Complex value) {
        double x = real(value);
        if (Math.abs(x - Math.rint(x)) > 1e-9 || Math.abs(x) > 1e9) {
            throw new Undefined();
        }
        return Math.round(x);
    }
}
