package io.foothold.verifier.math;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Spellings that mean the same, made the same: what parsers and text comparison read. */
final class Spelling {
    private static final String COMMANDS =
            "d?t?c?frac|sqrt|left|right|begin|end|cdot|times|div|pi|text|mathrm|mathbf|boxed|cup|cap|infty|pm|theta|alpha|beta|quad|sin|cos|tan|log|ln|circ|angle|leq?|geq?|neq?";
    private static final Pattern DOUBLED = Pattern.compile("(?<!\\\\)\\\\\\\\(?=(?:" + COMMANDS + ")(?![a-zA-Z]))");
    private static final Pattern SIZES = Pattern.compile(
            "\\\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits|nolimits|hfill|,?hspace\\{[^{}]*}|color\\{[^{}]*})(?![a-zA-Z])");
    private static final String CONTENT = "\\s*\\{([^{}]*+(?:\\{[^{}]*+}[^{}]*+)*+)}";
    private static final Pattern FONT = Pattern.compile(
            "\\\\(mathrm|mathbf|mathit|mathsf|mathcal|mathnormal|boldsymbol|bm|operatorname\\*?|rm|bf|it|overrightarrow|vec|widehat|hat)"
                    + CONTENT);
    private static final Pattern TEXT =
            Pattern.compile("\\\\(?:text(?:normal|bf|it|rm|sf|tt|up|md|sc|sl)?|mbox|hbox|emph|mathtt)" + CONTENT);
    /** The old way to set a group in roman letters. */
    private static final Pattern OLD_FONT = Pattern.compile("\\{\\s*\\\\(rm|bf|it|sf)(?![A-Za-z])\\s*([^{}]*)}");
    /** What stands before a unit: a number's end, or another unit that this one multiplies or divides. */
    private static final Pattern QUANTITY_BEFORE = Pattern.compile(
            "(?:[\\d)}!]|\\\\pi)\\s*(?:(?:\\\\[,;:! ]|~|\\\\cdot|\\\\times|\\*|/|\\\\q?quad|\\(|\\\\[dt]?frac\\s*\\{|\\{)\\s*)*$");

    private static final int LONGEST_BEFORE = 40;
    private static final Pattern CONJUNCTION =
            Pattern.compile("\\\\text\\{\\s*[,;]?\\s*(or|and)\\s*}|\\\\(?:lor|vee)(?![A-Za-z])");
    private static final Pattern NUMBER_IN_FRONT = Pattern.compile(
            "\\s*([-+]?[\\d.,]*\\d(?:/\\d+)?)\\s+((?!(?:and|or|to|of|is|out|in)\\b)[A-Za-z].*)", Pattern.DOTALL);
    private static final String UNIT = "\\s*(\\\\text\\{[^{}]*}(?:\\s*\\^\\s*\\{?\\d}?)?)\\s*";
    private static final Pattern UNIT_FRACTION =
            Pattern.compile("\\\\[dt]?frac\\s*\\{" + UNIT + "}\\s*\\{" + UNIT + "}");
    private static final Pattern OHM = Pattern.compile("(?<=[\\d} ,;])([kM]?)\\\\Omega(?=\\W*$)");
    private static final Pattern MICRO =
            Pattern.compile("\\\\mu\\s*(?:\\\\[,! ]\\s*)?[\\\\{]+(?:text|mathrm)?\\{? ?([msgLAVF]) ?}");
    private static final Pattern TEXT_PARTS = Pattern.compile("[{}$]");
    private static final Pattern NORM = Pattern.compile("(?<!\\\\)\\\\(?:\\||[lr]?Vert(?![A-Za-z]))");
    /** A decimal that goes on is near the value that it is said to equal. */
    private static final Pattern GOES_ON = Pattern.compile("(?:=|\\\\approx) ?(-?\\d*\\.\\d+) ?\\\\ldots *$");

    /** A decimal whose last digits come three times, or six and more of them twice, before it goes on. */
    private static final Pattern REPEATING = Pattern.compile(
            "(?<![\\d.])(\\d*\\.\\d*?)(?:(\\d{1,5}?)\\2{2,}|(\\d{6,20}?)\\3+)(\\d{0,19}) ?\\\\ldots(?! ?\\d)");

