package io.foothold.augmentation.problems;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.ProblemKind;
import java.util.Optional;
import java.util.regex.Pattern;

/** What may stand as a gold answer in a row of JSON: one rule for problems and for graded cases. */
public final class GoldText {
    /** What may be around an answer and is none. */
    private static final Pattern MARKS = Pattern.compile(
            "\\\\(?:boxed|fbox|text|textbf|mathrm|left|right|displaystyle)(?![A-Za-z])|\\\\[()\\[\\],;:! ]|[${}\\s]");

    private GoldText() {}

    /**
     * An answer as text: a text as it is, or a finite number with the digits that it is written with (an exponent written out).
     *
     * @param where file and line, for messages
     * @throws FootholdException INVALID_DATA for anything else
     */
    public static String of(JsonNode node, String key, String where) {
        return switch (node.getNodeType()) {
            case STRING -> node.textValue();
            case NUMBER ->
                number(node)
                        .orElseThrow(() ->
                                wrong(where, key, "is a number that cannot be compared, being too large or too small"));
            case ARRAY, OBJECT, BOOLEAN, NULL, BINARY, MISSING, POJO ->
                throw wrong(where, key, "is " + JsonRows.kind(node));
        };
    }

    /**
     * The gold answer of a problem, which cannot be empty.
     *
     * @param where file and line, for messages
     * @throws FootholdException INVALID_DATA as {@link #of}, for a blank text, and for mathematics of which nothing is left without its
     *     marks
     */
    public static String gold(JsonNode node, String key, ProblemKind kind, String where) {
        String text = of(node, key, where);
        if (text.isBlank()) {
            throw wrong(where, key, "is empty");
        }
        boolean mathematical =
                switch (kind) {
                    case MATH, NUMERIC, CHOICE, COUNTDOWN -> true;
                    case TEXT, EXACT, CODE -> false;
                };
        if (mathematical && MARKS.matcher(text).replaceAll("").isEmpty()) {
            throw wrong(where, key, "holds nothing but marks: '" + text.strip() + "'");
        }
        return text;
    }

    /** The digits of a number; empty when it is too large or too small for a double, so that writing it out has an end. */
    static Optional<String> number(JsonNode node) {
        double value = node.doubleValue();
        return !Double.isFinite(value) || (value == 0 && node.decimalValue().signum() != 0)
                ? Optional.empty()
                : Optional.of(node.decimalValue().toPlainString());
    }

    private static FootholdException wrong(String where, String key, String what) {
        return new FootholdException(
                ErrorCode.INVALID_DATA, where + ": '" + key + "' " + what + " (expected a text or a number)");
    }
}
