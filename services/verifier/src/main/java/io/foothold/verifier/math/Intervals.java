package io.foothold.verifier.math;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** Intervals in their other spellings: pairs in brackets, inequalities, distances from zero. Pure. */
final class Intervals {
    private Intervals() {}

    /** An answer as an interval, if it can be meant as one. */
    static Optional<Answer.Interval> interval(Answer a) {
        if (a instanceof Answer.Interval i) {
            return Optional.of(i);
        }
        if (a instanceof Answer.Group g
                && g.items().size() == 2
                && (g.bracket() == Answer.Bracket.ROUND || g.bracket() == Answer.Bracket.SQUARE)
                && g.items().get(0) instanceof Answer.Scalar low
                && g.items().get(1) instanceof Answer.Scalar high) {
            boolean in = g.bracket() == Answer.Bracket.SQUARE;
            return Optional.of(new Answer.Interval(low.value(), high.value(), in, in));
        }
        if (a instanceof Answer.Relation r) {
            return bounds(r);
        }
        return Optional.empty();
    }

    /** An inequality about one unknown as an interval. */
    static Optional<Answer.Interval> bounds(Answer.Relation r) {
        List<Expr> sides = new ArrayList<>();
        for (Answer side : r.sides()) {
            if (!(side instanceof Answer.Scalar s)) {
                return Optional.empty();
            }
            sides.add(s.value());
        }
        Expr minus = Expr.negative(Expr.Constant.INFINITY);
        if (sides.size() == 2) {
            String sign = r.signs().get(0);
            Optional<Answer.Interval> ball = inside(r);
            if (ball.isPresent()) {
                return ball;
            }
            boolean first = unknown(sides.get(0));
            if (first == unknown(sides.get(1)) || !ordered(sign)) {
                return Optional.empty();
            }
            boolean less = sign.equals("<") || sign.equals("\\le");
            boolean in = sign.startsWith("\\");
            return Optional.of(
                    less == first
                            ? new Answer.Interval(minus, sides.get(first ? 1 : 0), false, in)
                            : new Answer.Interval(sides.get(first ? 1 : 0), Expr.Constant.INFINITY, in, false));
        }
        if (sides.size() == 3
                && unknown(sides.get(1))
                && ordered(r.signs().get(0))
                && ordered(r.signs().get(1))) {
            boolean less = r.signs().get(0).equals("<") || r.signs().get(0).equals("\\le");
            boolean alsoLess = r.signs().get(1).equals("<") || r.signs().get(1).equals("\\le");
            if (less != alsoLess) {
                return Optional.empty();
            }
            boolean firstIn = r.signs().get(0).startsWith("\\");
            boolean secondIn = r.signs().get(1).startsWith("\\");
            return Optional.of(
                    less
                            ? new Answer.Interval(sides.get(0), sides.get(2), firstIn, secondIn)
                            : new Answer.Interval(sides.get(2), sides.get(0), secondIn, firstIn));
        }
        return Optional.empty();
    }

    /** What two bounds of the same unknown leave, one from each side; empty when they are anything else. */
    static Optional<Answer.Interval> both(Answer.Relation a, Answer.Relation b) {
        if (a.sides().size() != 2
                || b.sides().size() != 2
                || unknowns(a).isEmpty()
                || !unknowns(a).equals(unknowns(b))) {
            return Optional.empty();
        }
        Optional<Answer.Interval> one = bounds(a);
        Optional<Answer.Interval> two = bounds(b);
        if (one.isEmpty() || two.isEmpty()) {
            return Optional.empty();
        }
        boolean first =
                Expr.infinity(one.get().high()) > 0 && Expr.infinity(two.get().low()) < 0;
        boolean second =
                Expr.infinity(two.get().high()) > 0 && Expr.infinity(one.get().low()) < 0;
        if (first == second) {
            return Optional.empty();
        }
        Answer.Interval low = first ? one.get() : two.get();
        Answer.Interval high = first ? two.get() : one.get();
        return Optional.of(new Answer.Interval(low.low(), high.high(), low.lowIn(), high.highIn()));
    }

    private static Set<String> unknowns(Answer.Relation r) {
        Set<String> names = new TreeSet<>();
        for (Answer side : r.sides()) {
            if (side instanceof Answer.Scalar s && unknown(s.value())) {
                Expr.variables(s.value(), names);
            }
        }
        return names;
    }

    /** |z − c| &lt; b as the interval that it is. */
    private static Optional<Answer.Interval> inside(Answer.Relation r) {
        return distance(r)
                .filter(d -> d.sign().equals("<") || d.sign().equals("\\le"))
                .map(d -> {
                    boolean closed = d.sign().startsWith("\\");
                    return new Answer.Interval(d.low(), d.high(), closed, closed);
                });
    }

    /**
     * A bound of the distance of an unknown from a point.
     *
     * @param low what is as far from the point as the bound, below
     * @param high the same, above
     * @param sign between the distance and the bound
     */
    private record Distance(Expr low, Expr high, String sign) {}