    private static final Pattern ABOUT = Pattern.compile(
            "\\(\\s*\\\\approx\\s*([^()]*)\\)\\s*$|(?:[,;]?\\s*(?:\\bor\\s+)?|^\\s*)(?:\\\\text\\s*\\{\\s*(?:,?\\s*or\\s+)?(?:approximately|approx\\.?|about|roughly)\\s*}|(?<!\\\\)\\b(?:approximately|approx\\.?|about|roughly))\\s*(?=[-\\d.\\\\$])");
    /** Signs that say what kind of figure letters name. */
    private static final Pattern FIGURE = Pattern.compile(
            "\\\\(?:triangle(?![a-z])\\s*(?=[A-Z])|over(?:line|rightarrow|leftrightarrow)\\s*\\{\\s*([A-Z]{2,4})\\s*})");

    private static final Pattern THIN = Pattern.compile("(?<!\\\\)\\\\[,!;:> ]|~");
    private static final Pattern THIN_IN_NUMBER =
            Pattern.compile("(?<=\\d)\\s*(?:\\\\[,!]|,\\\\!|\\{,\\s*}(?:\\\\[,!])?)\\s*(?=\\d{3}(?!\\d))");
    private static final Pattern SPACES = Pattern.compile("\\s+");

    private record Rewrite(String needs, Pattern from, String to) {
        static Rewrite of(String needs, String from, String to) {
            return new Rewrite(needs, Pattern.compile(from), Matcher.quoteReplacement(to));
        }
    }

    private static final List<Rewrite> REWRITES = List.of(
            Rewrite.of("frac", "\\\\[dtc]frac(?![a-zA-Z])", "\\frac"),
            Rewrite.of("binom", "\\\\[dt]binom(?![a-zA-Z])", "\\binom"),
            Rewrite.of("quad", "(?<=[\\w})])\\s*\\\\q?quad\\s*(?=[A-Za-z](?:_\\{?\\w+}?)?\\s*=)", ", "),
            Rewrite.of("quad", "\\\\q?quad", " "),
            Rewrite.of("dots", "\\\\[lc]?dots[cbmi]?(?![a-zA-Z])", "\\ldots "),
            Rewrite.of("\\le", "\\\\leqslant|\\\\leq(?![a-z])", "\\le "),
            Rewrite.of("<=", "<=", "\\le "),
            Rewrite.of("\\ge", "\\\\geqslant|\\\\geq(?![a-z])", "\\ge "),
            Rewrite.of(">=", ">=", "\\ge "),
            Rewrite.of("\\neq", "\\\\neq(?![a-z])", "\\ne "),
            Rewrite.of("!=", "!=", "\\ne "),
            Rewrite.of("\\langle", "\\\\langle(?![a-z])", "("),
            Rewrite.of("\\rangle", "\\\\rangle(?![a-z])", ")"),
            Rewrite.of("\\simeq", "\\\\simeq(?![a-z])", "\\approx "),
            Rewrite.of("\\colon", "\\\\colon(?![a-z])", ":"),
            Rewrite.of("\\cong", "\\\\cong(?![a-z])", "\\approx "),
            Rewrite.of("\\doteq", "\\\\doteq(?![a-z])", "\\approx "),
            Rewrite.of("\\lt", "\\\\lt(?![a-z])", "<"),
            Rewrite.of("\\gt", "\\\\gt(?![a-z])", ">"));
    /** The old way to set a fraction or a binomial coefficient. */
    private static final Pattern INFIX = Pattern.compile(
            "\\{([^{}]{1,200}?)\\\\(over|choose)(?![A-Za-z])([^{}]*+)}|^([\\w\\s]{1,100})\\\\(choose)(?![A-Za-z])([\\w\\s]{1,100})$");
    /** A binomial coefficient with its numbers before and behind a C. */
    private static final Pattern COMBINATIONS =
            Pattern.compile("(?:\\{ ?\\} ?)?[_^] ?\\{? ?(\\d{1,6}|[a-z]) ?}? ?\\{?C}?_ ?\\{? ?(\\d{1,6}|[a-z]) ?}?");
    /** The cosine with i times the sine, as a word. */
    private static final Pattern CIS =
            Pattern.compile("\\{cis}|\\\\text\\{ ?cis ?}|\\\\cis(?![A-Za-z])|(?<![A-Za-z\\\\])cis(?![A-Za-z])");

    private static final Pattern BARE_BRACKET = Pattern.compile("(?<!\\\\)\\\\[\\[\\]]");
    private static final Pattern CURRENCY = Pattern.compile("[\u20ac\u00a3\u00a5]");
    private static final Pattern WORDS_IN_TEXT = Pattern.compile("\\\\text\\{([^{}]*)}");
    private static final Map<Character, String> CHARACTERS = new HashMap<>();

