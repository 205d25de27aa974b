package io.foothold.verifier.math;

import java.util.List;
import org.apache.commons.numbers.fraction.BigFraction;

/**
 * A number system that expressions are evaluated in. Operations throw {@link Undefined} where they have no value or none that
 * can be had.
 *
 * @param <T> its numbers
 */
interface Arithmetic<T> {
    /** No value here; says nothing of other points or other number systems. */
    final class Undefined extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Undefined() {
            super("no value", null, false, false);
        }
    }

    T number(BigFraction value);

    T constant(Expr.Constant name);

    T add(T a, T b);

    T multiply(T a, T b);

    T divide(T a, T b);

    T power(T base, T exponent);

    /** A known function. */
    T call(String function, List<T> arguments);

    /** The whole number that a value is. */
    long whole(T value);
}
