package io.foothold.cli.study;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.cli.report.Evaluations;
import io.foothold.core.stats.Interval;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * A sign of a paper: what it says, and how it is looked for here.
 *
 * @param paper its words, ours
 * @param condition under which it is looked for here
 * @param look how it is looked for
 */
record Claim(String paper, String condition, Look look) {

    /** How a claim is looked for. */
    sealed interface Look {}

    /**
     * Two arms by the same seeds: the mean of the differences and Student's 95 % interval.
     *
     * @param higher whether the paper has the first arm higher
     */
    record Beside(String arm, String other, Measure measure, boolean higher) implements Look {}

    /**
     * Two arms that the paper has level: their differences' interval holds 0, or the first one is not higher.
     *
     * @param arm that is not to be higher
     */
    record NotHigher(String arm, String other, Measure measure) implements Look {}

    /** Every seed of an arm ends on one side of a bound. */
    record Ends(String arm, double bound, boolean above) implements Look {}

    /** The base's gradient on what an arm mixes in points with that on the compared set, or against it. */
    record Cosine(String arm, boolean positive) implements Look {}

    /** Nothing of this size can tell. */
    record Untestable() implements Look {}

    /** What is compared. */
    enum Measure {
        /** pass@1 at the end. */
        END("pass@1 at the end"),
        /** pass@16 at the end. */
        PASS_AT_16("pass@16 at the end"),
        /** pass@1 at the largest cost that both reach. */
        AT_EQUAL_COST("pass@1 at the same cost"),
        /** Cost until the threshold, that of the whole run where it was not reached. */
        COST_TO_THRESHOLD("cost to take off");

        private final String words;

        Measure(String words) {
            this.words = words;
        }

        /** For people. */
        String words() {
            return words;
        }

        /** Whether the ends of both runs are compared, whatever each has cost. */
        boolean atTheEnd() {
            return this == END || this == PASS_AT_16;
        }
    }

    /** How it came out. */
    enum Verdict {
        /** As the paper says. */
        REPRODUCED("reproduced"),
        /** The other way round. */
        REVERSED("the opposite"),
        /** Neither is told apart from nothing. */
        OPEN("not told apart"),
        /** Some of its arms have fewer than two seeds. */
        NOT_RUN("not run"),
        /** Nothing of this size can tell. */
        UNTESTABLE("cannot be tested here");

        private final String words;

        Verdict(String words) {
            this.words = words;
        }

        /** For people. */
        String words() {
            return words;
        }
    }

    /**
     * How a claim came out.
     *
     * @param numbers that say so; empty where there are none
     */
    record Finding(Claim claim, Verdict verdict, String numbers) {}

    /**
     * How it came out.
     *
     * @param bases what is known of the base policies, by the name of the arm
     */
    Finding find(Yardstick yard, List<Outcome> outcomes, Map<String, Study.Base> bases) {
        return switch (look) {
            case Cosine c -> cosine(c, bases.get(c.arm()));
            case Untestable u -> new Finding(this, Verdict.UNTESTABLE, "");
            case Ends e -> ends(e, yard, of(outcomes, e.arm()));
            case Beside b -> beside(b, yard, outcomes);
            case NotHigher n -> beside(new Beside(n.arm(), n.other(), n.measure(), false), yard, outcomes);
        };
    }

    private Finding ends(Ends e, Yardstick yard, List<Outcome> outcomes) {
        if (outcomes.size() < 2) {
            return new Finding(this, Verdict.NOT_RUN, "");
        }
        List<Double> ends = outcomes.stream()
                .map(o -> Evaluations.passAt1(o.end(yard.set())))
                .toList();
        long right = ends.stream().filter(v -> v > e.bound() == e.above()).count();
        String numbers = String.format(
                Locale.ROOT,
                "%s: %d of %d seeds end %s %.2f",
                e.arm(),
                right,
                ends.size(),
                e.above() ? "above" : "at or below",
                e.bound());
        return new Finding(
                this,
                right == ends.size() ? Verdict.REPRODUCED : right == 0 ? Verdict.REVERSED : Verdict.OPEN,
                numbers);
    }

    private Finding cosine(Cosine c, Study.@Nullable Base base) {
        return base == null
                ? new Finding(this, Verdict.NOT_RUN, "")
                : new Finding(
                        this,
                        base.cosine() > 0 == c.positive() ? Verdict.REPRODUCED : Verdict.REVERSED,
                        c.arm() + ": " + base.text());
    }

