package io.foothold.cli.regress;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A bound on one number of a run.
 *
 * @param text as the suite has it
 * @param named what is bounded, as the suite has it
 * @param measure the same
 * @param relation how
 * @param bound the bound, or what the baseline is multiplied by
 * @param ofBaseline whether it is a multiple of the baseline
 * @param tolerance of {@link Relation#EQUAL}
 * @param surely whether the 95 % interval must clear the bound, and not only the number
 */
record Gate(
        String text,
        String named,
        Measure measure,
        Relation relation,
        double bound,
        boolean ofBaseline,
        double tolerance,
        boolean surely) {
    private static final String NUMBER = "[+-]?(?:\\d+(?:\\.\\d*)?|\\.\\d+)(?:[eE][+-]?\\d+)?";
    private static final Pattern FORM = Pattern.compile("(?<measure>.+?)\\s*(?<relation><=|>=|=)\\s*(?<bound>" + NUMBER
            + ")(?<baseline>\\s*x\\s+baseline)?(?:\\s*\\+-\\s*(?<tolerance>" + NUMBER + "))?(?<surely>\\s+surely)?");

    private static final String EXPECTED =
            "expected MEASURE >= | <= | = NUMBER, as in 'pass@1 of hard-test at the end >= 0.6 surely', "
                    + "'tokens to 0.75 of hard-test <= 1.2 x baseline', 'entropy at update 10 = 0.22 +- 0.05' or 'dropped groups <= 0'";

    /** How a number must lie to its bound. */
    enum Relation {
        AT_LEAST,
        AT_MOST,
        EQUAL
    }

    /** What became of it. */
    enum Outcome {
        HELD,
        BROKEN,
        /** There is nothing to compare with yet. */
        NO_BASELINE
    }

    /**
     * What was found.
     *
     * @param told in words, with the number and its bound
     */
    record Finding(Gate gate, Outcome outcome, OptionalDouble value, String told) {
        /** The outcome in words. */
        String word() {
            return outcome.name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    /**
     * Reads one.
     *
     * @param at where it stands, as a message begins
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} for a text that is none
     */
    static Gate parse(String at, String text) {
        Matcher m = FORM.matcher(text.strip());
        if (!m.matches()) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, at + ": '" + text + "' is no gate (" + EXPECTED + ")");
        }
        Relation relation =
                switch (m.group("relation")) {
                    case ">=" -> Relation.AT_LEAST;
                    case "<=" -> Relation.AT_MOST;
                    default -> Relation.EQUAL;
                };
        Measure measure = Measure.parse(at, m.group("measure"));
        boolean surely = m.group("surely") != null;
        String wrong = surely && !measure.hasInterval()
                ? "'surely' needs a pass@k, whose interval is known"
                : relation == Relation.EQUAL && surely
                        ? "'surely' and '=' exclude each other"
                        : (relation == Relation.EQUAL) != (m.group("tolerance") != null)
                                ? "'=' needs a tolerance, '+- NUMBER', and only '='"
                                : "";
        if (!wrong.isEmpty()) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, at + ": gate '" + text + "': " + wrong);
        }
        return new Gate(
                text.strip(),
                m.group("measure").strip(),
                measure,
                relation,
                Double.parseDouble(m.group("bound")),
                m.group("baseline") != null,
                m.group("tolerance") == null ? 0 : Double.parseDouble(m.group("tolerance")),
                surely);
    }

    /**
     * Looks whether it holds.
     *
     * @param baseline the number's usual value; empty where none is known
     */
    Finding judge(Numbers numbers, OptionalDouble baseline) {
        OptionalDouble found = measure.in(numbers);
        if (found.isEmpty()) {
            return new Finding(this, Outcome.BROKEN, found, measure.absence(numbers));
        }
        double value = found.getAsDouble();
        if (ofBaseline && baseline.isEmpty()) {
            return new Finding(
                    this,
                    Outcome.NO_BASELINE,
                    found,
                    number(value) + "; there is no baseline yet (--record makes one)");
        }
        double limit = ofBaseline ? bound * baseline.orElseThrow() : bound;
        double counted = surely
                ? relation == Relation.AT_LEAST
                        ? measure.low(numbers).orElse(Double.NaN)
                        : measure.high(numbers).orElse(Double.NaN)
                : value;
        boolean held =
                switch (relation) {
                    case AT_LEAST -> counted >= limit;
                    case AT_MOST -> counted <= limit;
                    case EQUAL -> Math.abs(counted - limit) <= tolerance;
                };
        return new Finding(
                this,
                held ? Outcome.HELD : Outcome.BROKEN,
                found,
                number(value)
                        + (surely
                                ? " (interval " + number(measure.low(numbers).orElse(Double.NaN)) + " to "
                                        + number(measure.high(numbers).orElse(Double.NaN)) + ")"
                                : "")
                        + (ofBaseline ? "; the bound is " + number(limit) : ""));
    }

    private static String number(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e15
                ? Long.toString((long) value)
                : String.format(Locale.ROOT, "%.4g", value);
    }
}