    static {
        String[] pairs = {
            "\u2212",
            "-",
            "\u2010",
            "-",
            "\u2011",
            "-",
            "\u2012",
            "-",
            "\u2013",
            "-",
            "\ufe63",
            "-",
            "\uff0d",
            "-",
            "\u00d7",
            "*",
            "\u22c5",
            "*",
            "\u00b7",
            "*",
            "\u2217",
            "*",
            "\u00f7",
            "/",
            "\u2215",
            "/",
            "\u2044",
            "/",
            "\u2264",
            "\\le ",
            "\u2265",
            "\\ge ",
            "\u2260",
            "\\ne ",
            "\u2205",
            "\\emptyset ",
            "\u211d",
            "\\mathbb{R} ",
            "\u27e8",
            "(",
            "\u27e9",
            ")",
            "\u2248",
            "\\approx ",
            "\u03c0",
            "\\pi ",
            "\u221e",
            "\\infty ",
            "\u222a",
            "\\cup ",
            "\u2229",
            "\\cap ",
            "\u2208",
            "\\in ",
            "\u00b1",
            "\\pm ",
            "\u00b0",
            "^\\circ ",
            "\u00b2",
            "^2",
            "\u00b3",
            "^3",
            "\u00b9",
            "^1",
            "\u221a",
            "\\sqrt ",
            "\u00bd",
            "\\frac{1}{2}",
            "\u2153",
            "\\frac{1}{3}",
            "\u2154",
            "\\frac{2}{3}",
            "\u00bc",
            "\\frac{1}{4}",
            "\u00be",
            "\\frac{3}{4}",
            "\u2155",
            "\\frac{1}{5}",
            "\u215b",
            "\\frac{1}{8}",
            "\uff0c",
            ",",
            "\u3001",
            ",",
            "\uff1b",
            ";",
            "\uff1a",
            ":",
            "\uff08",
            "(",
            "\uff09",
            ")",
            "\uff3b",
            "[",
            "\uff3d",
            "]",
            "\uff0e",
            ".",
            "\u3002",
            ".",
            "\uff1d",
            "=",
            "\uff0b",
            "+",
            "\uff05",
            "%",
            "\u2019",
            "'",
            "\u2018",
            "'",
            "\u201c",
            "\"",
            "\u201d",
            "\"",
            "\u00a0",
            " ",
            "\u2009",
            " ",
            "\u202f",
            " ",
            "\u2002",
            " ",
            "\u2003",
            " ",
            "\u200b",
            "",
            "\u2026",
            "\\ldots ",
            "\u03b1",
            "\\alpha ",
            "\u03b2",
            "\\beta ",
            "\u03b8",
            "\\theta ",
            "\u03bb",
            "\\lambda ",
            "\u03c6",
            "\\varphi ",
            "\u2220",
            "\\angle ",
        };
        for (int i = 0; i < pairs.length; i += 2) {
            CHARACTERS.put(pairs[i].charAt(0), pairs[i + 1]);
        }
        for (char d = 0; d < 10; d++) {
            CHARACTERS.put((char) ('\uff10' + d), String.valueOf((char) ('0' + d)));
        }
    }

    private Spelling() {}

    /** LaTeX without dressing: Unicode signs as commands, no sizes, fonts or delimiters of mathematics. */
    static String clean(String text) {
        String s = signs(text);
        if (s.indexOf('\\') >= 0) {
            s = commands(s);
        }
        s = s.replace("...", "\\ldots ");
        for (Rewrite r : REWRITES) {
            if (s.contains(r.needs())) {
                s = r.from().matcher(s).replaceAll(r.to());
            }
        }
        if (s.contains("choose") || s.contains("\\over")) {
            s = rewritten(
                    INFIX,
                    s,
                    m -> m.group(2) != null
                            ? (m.group(2).equals("over") ? "\\frac{" : "\\binom{") + m.group(1) + "}{" + m.group(3)
                                    + "}"
                            : "\\binom{" + m.group(4) + "}{" + m.group(6) + "}");
        }
        if (s.contains("C_")) {
            s = COMBINATIONS.matcher(s).replaceAll("\\\\binom{$1}{$2}");
        }
        if (s.contains("cis")) {
            s = CIS.matcher(s).replaceAll("\\\\cis ");
        }
        if (s.contains("\\ldots")) {
            s = rewritten(REPEATING, s, Spelling::repeating);
            s = rewritten(GOES_ON, s, m -> "\\approx " + m.group(1));
        }
        if (s.contains("approx") || s.contains("about") || s.contains("roughly")) {
            s = rewritten(ABOUT, s, m -> "\\approx " + (m.group(1) == null ? "" : m.group(1)));
        }
        if (s.contains("\\over") || s.contains("\\triangle")) {
            s = FIGURE.matcher(s).replaceAll("$1");
        }
        if (s.contains("\\,") || s.contains("\\!") || s.contains("{,")) {
            s = THIN_IN_NUMBER.matcher(s).replaceAll("");
        }
        if (s.indexOf('\\') >= 0 || s.indexOf('~') >= 0) {
            s = THIN.matcher(s).replaceAll(" ");
        }
        return spaced(undelimited(s)).strip();
    }

