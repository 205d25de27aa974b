package io.foothold.verifier.math;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads times of day: {@code 3:05}, {@code 15:05:00}, {@code 3:05 p.m.}, {@code 8 a.m.}, noon. Pure. */
final class ClockReader {
    private static final Pattern DRESSING = Pattern.compile("\\\\text|[{}]");
    private static final Pattern TIME = Pattern.compile(
            "(?:at )?(\\d{1,2})(?: ?(?:[:h]|\\.(?=\\d\\d ?[ap])) ?([0-5]\\d)(?: ?: ?([0-5]\\d))?)? ?(?:([ap])\\.? ?m\\.?|(o ?'? ?clock|h|hrs|hours)\\.?)?");
    private static final Pattern PART_OF_DAY =
            Pattern.compile("(?: o ?'? ?clock)? (?:in the |at )(morning|afternoon|evening|night)$");
    private static final int HOUR = 3600;
    private static final int NOON = 12 * HOUR;

    private ClockReader() {}

    static Optional<Answer> read(String s) {
        if (s.length() > 40
                || (s.indexOf(':') < 0
                        && s.indexOf('m') < 0
                        && s.indexOf('M') < 0
                        && s.indexOf('n') < 0
                        && s.indexOf('k') < 0
                        && s.indexOf('h') < 0)) {
            return Optional.empty();
        }
        String t = DRESSING.matcher(s)
                .replaceAll("")
                .strip()
                .toLowerCase(Locale.ROOT)
                .replaceAll(" +", " ");
        if (t.equals("noon") || t.equals("12 noon") || t.equals("12:00 noon")) {
            return Optional.of(new Answer.Clock(NOON, Answer.Half.SAID, null));
        }
        if (t.equals("midnight") || t.equals("12 midnight") || t.equals("12:00 midnight")) {
            return Optional.of(new Answer.Clock(0, Answer.Half.SAID, null));
        }
        Matcher part = PART_OF_DAY.matcher(t);
        if (part.find()) {
            t = part.replaceFirst(part.group(1).equals("morning") ? " am" : " pm");
        }
        Matcher m = TIME.matcher(t);
        if (!m.matches() || (m.group(2) == null && m.group(4) == null && !t.endsWith("clock"))) {
            return Optional.empty();
        }
        int hour = Integer.parseInt(m.group(1));
        int rest = (m.group(2) == null ? 0 : 60 * Integer.parseInt(m.group(2)))
                + (m.group(3) == null ? 0 : Integer.parseInt(m.group(3)));
        String half = m.group(4);
        if (half != null) {
            return hour < 1 || hour > 12
                    ? Optional.empty()
                    : Optional.of(new Answer.Clock(
                            hour % 12 * HOUR + rest + (half.equals("p") ? NOON : 0), Answer.Half.SAID, null));
        }
        if (hour > 24 || (hour == 24 && rest > 0)) {
            return Optional.empty();
        }
        boolean ofTheDay = hour > 12 || hour == 0 || m.group(1).startsWith("0");
        return Optional.of(new Answer.Clock(
                hour % 24 * HOUR + rest,
                ofTheDay ? Answer.Half.WRITTEN : Answer.Half.OPEN,
                m.group(5) == null ? ratio(m) : null));
    }

    /** The proportion that the digits can be meant as; none when one of them has a zero in front, as minutes have. */
    private static Answer.@Nullable Ratio ratio(Matcher m) {
        List<Expr> parts = new ArrayList<>();
        for (int g = 1; g <= 3; g++) {
            if (m.group(g) != null) {
                if (m.group(g).startsWith("0")) {
                    return null;
                }
                parts.add(Expr.Num.of(Integer.parseInt(m.group(g))));
            }
        }
        return new Answer.Ratio(List.copyOf(parts));
    }

    /** Whether two times are the same. What leaves the half of the day open is met by either half that the other one says. */
    static boolean same(Answer.Clock a, Answer.Clock b) {
        boolean either = (a.half() == Answer.Half.OPEN && b.half() == Answer.Half.SAID)
                || (a.half() == Answer.Half.SAID && b.half() == Answer.Half.OPEN);
        return either ? a.second() % NOON == b.second() % NOON : a.second() == b.second();
    }
}
