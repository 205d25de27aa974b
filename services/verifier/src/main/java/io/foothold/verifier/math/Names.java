package io.foothold.verifier.math;

import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What stands on the left of an equation to be named: letters, segments, angles, functions' values. Pure. */
final class Names {
    private static final Set<String> OF_ANGLES = Set.of("sin", "cos", "tan", "cot", "sec", "csc");

    /** Small letters that are vectors or complex numbers between bars; an unknown, such as x, is none. */
    private static final String LENGTHS = "abcuvwz";

    private static final Pattern ANGLE = Pattern.compile("m?\\\\angle([A-Z]{1,3}|[a-z\\d])");

    private Names() {}

    /** Whether a side is a name: a letter, a function's value, a segment, a proportion or tuple of names. */
    static boolean names(Answer a) {
        return switch (a) {
            case Answer.Scalar s -> s.unit().isEmpty() && names(s.value());
            case Answer.Ratio r -> r.parts().stream().allMatch(Names::names);
            case Answer.Group g -> !g.items().isEmpty() && g.items().stream().allMatch(Names::names);
            case Answer.InBase n -> false;
            case Answer.Clock c -> false;
            case Answer.About b -> false;
            case Answer.Relation r -> false;
            case Answer.Interval i -> false;
            case Answer.Union u -> false;
            case Answer.Matrix m -> false;
            case Answer.Text t -> false;
        };
    }

    static boolean names(Expr x) {
        return switch (x) {
            case Expr.Var v -> true;
            case Expr.Call c ->
                Expr.couldBeAnything(c)
                        || (c.function().equals("abs") && measured(c.arguments().get(0)))
                        || (OF_ANGLES.contains(c.function())
                                && angle(c.arguments().get(0)));
            case Expr.Product p -> p.factors().stream().allMatch(f -> f instanceof Expr.Constant || names(f));
            case Expr.Quotient q -> names(q.top()) && names(q.bottom());
            case Expr.Num n -> false;
            case Expr.Constant c -> false;
            case Expr.Sum t -> false;
            case Expr.Power p -> false;
            case Expr.Range r -> false;
        };
    }

    /** Whether an expression names an angle of a figure, by a capital or a Greek letter; an unknown, such as x, is none. */
    private static boolean angle(Expr x) {
        return x instanceof Expr.Var v
                && (Character.isUpperCase(v.name().charAt(0)) || v.name().startsWith("\\"));
    }

    /** Whether bars around a letter or two give a length: of a segment, a vector or a complex number; not of an unknown. */
    private static boolean measured(Expr x) {
        return switch (x) {
            case Expr.Var v ->
                Character.isUpperCase(v.name().charAt(0))
                        || LENGTHS.indexOf(v.name().charAt(0)) >= 0;
            case Expr.Product p ->
                p.factors().stream()
                        .allMatch(f -> f instanceof Expr.Var v
                                && Character.isUpperCase(v.name().charAt(0)));
            case Expr.Num n -> false;
            case Expr.Constant c -> false;
            case Expr.Sum t -> t.terms().stream().allMatch(Names::measured);
            case Expr.Quotient q -> false;
            case Expr.Power p -> false;
            case Expr.Call c -> false;
            case Expr.Range r -> false;
        };
    }

    /** Whether an expression is a sum of at least two different letters, also of multiples of them. */
    static boolean sum(Expr x) {
        if (!(x instanceof Expr.Sum s)) {
            return false;
        }
        Set<String> letters = new TreeSet<>();
        Expr.variables(x, letters);
        return letters.size() == s.terms().size()
                && s.terms().stream()
                        .allMatch(t -> t instanceof Expr.Var
                                || (t instanceof Expr.Product p
                                        && p.factors().stream()
                                                .allMatch(f -> f instanceof Expr.Num || f instanceof Expr.Var)));
    }

    /** Whether one side is a function's value and the other one its inverse's. */
    static boolean inverses(Answer one, Answer two) {
        return one instanceof Answer.Scalar a
                && two instanceof Answer.Scalar b
                && a.value() instanceof Expr.Call f
                && b.value() instanceof Expr.Call g
                && f.function().startsWith("function:")
                && g.function().startsWith("function:")
                && f.function().endsWith("^-1") != g.function().endsWith("^-1");
    }

    /** The letters of what a side names, of a segment in either direction; empty when it names nothing by letters. */
    static String letters(Answer side) {
        if (side instanceof Answer.Text t) {
            Matcher angle = ANGLE.matcher(t.bare());
            String letters = angle.matches() ? angle.group(1) : "";
            String reversed = new StringBuilder(letters).reverse().toString();
            return letters.isEmpty() ? "" : "angle " + (reversed.compareTo(letters) < 0 ? reversed : letters);
        }
        return side instanceof Answer.Scalar s ? letters(s.value()) : "";
    }

    private static String letters(Expr x) {
        if (x instanceof Expr.Call c && c.function().equals("abs")) {
            return letters(c.arguments().get(0));
        }
        if (x instanceof Expr.Var v) {
            return v.name();
        }
        return x instanceof Expr.Product p && p.factors().stream().allMatch(f -> f instanceof Expr.Var)
                ? p.factors().stream().map(f -> ((Expr.Var) f).name()).sorted().collect(Collectors.joining())
                : "";
    }
}