    private static List<Outcome> of(List<Outcome> outcomes, String arm) {
        return outcomes.stream().filter(o -> o.arm().equals(arm)).toList();
    }

    /** Two runs of one seed. */
    private record Pair(Outcome first, Outcome second) {}

    private static List<Pair> pairs(List<Outcome> outcomes, String arm, String other) {
        List<Pair> out = new ArrayList<>();
        for (Outcome a : of(outcomes, arm)) {
            of(outcomes, other).stream()
                    .filter(b -> b.seed() == a.seed())
                    .findFirst()
                    .ifPresent(b -> out.add(new Pair(a, b)));
        }
        return out;
    }

    private Finding beside(Beside b, Yardstick yard, List<Outcome> outcomes) {
        List<Pair> pairs = pairs(outcomes, b.arm(), b.other());
        List<Double> differences = new ArrayList<>();
        pairs.forEach(p -> difference(yard, p, b.measure()).ifPresent(differences::add));
        return differences.size() < 2
                ? new Finding(this, Verdict.NOT_RUN, "")
                : new Finding(
                        this,
                        told(differences, b.higher()),
                        numbers(b.arm(), b.other(), b.measure(), differences) + budgets(yard, pairs, b.measure()));
    }

    /** What both have cost, where the ends of runs of different length are compared. */
    private static String budgets(Yardstick yard, List<Pair> pairs, Measure measure) {
        double first =
                pairs.stream().mapToDouble(p -> yard.spent(p.first())).average().orElseThrow();
        double second = pairs.stream()
                .mapToDouble(p -> yard.spent(p.second()))
                .average()
                .orElseThrow();
        return measure.atTheEnd() && first != second
                ? String.format(Locale.ROOT, "; after %.1fk and %.1fk", first / 1000, second / 1000)
                : "";
    }

    private static OptionalDouble difference(Yardstick yard, Pair pair, Measure measure) {
        Outcome a = pair.first();
        Outcome b = pair.second();
        return switch (measure) {
            case END ->
                OptionalDouble.of(Evaluations.passAt1(a.end(yard.set())) - Evaluations.passAt1(b.end(yard.set())));
            case PASS_AT_16 -> {
                JsonNode first = a.end(yard.set()).path("pass@16");
                JsonNode second = b.end(yard.set()).path("pass@16");
                yield first.isNumber() && second.isNumber()
                        ? OptionalDouble.of(first.asDouble() - second.asDouble())
                        : OptionalDouble.empty();
            }
            case AT_EQUAL_COST -> {
                double both = Math.min(yard.spent(a), yard.spent(b));
                yield OptionalDouble.of(
                        a.passAt1At(both, yard.set(), yard.cost()) - b.passAt1At(both, yard.set(), yard.cost()));
            }
            case COST_TO_THRESHOLD -> {
                OptionalDouble first = yard.takeOff(a);
                OptionalDouble second = yard.takeOff(b);
                yield first.isEmpty() && second.isEmpty()
                        ? OptionalDouble.empty()
                        : OptionalDouble.of(first.orElse(yard.spent(a)) - second.orElse(yard.spent(b)));
            }
        };
    }

    private static Verdict told(List<Double> differences, boolean higher) {
        Interval interval = interval(differences);
        return interval.low() > 0
                ? (higher ? Verdict.REPRODUCED : Verdict.REVERSED)
                : interval.high() < 0 ? (higher ? Verdict.REVERSED : Verdict.REPRODUCED) : Verdict.OPEN;
    }

    private static Interval interval(List<Double> differences) {
        return Interval.ofMean(
                differences.stream().mapToDouble(Double::doubleValue).toArray());
    }

    private static String numbers(String arm, String other, Measure measure, List<Double> differences) {
        Interval interval = interval(differences);
        String form = measure == Measure.COST_TO_THRESHOLD ? "%,+.0f (%,+.0f to %,+.0f)" : "%+.3f (%+.3f to %+.3f)";
        return arm + " less " + other + ", " + measure.words() + ": "
                + String.format(
                        Locale.ROOT,
                        form,
                        differences.stream()
                                .mapToDouble(Double::doubleValue)
                                .average()
                                .orElseThrow(),
                        interval.low(),
                        interval.high())
                + ", " + differences.size() + " seeds";
    }
}
