package io.foothold.localizer.thought;

import io.foothold.core.prompt.Placeholders;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Self-localization in words (arXiv 2605.25507): the policy reads its own thoughts as numbered steps and names the first
 * wrong one. What cannot be read stays unreadable; the authors' code takes step 1 then.
 */
public final class StatedStep {
    private static final Pattern BOXED = Pattern.compile("\\\\boxed\\{\\s*(-?\\d{1,6})\\s*\\}");
    private static final Pattern STEP = Pattern.compile("(?i)\\bstep\\s+(\\d{1,6})\\b");

    /** What an answer says. */
    public sealed interface Reading {
        /** One-based number of a thought. */
        record Step(int number) implements Reading {}

        /** The policy finds no error. */
        record NoError() implements Reading {}

        /** No number in range. */
        record Unreadable(String why) implements Reading {}
    }

    private StatedStep() {}

    /**
     * The question.
     *
     * @param template with {problem}, {steps} and {count}
     * @param delimiterless thoughts without their delimiters
     */
    public static String question(String template, String problem, List<String> delimiterless) {
        StringBuilder steps = new StringBuilder();
        for (int i = 0; i < delimiterless.size(); i++) {
            steps.append("Step ")
                    .append(i + 1)
                    .append(": ")
                    .append(delimiterless.get(i).strip())
                    .append('\n');
        }
        return Placeholders.fill(
                template,
                Map.of("problem", problem, "steps", steps.toString(), "count", Integer.toString(delimiterless.size())));
    }

    /** Reads an answer: the last boxed whole number, else the last "Step k" in range. A boxed 0 says that nothing is wrong. */
    public static Reading read(String answer, int count) {
        OptionalInt boxed = last(BOXED, answer, -1_000_000, 1_000_000);
        if (boxed.isPresent()) {
            int n = boxed.getAsInt();
            return n == 0
                    ? new Reading.NoError()
                    : n >= 1 && n <= count
                            ? new Reading.Step(n)
                            : new Reading.Unreadable("step " + n + " of " + count + " was named");
        }
        OptionalInt named = last(STEP, answer, 1, count);
        return named.isPresent()
                ? new Reading.Step(named.getAsInt())
                : new Reading.Unreadable("no \\boxed{number} and no step of 1 to " + count + " in the answer");
    }

    private static OptionalInt last(Pattern pattern, String text, int low, int high) {
        OptionalInt out = OptionalInt.empty();
        Matcher m = pattern.matcher(text);
        while (m.find()) {
            int n = Integer.parseInt(m.group(1));
            if (n >= low && n <= high) {
                out = OptionalInt.of(n);
            }
        }
        return out;
    }
}
