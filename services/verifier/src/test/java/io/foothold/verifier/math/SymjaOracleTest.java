package io.foothold.verifier.math;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.matheclipse.core.eval.ExprEvaluator;
import org.matheclipse.core.interfaces.IExpr;

/**
 * The verifier's sameness of expressions against a computer algebra system that shares no code with it. Expressions are drawn from a seed
 * and written in LaTeX for us and in Symja's own notation for Symja, which says what is equal and rewrites them.
 */
class SymjaOracleTest {
    private static final int EXPRESSIONS = 300;
    private static final List<String> REWRITINGS = List.of("Expand", "Factor", "Together", "Simplify", "Apart");

    /** Symja's rules are loaded once; it is asked by one thread. */
    private static final ExprEvaluator SYMJA = new ExprEvaluator(false, (short) 1);

    /** An expression in both notations. */
    private record Written(String latex, String symja) {
        static Written number(int n) {
            return new Written(Integer.toString(n), Integer.toString(n));
        }

        static Written of(Written a, String latex, String symja, Written b) {
            return new Written(
                    "\\left(" + a.latex + "\\right)" + latex + "\\left(" + b.latex + "\\right)",
                    "(" + a.symja + ")" + symja + "(" + b.symja + ")");
        }
    }

    private final Random random;
    private final long seed;

    SymjaOracleTest() {
        this.seed = Long.getLong("foothold.test.seed", 22);
        this.random = new Random(seed);
    }

    private Written leaf(boolean unknowns) {
        int n = 1 + random.nextInt(9);
        int kind = random.nextInt(8);
        if (kind < 2) {
            return Written.number(random.nextInt(4) == 0 ? -n : n);
        }
        if (kind == 2) {
            int below = 2 + random.nextInt(8);
            return new Written("\\frac{" + n + "}{" + below + "}", n + "/" + below);
        }
        return unknowns ? unknown() : constant(n + 1);
    }

    private Written unknown() {
        return random.nextBoolean() ? new Written("x", "x") : new Written("y", "y");
    }

    private Written constant(int n) {
        int below = 3 + random.nextInt(4);
        return switch (random.nextInt(7)) {
            case 0, 1, 2 -> new Written("\\sqrt{" + n + "}", "Sqrt(" + n + ")");
            case 3 -> new Written("\\sqrt[3]{" + n + "}", n + "^(1/3)");
            case 4 -> new Written("\\pi", "Pi");
            case 5 -> new Written("\\ln " + n, "Log(" + n + ")");
            default -> new Written("\\cos\\frac{\\pi}{" + below + "}", "Cos(Pi/" + below + ")");
        };
    }

    private Written expression(int depth, boolean unknowns) {
        if (depth == 0 || random.nextInt(5) == 0) {
            return leaf(unknowns);
        }
        Written a = expression(depth - 1, unknowns);
        return switch (random.nextInt(6)) {
            case 0, 1 -> Written.of(a, "+", "+", expression(depth - 1, unknowns));
            case 2 -> Written.of(a, "-", "-", expression(depth - 1, unknowns));
            case 3 -> Written.of(a, "\\cdot", "*", expression(depth - 1, unknowns));
            case 4 -> {
                Written b = expression(depth - 1, unknowns);
                yield new Written("\\frac{" + a.latex + "}{" + b.latex + "}", "(" + a.symja + ")/(" + b.symja + ")");
            }
            default -> {
                int n = 2 + random.nextInt(2);
                yield new Written("\\left(" + a.latex + "\\right)^{" + n + "}", "(" + a.symja + ")^" + n);
            }
        };
    }

    /** One that has a value. */
    private Written finite(boolean unknowns) {
        while (true) {
            Written e = expression(3, unknowns);
            IExpr value = SYMJA.eval("Together(" + e.symja + ")");
            if (!value.isIndeterminate() && value.isFree(x -> x.isDirectedInfinity(), true)) {
                return e;
            }
        }
    }

    private static boolean same(String gold, String given) {
        return MathAnswers.same(gold, given, MathAnswers.Policy.STANDARD, new Budget());
    }

    private static boolean equal(Written a, Written b) {
        return SYMJA.eval("PossibleZeroQ(Simplify((" + a.symja + ")-(" + b.symja + ")))")
                .isTrue();
    }

    private void rewritten(boolean unknowns) {
        List<String> wrong = new ArrayList<>();
        for (int i = 0; i < EXPRESSIONS; i++) {
            Written e = finite(unknowns);
            String how = REWRITINGS.get(random.nextInt(REWRITINGS.size()));
            String other = SYMJA.eval("ToString(TeXForm(" + how + "(" + e.symja + ")))")
                    .toString();
            if (!same(e.latex, other) || !same(other, e.latex)) {
                wrong.add(how + ": " + e.latex + "  |  " + other);
            }
        }
        assertThat(wrong).as("seed %d", seed).isEmpty();
    }

    @Test
    void whatSymjaRewritesStaysTheSame() {
        rewritten(true);
    }

    @Test
    void numbersThatSymjaRewritesStayTheSame() {
        rewritten(false);
    }

    /** Pairs of small expressions, of which many are equal by chance, and pairs that differ by a small number. */
    @Test
    void pairsAreTheSameWhereTheirDifferenceIsZeroToSymja() {
        List<String> wrong = new ArrayList<>();
        int equal = 0;
        for (int i = 0; i < EXPRESSIONS; i++) {
            boolean unknowns = random.nextBoolean();
            Written a = finite(unknowns);
            Written b = random.nextBoolean()
                    ? finite(unknowns)
                    : Written.of(a, "+", "+", Written.of(leaf(unknowns), "-", "-", leaf(unknowns)));
            boolean wanted = equal(a, b);
            equal += wanted ? 1 : 0;
            if (same(a.latex, b.latex) != wanted) {
                wrong.add((wanted ? "equal: " : "not equal: ") + a.latex + "  |  " + b.latex);
            }
        }
        assertThat(wrong).as("seed %d", seed).isEmpty();
        assertThat(equal).as("equal pairs of seed %d", seed).isBetween(10, EXPRESSIONS - 10);
    }
}
