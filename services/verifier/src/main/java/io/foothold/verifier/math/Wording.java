package io.foothold.verifier.math;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What words say: numbers and fractions written out, dates, and sentences that say the same. Pure. */
final class Wording {
    private static final List<String> SMALL = List.of(
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen");
    private static final List<String> TENS =
            List.of("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety");
    private static final Map<String, Long> LARGE = Map.of("thousand", 1_000L, "million", 1_000_000L);
    private static final Map<String, Integer> PARTS = Map.ofEntries(
            Map.entry("half", 2),
            Map.entry("halve", 2),
            Map.entry("third", 3),
            Map.entry("quarter", 4),
            Map.entry("fourth", 4),
            Map.entry("fifth", 5),
            Map.entry("sixth", 6),
            Map.entry("seventh", 7),
            Map.entry("eighth", 8),
            Map.entry("ninth", 9),
            Map.entry("tenth", 10));
    private static final Pattern DRESSING = Pattern.compile("\\\\text|[{}]");
    private static final Pattern WORDS = Pattern.compile("[a-z]+(?:[ -]+[a-z]+){0,11}");
    private static final Pattern SPACES = Pattern.compile(" {2,}");
    private static final Pattern WORD_END = Pattern.compile("[ .,]");
    private static final int LONGEST = 120;
    private static final Pattern SPLIT = Pattern.compile("[ -]+");

    private static final String MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\\.?";
    private static final Pattern DATE = Pattern.compile("(?:(?:on )?(?:the )?(\\d{1,2})(?:st|nd|rd|th)?(?: of)? "
            + MONTH + "|(?:on )?" + MONTH + " (?:the )?(\\d{1,2})(?:st|nd|rd|th)?)(?:,? (\\d{4}))?");
    private static final List<String> MONTHS = List.of(
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december");

    private static final Pattern FRAME = Pattern.compile(
            "^(?:there(?:is|are|exists?)|theansweris|itis|itwas|theyare|the(?=[a-z]{3}))(?:an?(?=no))?");
    private static final Pattern SERIES = Pattern.compile("(?:di|con)verge(?:s|nt)");

    private static final Set<String> KINDS =
            Set.of("solution", "triangle", "number", "function", "sequence", "series", "matrix", "player", "team");
    private static final int SHORTEST = 3;

    private Wording() {}

    private static String words(String text) {
        String s = text.indexOf('{') < 0 && text.indexOf('}') < 0
                ? text
                : DRESSING.matcher(text).replaceAll("");
        return SPACES.matcher(s.strip().toLowerCase(Locale.ROOT)).replaceAll(" ");
    }

    /**
     * Whether a text may be words, with digits or without: a look that costs little.
     *
     * @param digits whether some must stand in it, or none may
     */
    private static boolean mayBeWords(String text, boolean digits) {
        if (text.length() > LONGEST) {
            return false;
        }
        boolean digit = false;
        boolean letter = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if ("=^_+*/<>()[]|&%!:;".indexOf(c) >= 0 || c > 127) {
                return false;
            }
            digit |= c >= '0' && c <= '9';
            letter |= Character.isLetter(c);
        }
        return digit == digits && letter;
    }

    /** A number or a fraction in English words: {@code twenty-four}, {@code minus one hundred five}, {@code two thirds}. */
    static Optional<Expr> number(String text) {
        if (!mayBeWords(text, false)) {
            return Optional.empty();
        }
        String s = words(text);
        if (!WORDS.matcher(s).matches()) {
            return Optional.empty();
        }
        List<String> all = List.of(SPLIT.split(s, -1));
        boolean negative = all.get(0).equals("minus") || all.get(0).equals("negative");
        return value(negative ? all.subList(1, all.size()) : all).map(x -> negative ? Expr.negative(x) : x);
    }

    private static Optional<Expr> value(List<String> words) {
        if (words.isEmpty()) {
            return Optional.empty();
        }
        String last = words.get(words.size() - 1);
        Integer parts = PARTS.get(last.endsWith("s") ? last.substring(0, last.length() - 1) : last);
        if (parts != null && words.size() > 1) {
            OptionalLong top = whole(words.subList(0, words.size() - 1));
            return top.isPresent()
                    ? Optional.of(new Expr.Quotient(Expr.Num.of(top.getAsLong()), Expr.Num.of(parts)))
                    : Optional.empty();
        }
        OptionalLong n = whole(words);
        return n.isPresent() ? Optional.of(Expr.Num.of(n.getAsLong())) : Optional.empty();
    }

    private static OptionalLong whole(List<String> words) {
        long total = 0;
        long group = 0;
        long least = Long.MAX_VALUE;
        // What may still come in this group: 1000 hundreds and all, 100 tens, 10 ones, 1 nothing.
        int room = 1_000;
        for (String w : words) {
            int small = SMALL.indexOf(w);
            int tens = TENS.indexOf(w);
            if (small >= 0 && (small < 10 ? room >= 10 : room >= 100)) {
                group += small;
                room = room == 1_000 ? 999 : 1;
                if (small >= 10 || small == 0) {
                    room = 1;
                }
            } else if (tens >= 2 && (room == 1_000 || room == 100)) {
                group += 10L * tens;
                room = 10;
            } else if (w.equals("hundred") && room == 999) {
                group *= 100;
                room = 100;
            } else if (LARGE.containsKey(w) && room != 1_000 && LARGE.get(w) < least) {
                least = LARGE.get(w);
                total += group * least;
                group = 0;
                room = 1_000;
            } else if (!w.equals("and") || room != 100) {
                return OptionalLong.empty();
            }
        }
        return words.isEmpty() || words.get(words.size() - 1).equals("and")
                ? OptionalLong.empty()
                : OptionalLong.of(total + group);
    }

    /** A date with its month in words, in one spelling. */
    static Optional<String> date(String text) {
        if (!mayBeWords(text, true)) {
            return Optional.empty();
        }
        String s = words(text);
        Matcher m = DATE.matcher(s);
        if (!m.matches()) {
            return Optional.empty();
        }
        boolean dayFirst = m.group(1) != null;
        int day = Integer.parseInt(m.group(dayFirst ? 1 : 4));
        String abbreviated = m.group(dayFirst ? 2 : 3);
        String written = WORD_END.split(s.substring(m.start(dayFirst ? 2 : 3)), 2)[0];
        String month = MONTHS.stream()
                .filter(x -> x.startsWith(abbreviated))
                .findFirst()
                .orElseThrow();
        return day < 1 || day > 31 || !(month.startsWith(written) || written.equals("sept"))
                ? Optional.empty()
                : Optional.of("date " + day + " " + month + (m.group(5) == null ? "" : " " + m.group(5)));
    }

    /**
     * Whether two texts without spaces say the same: but for case, a frame such as "there is", a plural, or the word for what is
     * asked for.
     */
    static boolean same(String a, String b) {
        if (a.equalsIgnoreCase(b)) {
            return true;
        }
        for (String one : unframed(a)) {
            for (String two : unframed(b)) {
                if (plain(one).equals(plain(two)) || kinded(one, two) || kinded(two, one)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Whether a text is another one and the word for its kind: isosceles triangle. */
    private static boolean kinded(String longer, String shorter) {
        return shorter.length() >= SHORTEST
                && longer.startsWith(shorter)
                && KINDS.contains(plain(longer.substring(shorter.length())));
    }

    /** A text without its frame, also without the article that may stand behind one. */
    private static List<String> unframed(String bare) {
        String s = bare.toLowerCase(Locale.ROOT);
        Matcher m = FRAME.matcher(s);
        if (!m.lookingAt()) {
            return List.of(s);
        }
        String rest = s.substring(m.end());
        return rest.startsWith("a")
                ? List.of(rest, rest.substring(rest.startsWith("an") ? 2 : 1), rest.substring(1))
                : List.of(rest);
    }

    private static String plain(String s) {
        if (SERIES.matcher(s).matches()) {
            return s.substring(0, s.indexOf("verge")) + "verge";
        }
        if (s.equals("dne")) {
            return "doesnotexist";
        }
        return s.length() > 5 && s.endsWith("s") && !s.endsWith("ss") ? s.substring(0, s.length() - 1) : s;
    }
}