    private static Optional<Distance> distance(Answer.Relation r) {
        if (r.sides().size() != 2
                || !ordered(r.signs().get(0))
                || !(r.sides().get(0) instanceof Answer.Scalar a)
                || !(r.sides().get(1) instanceof Answer.Scalar b)) {
            return Optional.empty();
        }
        Optional<Expr> center = center(a.value());
        boolean first = center.isPresent();
        String sign = first ? r.signs().get(0) : turned(r.signs().get(0));
        Expr bound = first ? b.value() : a.value();
        return (first ? center : center(b.value()))
                .map(c -> c.equals(Expr.Num.of(0))
                        ? new Distance(Expr.negative(bound), bound, sign)
                        : new Distance(
                                new Expr.Sum(List.of(c, Expr.negative(bound))), new Expr.Sum(List.of(c, bound)), sign));
    }

    /** The point whose distance from an unknown an expression is: 3 for |x − 3| and |3 − x|. */
    private static Optional<Expr> center(Expr x) {
        if (!(x instanceof Expr.Call c) || !c.function().equals("abs")) {
            return Optional.empty();
        }
        Expr inside = c.arguments().get(0);
        if (unknown(inside)) {
            return Optional.of(Expr.Num.of(0));
        }
        if (!(inside instanceof Expr.Sum s)) {
            return Optional.empty();
        }
        Set<String> names = new TreeSet<>();
        Expr.variables(inside, names);
        List<Expr> rest = s.terms().stream()
                .filter(t -> !unknown(t) && !(t instanceof Expr.Product p && minus(p)))
                .toList();
        boolean minus = s.terms().stream().anyMatch(t -> t instanceof Expr.Product p && minus(p));
        Set<String> others = new TreeSet<>();
        rest.forEach(t -> Expr.variables(t, others));
        if (names.size() != 1 || !others.isEmpty() || rest.size() != s.terms().size() - 1) {
            return Optional.empty();
        }
        return Optional.of(
                new Expr.Sum(minus ? rest : rest.stream().map(Expr::negative).toList()));
    }

    private static boolean minus(Expr.Product p) {
        return p.factors().size() == 2
                && p.factors().get(0).equals(Expr.Num.of(-1))
                && unknown(p.factors().get(1));
    }

    static String turned(String sign) {
        return switch (sign) {
            case "<" -> ">";
            case ">" -> "<";
            case "\\le" -> "\\ge";
            case "\\ge" -> "\\le";
            default -> sign;
        };
    }

    /** What bounds with "or" between them leave, or one condition that leaves a union; empty when it is anything else. */
    static List<Answer> parts(Answer a) {
        if (a instanceof Answer.Group g && g.bracket() == Answer.Bracket.NONE) {
            List<Answer> out = new ArrayList<>();
            for (Answer item : g.items()) {
                Optional<Answer.Interval> part = item instanceof Answer.Relation r ? bounds(r) : Optional.empty();
                if (part.isEmpty()) {
                    return List.of();
                }
                out.add(part.get());
            }
            return out;
        }
        return distances(a);
    }

    /** a ≤ |z| ≤ b, |z − c| &gt; b, or z ≠ a, as the union that it is. */
    static List<Answer> distances(Answer a) {
        if (a instanceof Answer.Relation r) {
            Optional<Distance> outside =
                    distance(r).filter(d -> d.sign().equals(">") || d.sign().equals("\\ge"));
            if (outside.isPresent()) {
                Distance d = outside.get();
                boolean closed = d.sign().startsWith("\\");
                return List.of(
                        new Answer.Interval(Expr.negative(Expr.Constant.INFINITY), d.low(), false, closed),
                        new Answer.Interval(d.high(), Expr.Constant.INFINITY, closed, false));
            }
        }
        if (a instanceof Answer.Relation r
                && r.signs().equals(List.of("\\ne"))
                && r.sides().get(0) instanceof Answer.Scalar z
                && r.sides().get(1) instanceof Answer.Scalar point
                && unknown(z.value())) {
            return Answer.Interval.line().without(List.of(point.value())).parts();
        }
        if (a instanceof Answer.Relation r
                && r.sides().size() == 3
                && r.sides().get(0) instanceof Answer.Scalar low
                && r.sides().get(1) instanceof Answer.Scalar mid
                && r.sides().get(2) instanceof Answer.Scalar high
                && distance(mid.value())
                && r.signs().stream().allMatch(s -> s.equals("<") || s.equals("\\le"))) {
            boolean lowIn = r.signs().get(0).startsWith("\\");
            boolean highIn = r.signs().get(1).startsWith("\\");
            return List.of(
                    new Answer.Interval(Expr.negative(high.value()), Expr.negative(low.value()), highIn, lowIn),
                    new Answer.Interval(low.value(), high.value(), lowIn, highIn));
        }
        return List.of();
    }

    /** Whether an expression is the distance of an unknown from zero. */
    private static boolean distance(Expr x) {
        return x instanceof Expr.Call c
                && c.function().equals("abs")
                && unknown(c.arguments().get(0));
    }

    private static boolean ordered(String sign) {
        return sign.equals("<") || sign.equals(">") || sign.equals("\\le") || sign.equals("\\ge");
    }

    private static boolean unknown(Expr x) {
        return x instanceof Expr.Var
                || (x instanceof Expr.Call c && c.function().startsWith("function:"));
    }
}
