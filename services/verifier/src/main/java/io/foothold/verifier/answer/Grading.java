package io.foothold.verifier.answer;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.verifier.math.MathAnswers.Policy;
import io.foothold.verifier.math.MathAnswers.Rule;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * How a response is judged where graders disagree: where its answer stands, and what counts as the same. Written as options with
 * commas between them, such as {@code boxed-required, places=2}; {@code pattern=} takes the rest of the text. The names are those
 * that graders use for these policies, see {@link #NAMES}. Immutable.
 *
 * @param form where the answer stands
 * @param policy what counts as the same in mathematics
 * @param choices texts of a multiple choice by letter; empty when unknown
 * @param letters letters that may be chosen; empty for A to J
 * @param pattern what an answer looks like, for {@link Form#PATTERN}
 */
public record Grading(
        Form form, Policy policy, Map<String, String> choices, Set<String> letters, Optional<Pattern> pattern) {
    /** Where an answer may stand. */
    public enum Form {
        /** Any documented form. */
        ANY,
        /** The last complete box. */
        BOX,
        /** The last complete box, in the last 300 characters. */
        BOX_AT_THE_END,
        /** The last complete box behind the end of the thinking, which must be there. */
        BOX_AFTER_THINKING,
        /** Behind the last {@code Answer:}, in the last 300 characters. */
        ANSWER_LINE,
        /** The one word behind the last {@code Answer:}, alone on its line. */
        ANSWER_WORD,
        /** The last square brackets. */
        BRACKETS,
        /** The first group of the last match of a pattern. */
        PATTERN
    }

    /** Training: only the demanded form counts. */
    public static final Grading TRAINING = new Grading(Form.BOX, Policy.STANDARD);

    /** Evaluation: every documented form counts. */
    public static final Grading EVALUATION = new Grading(Form.ANY, Policy.STANDARD);

    /** Option names with what they do, for help and docs/evaluation.md. */
    public static final Map<String, String> NAMES = names();

    /** Copies the collections. */
    public Grading {
        choices = Map.copyOf(choices);
        letters = Set.copyOf(letters);
    }

    private Grading(Form form, Policy policy) {
        this(form, policy, Map.of(), Set.of(), Optional.empty());
    }

    private static Map<String, String> names() {
        Map<String, String> out = new LinkedHashMap<>();
        out.put("boxed-required", "only the last box counts");
        out.put("strict-box", "only a box in the last 300 characters, compared as text");
        out.put("think-delimiter", "only a box behind </think> or ###Response");
        out.put("answer-line", "only what follows the last 'Answer:' of the last 300 characters, compared as text");
        out.put("answer-word", "only a single word behind the last 'Answer:'");
        out.put("bracket-answer", "only the last square brackets");
        out.put("pattern", "pattern=REGEX: the first group of its last match");
        out.put("percent-ignored", "10% and 10 are the same");
        out.put("ordered", "bare lists and sets keep their order");
        out.put("relative", "relative=X: numbers may differ by this share");
        out.put("places", "places=N: numbers are the same when they round to the same N decimals");
        out.put("reduced", "a fraction has to be in lowest terms");
        out.put("evaluated", "a rational number has to be worked out: 12, not 3*4");
        out.put(
                "contained",
                "in words: an answer of at most 300 characters may say more than the gold (of five letters or more)");
        out.put("renamed", "a single unknown may have another name");
        out.put("as-text", "spellings are compared, not values");
        out.put("choices", "choices=A:text|B:text: the text of an option stands for its letter");
        out.put("letters", "letters=ABCD: no other letter can be chosen");
        return out;
    }

    /**
     * This grading with options on top.
     *
     * @throws FootholdException INVALID_INPUT for an option that is not known or has a wrong value
     */
    public Grading with(String options) {
        Grading out = this;
        String rest = options.strip();
        while (!rest.isEmpty()) {
            int comma = rest.startsWith("pattern=") ? -1 : rest.indexOf(',');
            String option = comma < 0 ? rest : rest.substring(0, comma);
            rest = comma < 0 ? "" : rest.substring(comma + 1).strip();
            if (option.isBlank()) {
                continue;
            }
            int equals = option.indexOf('=');
            out = out.option(
                    (equals < 0 ? option : option.substring(0, equals)).strip(),
                    equals < 0 ? "" : option.substring(equals + 1).strip());
        }
        return out;
    }

    private Grading option(String name, String value) {
        return switch (name) {
            case "boxed-required" -> form(Form.BOX);
            case "strict-box" -> form(Form.BOX_AT_THE_END).policy(policy.with(Rule.AS_TEXT));
            case "think-delimiter" -> form(Form.BOX_AFTER_THINKING);
            case "answer-line" -> form(Form.ANSWER_LINE).policy(policy.with(Rule.AS_TEXT));
            case "answer-word" -> form(Form.ANSWER_WORD);
            case "bracket-answer" -> form(Form.BRACKETS);
            case "pattern" -> new Grading(Form.PATTERN, policy, choices, letters, Optional.of(compiled(value)));
            case "percent-ignored" -> policy(policy.with(Rule.PERCENT_IGNORED));
            case "ordered" -> policy(policy.with(Rule.ORDERED));
            case "reduced" -> policy(policy.with(Rule.REDUCED));
            case "evaluated" -> policy(policy.with(Rule.EVALUATED));
            case "contained" -> policy(policy.with(Rule.CONTAINED));
            case "renamed" -> policy(policy.with(Rule.RENAMED));
            case "as-text" -> policy(policy.with(Rule.AS_TEXT));
            case "relative" -> policy(new Policy(policy.rules(), number(name, value, 1), policy.places()));
            case "places" -> policy(new Policy(policy.rules(), policy.relative(), (int) number(name, value, 30)));
            case "choices" -> new Grading(form, policy, texts(value), letters, pattern);
            case "letters" -> new Grading(form, policy, choices, each(value), pattern);
            default ->
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT, "unknown grading option '" + name + "'" + hint(name, NAMES.keySet()));
        };
    }

    private static String hint(String name, Collection<String> names) {
        return Nearest.hint(name, List.copyOf(names));
    }

    private Grading form(Form f) {
        return new Grading(f, policy, choices, letters, pattern);
    }

    private Grading policy(Policy p) {
        return new Grading(form, p, choices, letters, pattern);
    }

    private static double number(String name, String value, double most) {
        try {
            double x = Double.parseDouble(value);
            if (x >= 0 && x <= most) {
                return x;
            }
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw new FootholdException(
                ErrorCode.INVALID_INPUT,
                "grading option " + name + " needs a number from 0 to " + most + ", got '" + value + "'");
    }

    private static Pattern compiled(String regex) {
        try {
            return Pattern.compile(regex);
        } catch (PatternSyntaxException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "grading option pattern: '" + regex + "' is no regular expression: " + e.getDescription(),
                    e);
        }
    }

    private static Map<String, String> texts(String value) {
        Map<String, String> out = new TreeMap<>();
        for (String choice : value.split("\\|")) {
            int colon = choice.indexOf(':');
            if (colon != 1 || !Character.isUpperCase(choice.charAt(0))) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "grading option choices needs LETTER:text with | between them, got '" + choice + "'");
            }
            out.put(choice.substring(0, 1), choice.substring(2).strip());
        }
        return out;
    }

    private static Set<String> each(String value) {
        Set<String> out = new TreeSet<>();
        value.chars().filter(Character::isUpperCase).forEach(c -> out.add(Character.toString(c)));
        if (out.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, "grading option letters needs capital letters, got '" + value + "'");
        }
        return out;
    }
}
