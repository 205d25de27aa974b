package io.foothold.verifier.math;

import java.util.List;
import java.util.Set;
import org.apache.commons.numbers.fraction.BigFraction;

/** An expression. Immutable. */
sealed interface Expr {
    /** A rational number. */
    record Num(BigFraction value) implements Expr {
        static Num of(long n) {
            return new Num(BigFraction.of(n));
        }
    }

    /** The constants. */
    enum Constant implements Expr {
        /** π. */
        PI,
        /** e. */
        E,
        /** The imaginary unit. */
        I,
        /** ∞; has no value and stands in bounds only. */
        INFINITY
    }

    /** A variable, its index part of the name. */
    record Var(String name) implements Expr {}

    /** A sum. */
    record Sum(List<Expr> terms) implements Expr {}

    /** A product. */
    record Product(List<Expr> factors) implements Expr {}

    /** A quotient. */
    record Quotient(Expr top, Expr bottom) implements Expr {}

    /** A power; roots are powers. */
    record Power(Expr base, Expr exponent) implements Expr {}

    /** A function's value; see {@link #couldBeAnything}. */
    record Call(String function, List<Expr> arguments) implements Expr {}

    /** A sum or product over a range: {@code from} and {@code to} included. */
    record Range(boolean product, String variable, Expr from, Expr to, Expr body) implements Expr {}

    /** Functions that make sense for whole arguments only. */
    Set<String> WHOLE = Set.of("factorial", "binom", "gcd", "lcm", "mod");

    /** Whether a function is known by its name only: one of the problem's own, or an indexed sequence. */
    static boolean couldBeAnything(Call c) {
        return c.function().startsWith("function:") || c.function().startsWith("index:");
    }

    /** The negative of an expression. */
    static Expr negative(Expr x) {
        return x instanceof Num n ? new Num(n.value().negate()) : new Product(List.of(Num.of(-1), x));
    }

    /** −1 or 1 for −∞ and ∞, 0 for all else. */
    static int infinity(Expr x) {
        if (x == Constant.INFINITY) {
            return 1;
        }
        return x instanceof Product p
                        && p.factors().size() == 2
                        && p.factors().get(0).equals(Num.of(-1))
                        && p.factors().get(1) == Constant.INFINITY
                ? -1
                : 0;
    }

    /** Adds the names of free variables to a set. */
    static void variables(Expr x, Set<String> into) {
        switch (x) {
            case Num n -> {}
            case Constant c -> {}
            case Var v -> into.add(v.name());
            case Sum s -> s.terms().forEach(t -> variables(t, into));
            case Product p -> p.factors().forEach(f -> variables(f, into));
            case Quotient q -> {
                variables(q.top(), into);
                variables(q.bottom(), into);
            }
            case Power p -> {
                variables(p.base(), into);
                variables(p.exponent(), into);
            }
            case Call c -> c.arguments().forEach(a -> variables(a, into));
            case Range r -> {
                variables(r.from(), into);
                variables(r.to(), into);
                boolean free = into.contains(r.variable());
                variables(r.body(), into);
                if (!free) {
                    into.remove(r.variable());
                }
            }
        }
    }

    /** Whether some part needs whole numbers. */
    static boolean needsWholeNumbers(Expr x) {
        return switch (x) {
            case Num n -> false;
            case Constant c -> false;
            case Var v -> false;
            case Sum s -> s.terms().stream().anyMatch(Expr::needsWholeNumbers);
            case Product p -> p.factors().stream().anyMatch(Expr::needsWholeNumbers);
            case Quotient q -> needsWholeNumbers(q.top()) || needsWholeNumbers(q.bottom());
            case Power p -> needsWholeNumbers(p.base()) || needsWholeNumbers(p.exponent());
            case Call c ->
                WHOLE.contains(c.function()) || c.arguments().stream().anyMatch(Expr::needsWholeNumbers);
            case Range r -> true;
        };
    }
}