    /** With one space for each run of spaces. */
    private static String spaced(String s) {
        StringBuilder out = new StringBuilder(s.length());
        boolean open = false;
        for (int i = 0; i < s.length(); i++) {
            boolean space = isSpace(s.charAt(i));
            if (!space) {
                out.append(s.charAt(i));
            } else if (!open) {
                out.append(' ');
            }
            open = space;
        }
        return out.toString();
    }

    private static boolean isSpace(char c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
    }

    /** A decimal that goes on as a bar would say it; as it was when its last digits do not begin what comes again. */
    private static String repeating(MatchResult decimal) {
        String again = decimal.group(2) == null ? decimal.group(3) : decimal.group(2);
        return again.startsWith(decimal.group(4)) ? decimal.group(1) + "\\overline{" + again + "}" : decimal.group();
    }

    /** The text with each place as what it becomes, to the letter: what is cut from an answer may hold a backslash or a dollar. */
    private static String rewritten(Pattern pattern, String text, Function<MatchResult, String> becomes) {
        return pattern.matcher(text).replaceAll(place -> Matcher.quoteReplacement(becomes.apply(place)));
    }

    private static String signs(String text) {
        StringBuilder out = new StringBuilder(text.length() + 16);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            String as = c < 128 ? null : CHARACTERS.get(c);
            if (as == null) {
                out.append(c);
            } else {
                out.append(as);
            }
        }
        return out.toString();
    }

    /** Damaged backslashes, sizes, fonts and texts. */
    private static String commands(String text) {
        String s = text;
        if (s.contains("\\\\") && DOUBLED.matcher(s).find()) {
            s = DOUBLED.matcher(s).replaceAll("\\\\").replace("\\\\\\\\", "\\\\");
        }
        s = SIZES.matcher(s).replaceAll("");
        s = s.replace("\\lbrace", "\\{").replace("\\rbrace", "\\}");
        if (s.contains("\\|") || s.contains("Vert")) {
            s = NORM.matcher(s).replaceAll("|");
        }
        if (s.contains("\\rm") || s.contains("\\bf") || s.contains("\\it") || s.contains("\\sf")) {
            s = OLD_FONT.matcher(s).replaceAll("\\\\math$1{$2}");
        }
        String fonts = s;
        s = rewritten(FONT, s, m -> plain(m.group(1), m.group(2), fonts, m.start()));
        String texts = s;
        s = rewritten(
                TEXT,
                s,
                m -> isLetterAlone(m.group(1).strip()) && !isUnit(m.group(1), texts, m.start())
                                || m.group(1).strip().matches("-?[\\d.,]+")
                        ? " " + m.group(1) + " "
                        : worded(TEXT_PARTS.matcher(m.group(1)).replaceAll("")));
        if (s.contains("frac")) {
            s = UNIT_FRACTION.matcher(s).replaceAll("$1/$2");
        }
        if (s.contains("\\Omega") || s.contains("\\mu")) {
            s = rewritten(OHM, s, m -> "\\text{" + m.group(1) + "ohm}");
            s = MICRO.matcher(s).replaceAll("\\\\text{\u00b5$1}");
        }
        return !(s.contains("or") || s.contains("and") || s.contains("\\vee"))
                ? s
                : rewritten(CONJUNCTION, s, m -> m.group(1) == null ? " or " : " " + m.group(1) + " ");
    }

    /** Words as a text; a number in front of them is none of them. */
    private static String worded(String words) {
        Matcher counted = NUMBER_IN_FRONT.matcher(words);
        return counted.matches()
                ? " " + counted.group(1) + " \\text{" + counted.group(2) + "}"
                : "\\text{" + words + "}";
    }

    /** What letters of a font stand for: a function, a unit behind a number, a conjunction, or themselves. */
    private static String plain(String font, String content, String text, int at) {
        String inside = content.strip();
        if (font.startsWith("math") || font.startsWith("op") || font.equals("rm")) {
            String unit = SPACES.matcher(THIN.matcher(inside).replaceAll(" ")).replaceAll(" ");
            if (Units.isWord(unit)
                    && QUANTITY_BEFORE
                            .matcher(text.substring(Math.max(0, at - LONGEST_BEFORE), at))
                            .find()) {
                return "\\text{" + TEXT_PARTS.matcher(unit).replaceAll("") + "}";
            }
        }
        if (Grammar.isFunction(inside)) {
            return "\\" + inside + " ";
        }
        return inside.equals("or") || inside.equals("and") ? "\\text{" + inside + "}" : "{" + content + "}";
    }

    /** Whether a letter that can name a unit stands behind a number and a space. */
    private static boolean isUnit(String letter, String text, int at) {
        return letter.length() > 1
                && letter.charAt(0) == ' '
                && "CVKA".contains(letter.strip())
                && QUANTITY_BEFORE
                        .matcher(text.substring(Math.max(0, at - LONGEST_BEFORE), at))
                        .find();
    }

    /** A letter that is no unit, or one in round brackets. */
    private static boolean isLetterAlone(String text) {
        return text.length() == 3
                        && text.charAt(0) == '('
                        && text.charAt(2) == ')'
                        && Character.isLetter(text.charAt(1))
                || text.length() == 1 && "mgshLJNW".indexOf(text.charAt(0)) < 0;
    }

    /** Without the delimiters of mathematics and without currency signs. */
    private static String undelimited(String s) {
        String t = s;
        if (t.indexOf('$') >= 0) {
            t = t.replace("\\$", "").replace("$", "");
        }
        if (t.indexOf('\\') >= 0) {
            t = t.replace("\\(", "").replace("\\)", "");
            t = BARE_BRACKET.matcher(t).replaceAll("");
        }
        return CURRENCY.matcher(t).find() ? CURRENCY.matcher(t).replaceAll("") : t;
    }

    /**
     * What is left of a text when spaces, closing marks and braces that hold nothing together do not count: those of
     * {@code x^{2}} do not, those of {@code x^{2y}} do.
     */
    static String bare(String cleaned) {
        String plain =
                cleaned.contains("\\text{") ? WORDS_IN_TEXT.matcher(cleaned).replaceAll("$1") : cleaned;
        StringBuilder letters = new StringBuilder(plain.length());
        for (int i = 0; i < plain.length(); i++) {
            if (!isSpace(plain.charAt(i))) {
                letters.append(plain.charAt(i));
            }
        }
        String s = letters.indexOf("{") < 0 && letters.indexOf("}") < 0 ? letters.toString() : unbraced(letters);
        while (s.endsWith(".") || s.endsWith(",") || s.endsWith("!")) {
            s = s.substring(0, s.length() - 1);
        }
        return s;
    }

    private static String unbraced(CharSequence s) {
        boolean[] kept = new boolean[s.length()];
        ArrayDeque<Integer> open = new ArrayDeque<>();
        for (int i = 0; i < s.length(); i++) {
            if (s.charAt(i) == '{') {
                open.push(i);
            } else if (s.charAt(i) == '}' && !open.isEmpty()) {
                int from = open.pop();
                kept[from] = i - from > 2 && from > 0 && holds(s, from);
                kept[i] = kept[from];
            }
        }
        StringBuilder out = new StringBuilder(s.length());
        for (int i = 0; i < s.length(); i++) {
            if (kept[i] || (s.charAt(i) != '{' && s.charAt(i) != '}')) {
                out.append(s.charAt(i));
            }
        }
        return out.toString();
    }

    /** Whether the brace belongs to a raised or lowered sign, or to a command or its argument before it. */
    private static boolean holds(CharSequence s, int brace) {
        int i = brace - 1;
        char before = s.charAt(i);
        if (before == '^' || before == '_' || before == '}' || before == ']') {
            return true;
        }
        while (i >= 0 && Character.isLetter(s.charAt(i))) {
            i--;
        }
        return i < brace - 1 && i >= 0 && s.charAt(i) == '\\';
    }
}
