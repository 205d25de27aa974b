package io.foothold.verifier.answer;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** The boxes of a text: what stands in {@code \boxed} and its like. */
final class Boxes {
    /** What a box or a formula holds, and where it begins and ends. */
    record Span(int from, int to, String content) {}

    private static final int MOST_JOINED = 64;
    private static final List<String> BOXES = List.of("\\boxed", "\\fbox", "\\beginboxed");
    private static final Pattern DRESSING = Pattern.compile("\\\\q?quad|\\\\[()\\[\\]]|\\\\text|[$~{}]");
    private static final Pattern JOINT = Pattern.compile(
            "[\\s.]*(?:[,;]|[,;]?\\s*(?:[\\w()]+\\s+){0,5}(?:and|or))\\s*(?:[A-Za-z](?:_\\w+)?\\s*=\\s*)?");
    private static final Pattern PERCENT_BEHIND =
            Pattern.compile("(?is)[\\s$]*(?:\\\\?%|percent|pct|percentage)(?:\\b|\\W|$).*");

    private Boxes() {}

    /** The last complete box and its close neighbours. */
    static Optional<Extraction.Candidate> last(String text) {
        return last(text, false);
    }

    /**
     * The last complete box and its close neighbours.
     *
     * @param loosely whether a line break parts neighbours no more than a space does, as in a gold answer, which holds no second
     *     thoughts
     */
    static Optional<Extraction.Candidate> last(String text, boolean loosely) {
        List<Span> spans = spans(text);
        return spans.isEmpty() ? Optional.empty() : Optional.of(joined(text, spans, "last box", loosely));
    }

    /** The last complete boxes. Two passes at most, whatever is left open. */
    static List<Span> spans(String text) {
        List<Span> spans = spans(text, true);
        int last = Math.max(text.lastIndexOf("\\boxed"), text.lastIndexOf("\\fbox"));
        if (last < 0 || (!spans.isEmpty() && spans.get(spans.size() - 1).from() >= last)) {
            return spans;
        }
        // The last box holds one printed brace of a pair, as systems of equations do.
        List<Span> others = spans(text, false);
        return !others.isEmpty() && others.get(others.size() - 1).from() >= last ? others : spans;
    }

    private static List<Span> spans(String text, boolean printed) {
        List<Span> spans = new ArrayList<>();
        ArrayDeque<Integer> open = new ArrayDeque<>();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\\' && !printed && i + 1 < text.length()) {
                i++;
                continue;
            }
            if (c == '{') {
                open.push(i);
            } else if (c == '}' && !open.isEmpty()) {
                int from = open.pop();
                int command = command(text, from);
                if (command >= 0) {
                    spans.add(new Span(command, i + 1, text.substring(from + 1, i)));
                    if (spans.size() > 2 * MOST_JOINED) {
                        spans.subList(0, MOST_JOINED).clear();
                    }
                }
            }
        }
        return spans;
    }

    /** Where the box command begins whose brace is at {@code brace}; −1 when it is another brace. */
    private static int command(String text, int brace) {
        int end = brace;
        while (end > 0 && text.charAt(end - 1) == ' ') {
            end--;
        }
        for (String command : BOXES) {
            if (text.startsWith(command, end - command.length())) {
                return end - command.length();
            }
        }
        return -1;
    }

    /** The last span with those right before it. */
    static Extraction.Candidate joined(String text, List<Span> spans, String rule, boolean loosely) {
        Span last = spans.get(spans.size() - 1);
        List<String> parts = new ArrayList<>(List.of(last.content()));
        int from = last.from();
        for (int i = spans.size() - 2; i >= 0 && spans.get(i).to() <= from; i--) {
            String between = text.substring(spans.get(i).to(), from);
            if (between.length() > 70 || !(joins(between) || (loosely && adjacent(between)))) {
                break;
            }
            if (parts.size() == MOST_JOINED) {
                break;
            }
            parts.add(0, spans.get(i).content());
            from = spans.get(i).from();
        }
        String percent = PERCENT_BEHIND.matcher(text.substring(last.to())).matches() ? "%" : "";
        return parts.size() == 1
                ? new Extraction.Candidate(last.content() + percent, rule)
                : new Extraction.Candidate(String.join(" , ", parts) + percent, rule + ", " + parts.size() + " joined");
    }

    private static boolean joins(String between) {
        return JOINT.matcher(DRESSING.matcher(between).replaceAll(" ")).matches()
                || (between.indexOf('\n') < 0 && adjacent(between));
    }

    /** Whether nothing stands between two boxes but what dresses them. */
    private static boolean adjacent(String between) {
        return DRESSING.matcher(between.replace("\\\\", " ")).replaceAll(" ").isBlank();
    }
}
