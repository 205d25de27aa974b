package io.foothold.verifier.math;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.numbers.fraction.BigFraction;

/**
 * The value of an expression at a point. Throws {@link Arithmetic.Undefined} where there is none.
 *
 * @param <T> numbers of the arithmetic
 */
final class Evaluator<T> {
    private static final int LONGEST_RANGE = 2_000;

    private final Arithmetic<T> arithmetic;
    private final Rationals exact;
    private final Map<String, BigFraction> point;

    Evaluator(Arithmetic<T> arithmetic, Budget budget, Map<String, BigFraction> point) {
        this.arithmetic = arithmetic;
        this.exact = new Rationals(budget);
        this.point = new HashMap<>(point);
    }

    T value(Expr x) {
        return switch (x) {
            case Expr.Num n -> arithmetic.number(n.value());
            case Expr.Constant c -> arithmetic.constant(c);
            case Expr.Var v -> {
                BigFraction at = point.get(v.name());
                if (at == null) {
                    throw new Arithmetic.Undefined();
                }
                yield arithmetic.number(at);
            }
            case Expr.Sum s -> {
                T sum = value(s.terms().get(0));
                for (Expr t : s.terms().subList(1, s.terms().size())) {
                    sum = arithmetic.add(sum, value(t));
                }
                yield sum;
            }
            case Expr.Product p -> {
                T product = value(p.factors().get(0));
                for (Expr f : p.factors().subList(1, p.factors().size())) {
                    product = arithmetic.multiply(product, value(f));
                }
                yield product;
            }
            case Expr.Quotient q -> arithmetic.divide(value(q.top()), value(q.bottom()));
            case Expr.Power p -> arithmetic.power(value(p.base()), value(p.exponent()));
            case Expr.Call c -> call(c);
            case Expr.Range r -> range(r);
        };
    }

    private T call(Expr.Call c) {
        List<T> arguments = new ArrayList<>();
        c.arguments().forEach(a -> arguments.add(value(a)));
        if (Expr.couldBeAnything(c)) {
            return unknown(c.function(), arguments);
        }
        if (Expr.WHOLE.contains(c.function())) {
            List<BigFraction> whole = new ArrayList<>();
            arguments.forEach(a -> whole.add(BigFraction.of(arithmetic.whole(a))));
            return arithmetic.number(exact.call(c.function(), whole));
        }
        return arithmetic.call(c.function(), arguments);
    }

    /** A function that could be anything: a polynomial that only its name decides. */
    private T unknown(String name, List<T> arguments) {
        int seed = name.hashCode();
        T sum = arithmetic.number(BigFraction.of(3 + Math.floorMod(seed, 101), 7));
        for (T a : arguments) {
            seed = seed * 31 + 17;
            T linear = arithmetic.multiply(a, arithmetic.number(BigFraction.of(1 + Math.floorMod(seed, 89), 13)));
            T square = arithmetic.multiply(
                    arithmetic.multiply(a, a), arithmetic.number(BigFraction.of(1 + Math.floorMod(seed >> 8, 97), 19)));
            sum = arithmetic.add(arithmetic.add(sum, linear), arithmetic.multiply(square, sum));
        }
        return sum;
    }

    private T range(Expr.Range r) {
        long from = arithmetic.whole(value(r.from()));
        long to = arithmetic.whole(value(r.to()));
        if (to - from > LONGEST_RANGE) {
            throw new Arithmetic.Undefined();
        }
        BigFraction outer = point.get(r.variable());
        T sum = arithmetic.number(r.product() ? BigFraction.ONE : BigFraction.ZERO);
        try {
            for (long i = from; i <= to; i++) {
                point.put(r.variable(), BigFraction.of(i));
                T term = value(r.body());
                sum = r.product() ? arithmetic.multiply(sum, term) : arithmetic.add(sum, term);
            }
        } finally {
            if (outer == null) {
                point.remove(r.variable());
            } else {
                point.put(r.variable(), outer);
            }
        }
        return sum;
    }
}
