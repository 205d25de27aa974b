package io.foothold.verifier.math;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An answer with its type. Immutable. */
sealed interface Answer {
    /**
     * One value.
     *
     * @param written the decimal as it was written, when it was a plain decimal with a point
     * @param unit the unit, empty without one
     * @param percent whether it is so many hundredths
     */
    record Scalar(Expr value, @Nullable BigDecimal written, String unit, boolean percent) implements Answer {
        static Scalar of(Expr value) {
            return new Scalar(value, null, "", false);
        }
    }

    /** Digits in a base. */
    record InBase(String digits, int base) implements Answer {}

    /** Parts of a proportion. */
    record Ratio(List<Expr> parts) implements Answer {}

    /**
     * A time of day.
     *
     * @param second of the day, as of 24 hours when the half is open
     * @param half how the half of the day is known
     * @param ratio the proportion that the same digits can be meant as; null when they can only be a time
     */
    record Clock(int second, Half half, @Nullable Ratio ratio) implements Answer {}

    /** How the half of a day is known. */
    enum Half {
        /** From a.m. or p.m. */
        SAID,
        /** The hour is written as in a day of 24 hours. */
        WRITTEN,
        /** It is left open. */
        OPEN
    }

    /**
     * A value with a decimal near it.
     *
     * @param exact the value
     * @param near the decimal that is said to be near it
     */
    record About(Answer exact, Scalar near) implements Answer {}

    /** Sides with the signs between them. */
    record Relation(List<Answer> sides, List<String> signs) implements Answer {}

    /** An interval. */
    record Interval(Expr low, Expr high, boolean lowIn, boolean highIn) implements Answer {
        /** The union that is left without some points inside, which ascend. */
        Union without(List<Expr> points) {
            List<Answer> parts = new ArrayList<>();
            Interval rest = this;
            for (Expr p : points) {
                parts.add(new Interval(rest.low(), p, rest.lowIn(), false));
                rest = new Interval(p, high, false, highIn);
            }
            parts.add(rest);
            return new Union(List.copyOf(parts));
        }

        /** The union that is left without an interval inside. */
        Union without(Interval gap) {
            List<Answer> parts = new ArrayList<>();
            if (Expr.infinity(gap.low()) == 0) {
                parts.add(new Interval(low, gap.low(), lowIn, !gap.lowIn()));
            }
            if (Expr.infinity(gap.high()) == 0) {
                parts.add(new Interval(gap.high(), high, !gap.highIn(), highIn));
            }
            return new Union(List.copyOf(parts));
        }

        /** All real numbers. */
        static Interval line() {
            return new Interval(Expr.negative(Expr.Constant.INFINITY), Expr.Constant.INFINITY, false, false);
        }
    }

    /** A union. */
    record Union(List<Answer> parts) implements Answer {}

    /** How several answers stand together. */
    enum Bracket {
        /** Only commas between them. */
        NONE,
        /** In braces that LaTeX does not print. */
        UNPRINTED,
        /** A set. */
        SET,
        /** In round brackets. */
        ROUND,
        /** In square brackets. */
        SQUARE
    }

    /** Several answers. */
    record Group(Bracket bracket, List<Answer> items) implements Answer {}

    /** A matrix by rows. */
    record Matrix(List<List<Expr>> rows) implements Answer {}

    /** Words, or what could not be read as mathematics. */
    record Text(String bare) implements Answer {}

    /** Whether two matrices have rows of the same lengths. */
    static boolean sameShape(List<List<Expr>> a, List<List<Expr>> b) {
        if (a.size() != b.size()) {
            return false;
        }
        for (int r = 0; r < a.size(); r++) {
            if (a.get(r).size() != b.get(r).size()) {
                return false;
            }
        }
        return true;
    }
}
