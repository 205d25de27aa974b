package io.foothold.verifier.math;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.numbers.fraction.BigFraction;
import org.jspecify.annotations.Nullable;

/**
 * Reads an answer's text as typed values. A text that can be read in more than one way ({@code 1,234}) gives each of them, the
 * most usual first. What cannot be read as mathematics is {@link Answer.Text}, never a number found inside it.
 */
final class AnswerReader {
    /** Longer texts are no answers. */
    static final int LONGEST = 4_096;

    private static final int DEEPEST = 12;
    /** Decimal places that a decimal beside an exact value must have to be a remark on it. */
    private static final int PLACES_OF_A_REMARK = 2;
    /** Shorter ones are always numbers for the grammar. */
    private static final int LONGEST_DIGITS = 100;

    private static final Pattern DECIMAL = Pattern.compile("-?\\d*\\.\\d+");
    private static final Pattern DIGITS = Pattern.compile("-?\\d+(?:\\.\\d+)?");
    private static final Pattern WHOLE_WITH_POINT = Pattern.compile("-?\\d[\\d,]*\\.");
    private static final Pattern STUCK_UNIT = Pattern.compile("\\d(?:mm|cm|km|m|ft|in)\\^\\{?[23]}?$");
    private static final Pattern IN_BASE =
            Pattern.compile("\\(?([0-9][0-9A-Fa-f]*)\\)?_[{ ]*(?:\\\\text\\{)?[ (]*(\\d{1,2}|[a-z]{3,9})[ )}]*");
    /** Digits with the word "base" behind them or in their index. */
    private static final Pattern BASE_IN_WORDS = Pattern.compile(
            "\\(?([0-9][0-9A-Fa-f]*)\\)?[ _{(]*(?:\\\\text\\{)?[ (]*(?:in )?base[ }]*(\\d{1,2}|[a-z]{3,9})[ )}]*");
    /** A part of a whole, or a proportion, in words. */
    private static final Pattern PARTS_IN_WORDS =
            Pattern.compile("(-?\\d[\\d.]*) ?(?:\\\\text\\{)? ?(out of|in|to) ?}? ?(\\d[\\d.]*) ?}?");
    /** A sum of money by its sign. */
    private static final Pattern DOLLARS = Pattern.compile("[\\s{$]*-?\\\\\\$[^$]*\\$?\\s*");
    /** The name of a point right before its coordinates; C(n, k), P(A, B) and the like are values. */
    private static final Pattern POINT = Pattern.compile("[ABDEHIJKLMOQRSTVWXYZ]'? ?(?=\\([^()]*,)");

    private static final Pattern THOUSANDS = Pattern.compile("-?\\d{1,3}(?:,\\d{3})+(?:\\.\\d+)?");
    private static final Pattern THOUSANDS_INSIDE =
            Pattern.compile("(?<![\\d,.])[1-9]\\d{0,2}(?:,\\d{3})+(?![\\d]|,\\d)");
    private static final Pattern SPACED_THOUSANDS = Pattern.compile("-?\\d{1,3}(?: \\d{3})+(?:\\.\\d+)?");
    /** Thousands as they are written in Germany, Switzerland and India. */
    private static final Pattern LOCAL_THOUSANDS =
            Pattern.compile("-?(?:\\d{1,3}(?:\\.\\d{3}){2,}(?:,\\d+)?|\\d{1,3}(?:\\.\\d{3})+,\\d{1,2}"
                    + "|\\d{1,3}(?:'\\d{3})+(?:\\.\\d+)?|\\d{1,2}(?:,\\d{2})+,\\d{3}(?:\\.\\d+)?)");
    /** Names or words with commas and "and" between them. */
    private static final Pattern WORD_LIST = Pattern.compile(
            "\\\\text\\{ ?([A-Za-z][\\w.'-]*(?: [\\w.'-]+){0,3}?(?:(?:, ?(?:and )?| and )[A-Za-z][\\w.'-]*(?: [\\w.'-]+){0,3}?)+) ?\\}");

    private static final Pattern WORD_JOINT = Pattern.compile(", ?(?:and )?| and ");
    private static final Pattern DECIMAL_COMMA = Pattern.compile("(-?)(\\d+),(\\d+)");
    private static final Pattern PLAIN_MIXED = Pattern.compile("(-?)(\\d+) (\\d+)/(\\d+)");
    private static final Pattern PERCENT = Pattern.compile(
            "(?i)^(.*[^\\\\\\s])\\s*(?:\\\\?%|\\\\text\\{\\s*(?:percent|percentage|pct|\\\\?%)\\s*\\.?}|percentage|percent|pct)(?: points)?\\.?$");
    private static final Pattern PERCENT_SIGN = Pattern.compile("%|[pP]");
    private static final Pattern TEXT_UNIT = Pattern.compile(
            "^(.*?\\S)\\s*(\\\\text\\{[^{}]*}(?:\\s*(?:\\\\cdot|\\\\times|\\*|/)?\\s*\\\\text\\{[^{}]*}|\\s*\\^\\s*\\{?\\s*-?\\s*\\d\\s*}?|\\s*/\\s*[A-Za-z]++)*+)$");
    private static final Pattern BRACKETED_UNIT = Pattern.compile("^(.*[\\d}!]) ?\\( ?(\\\\text\\{[^()]*)\\)$");
    /** Words behind a number that make it another one. */
    private static final Pattern GOES_ON =
            Pattern.compile("\\s*(?:and|or|plus|minus|times|divided|over|to|half|less|more)\\b");

    private static final Pattern TEXT_OPENS = Pattern.compile("\\\\text\\{");
    /** A product of units without a command around them, behind a number and a space. */
    private static final Pattern BARE_UNITS =
            Pattern.compile("^(.*[\\d)}!]) ([A-Za-z]{1,12}(?: ?[/*]? ?[A-Za-z]{1,12}|\\^\\{?-?\\d}?)*+)$");
    /** What is surely a unit, even where letters could be factors. */
    private static final Pattern SURE_UNIT = Pattern.compile("[A-Za-z]{2}|/|m\\^\\{?[23]");
    /** A number of things, named in a few words that are no words of mathematics. */
    private static final Pattern COUNTED = Pattern.compile(
            "(-?[\\d.,/]+) ((?:(?:per|of|for|an?) )?(?!(?:choose|over|plus|minus|times|divided|squared|cubed|factorial|percent|hundred|thousand|million|billion|trillion|"
                    + "dozen|half|halves|thirds?|fourths?|quarters?|fifths?|base|infinity|theta|alpha|beta|sqrt|root|more|less|least|most)\\b)"
                    + "[a-z]{4,20}(?: [a-z]{2,20}){0,3})");

    private static final Pattern DECIMAL_BEHIND = Pattern.compile("(.*\\S) \\( ?(?:or |= ?)?(-?\\d*\\.\\d+) ?\\)");
    private static final Pattern BRACES = Pattern.compile("[{}]");
    private static final Pattern SHORT_TEXT = Pattern.compile("\\\\text\\{ ?([A-Za-z]) ?}");
    private static final Pattern WORD_UNIT = Pattern.compile(
            "^(.*[\\d)}!])\\s*((?:square |cubic |sq )?[A-Za-z]{2,}|[A-Za-z]{1,2}\\^\\{?[23]}?|km/h|m/s)\\s*(\\^\\s*\\{?[23]}?)?$");
    private static final Pattern SPACED_WORD = Pattern.compile("^(.*[\\d)}!]) ([A-Za-z]{2,})$");
    private static final Pattern SPACED_QUANTITY =
            Pattern.compile("(-?\\d+(?:\\.\\d+)?) ([A-Za-z]{1,3}(?:/[a-z]{1,3})?)");
    private static final Pattern EMPTY_SET = Pattern.compile("\\\\(?:emptyset|varnothing)|\\\\\\{ ?\\\\}");
    private static final Pattern REAL_LINE =
            Pattern.compile("\\\\mathbb ?\\{? ?R ?}?|\\\\R|(?:\\\\text\\{)?(?i:all real numbers)}?");
    private static final Pattern SPACED_UNIT = Pattern.compile("^(.*[\\d)}]) ([mgshLJNW])$");
    private static final Pattern DEGREES =
            Pattern.compile("^(.*\\S)\\s*\\^\\s*\\{?\\s*\\\\circ\\s*}?\\s*\\{?\\s*([CF]?)\\s*}?$");
    /** What takes the degrees for itself: sin 45° is no angle. */
    private static final Pattern ANGLE_FUNCTION = Pattern.compile("sin|cos|tan|cot|sec|csc|cis");

    private static final Pattern SCIENTIFIC =
            Pattern.compile("(-?\\d+\\.\\d+) ?(?:\\\\times|\\\\cdot|\\*) ?10\\^\\{?(-?\\d{1,3})}?");
    private static final Pattern MEMBER = Pattern.compile(
            "^(?:[A-Za-z](?:_\\{?\\w+}?)?(?:\\([a-z]\\))?|\\( ?[A-Za-z](?: ?, ?[A-Za-z]){1,5} ?\\))\\s*\\\\in(?![a-z])\\s*(.+)$");
    private static final Pattern RELATION_SIGN =
            Pattern.compile("\\\\(?:le|ge|ne|approx|equiv|sim|to|mid)(?![a-zA-Z])|==|=|<|>");
    /** A set by what its members meet. */
    private static final Pattern SET_OF = Pattern.compile(
            "\\\\\\{ ?[a-z](?: ?\\\\in ?(?:\\\\mathbb ?\\{? ?R ?}?|\\\\R|R))? ?(?:\\\\mid(?![a-z])|\\||:|\\\\vert(?![a-z])) ?(.+?) ?\\\\}");
    /** Equations below each other behind a brace. */
    private static final Pattern SYSTEM = Pattern.compile(
            "(?:\\\\\\{ ?)?\\\\begin ?\\{(cases|aligned|align\\*?|gathered|array)}(?: ?\\{[lcr]{1,3}})?(.*)\\\\end ?\\{\\1} ?\\.?",
            Pattern.DOTALL);

    private static final Pattern ALIGNED = Pattern.compile("& ?(= ?)|(= ?)&");

    private static final Pattern ROW_END = Pattern.compile(",? ?\\\\\\\\");

    private final Budget budget;
    private final Sameness sameness;

    AnswerReader(Budget budget) {
        this.budget = budget;
        this.sameness = new Sameness(budget);
    }

    /** The readings of a text. The budget keeps them: an answer is read when it is looked for and again when it is compared. */
    List<Answer> read(String text) {
        List<Answer> known = budget.readings().get(text);
        if (known == null) {
            known = text.contains("\\$") && DOLLARS.matcher(text).matches()
                    ? readings(text).stream().map(AnswerReader::inDollars).toList()
                    : readings(text);
            budget.readings().put(text, known);
        }
        return known;
    }

    /** A sum without a unit as dollars. */
    private static Answer inDollars(Answer sum) {
        return sum instanceof Answer.Scalar s && s.unit().isEmpty() && !s.percent()
                ? new Answer.Scalar(s.value(), s.written(), "dollars", false)
                : sum;
    }

    private List<Answer> readings(String text) {
        List<Answer> vector = UnitVectors.read(text, budget);
        if (!vector.isEmpty()) {
            return vector;
        }
        String s = trimmed(Spelling.clean(text));
        if (s.startsWith("Matrix(") && closing(s, 6) == s.length() - 1) {
            s = s.substring(7, s.length() - 1);
        }
        Optional<Answer> whole = Compounds.read(s, budget);
        if (whole.isPresent()) {
            return List.of(whole.get());
        }
        Optional<String> date = Wording.date(s);
        if (date.isPresent()) {
            return List.of(new Answer.Text(date.get()));
        }
        String grouped = s.indexOf(',') < 0 || THOUSANDS.matcher(s).matches() ? s : ungrouped(s);
        if (grouped.equals(s)) {
            return readingsOf(s);
        }
        // 1,234 cm is a length or two numbers.
        List<Answer> out = new ArrayList<>(readingsOf(grouped));
        out.addAll(readingsOf(s));
        return out;
    }

    /** Without the commas between thousands, where no bracket is open. */
    private static String ungrouped(String s) {
        StringBuilder out = new StringBuilder(s.length());
        Matcher m = THOUSANDS_INSIDE.matcher(s);
        int at = 0;
        int depth = 0;
        while (m.find()) {
            for (int i = at; i < m.start(); i++) {
                depth += Separators.nesting(s, i);
            }
            out.append(s, at, m.start()).append(depth == 0 ? m.group().replace(",", "") : m.group());
            at = m.end();
        }
        return out.append(s.substring(at)).toString();
    }

    private List<Answer> readingsOf(String s) {
        if (s.length() > LONGEST) {
            return List.of(new Answer.Text(Spelling.bare(s)));
        }
        if (s.indexOf(',') < 0
                && s.indexOf(' ') < 0
                && !s.contains("\\text")
                && !LOCAL_THOUSANDS.matcher(s).matches()) {
            return List.of(one(s, 0));
        }
        List<Answer> out = new ArrayList<>();
        Matcher comma = DECIMAL_COMMA.matcher(s);
        if (THOUSANDS.matcher(s).matches() && !s.startsWith("0")) {
            out.add(one(s.replace(",", ""), 0));
        } else if (SPACED_THOUSANDS.matcher(s).matches()) {
            out.add(one(s.replace(" ", ""), 0));
            return out;
        } else if (LOCAL_THOUSANDS.matcher(s).matches()) {
            boolean points = s.indexOf('.') != s.lastIndexOf('.') || s.indexOf(',') > s.indexOf('.');
            boolean german = s.indexOf('.') >= 0 && points;
            out.add(one((german ? s.replace(".", "").replace(',', '.') : s.replace(",", "")).replace("'", ""), 0));
        } else if (comma.matches()
                && (comma.group(3).length() < 3 || comma.group(2).equals("0"))) {
            out.add(one(comma.group(1) + comma.group(2) + "." + comma.group(3), 0));
        }
        out.add(one(s, 0));
        Matcher quantity = SPACED_QUANTITY.matcher(s);
        if (quantity.matches()
                && quantity.group(1).length() < LONGEST_DIGITS
                && Units.find(quantity.group(2)).isPresent()) {
            // 5 g is five grams or five times g.
            out.add(quantity(quantity.group(1), quantity.group(2)));
            return out;
        }
        quantity = s.indexOf(' ') > 0 ? BARE_UNITS.matcher(s) : null;
        if (quantity != null
                && quantity.matches()
                && SURE_UNIT.matcher(quantity.group(2)).find()
                && Units.find(quantity.group(2)).isPresent()) {
            out.add(
                    0,
                    one(
                            quantity.group(1) + " \\text{"
                                    + BRACES.matcher(quantity.group(2)).replaceAll("") + "}",
                            0));
        }
        Matcher remark = s.endsWith(")") ? DECIMAL_BEHIND.matcher(s) : null;
        if (remark != null
                && remark.matches()
                && one(remark.group(1), 0) instanceof Answer.Scalar value
                && one(remark.group(2), 0) instanceof Answer.Scalar decimal
                && roundsTo(value, decimal)) {
            out.add(0, new Answer.About(value, decimal));
        }
        quantity = s.indexOf(' ') > 0 ? COUNTED.matcher(s) : null;
        if (quantity != null && quantity.matches()) {
            out.add(one(quantity.group(1) + " \\text{" + quantity.group(2) + "}", 0));
        }
        if (s.contains("\\text{")) {
            String letters = SHORT_TEXT.matcher(s).replaceAll("$1");
            if (!letters.equals(s)) {
                out.add(one(letters, 0));
            }
        }
        return out;
    }

    /** Without what may stand around an answer. */
    static String trimmed(String cleaned) {
        String s = cleaned.strip();
        while (true) {
            String before = s;
            if ((s.endsWith(".") && !(s.length() > 1 && Character.isDigit(s.charAt(s.length() - 2))))
                    || (s.endsWith(",") && !s.endsWith("(,"))
                    || s.endsWith(";")) {
                s = s.substring(0, s.length() - 1).strip();
            }
            // The end of a line that nothing follows.
            while (s.endsWith("\\")) {
                s = s.substring(0, s.length() - 1).strip();
            }
            if (s.endsWith(".") && WHOLE_WITH_POINT.matcher(s).matches()) {
                s = s.substring(0, s.length() - 1);
            }
            if (s.startsWith("**") && s.endsWith("**") && s.length() > 4) {
                s = s.substring(2, s.length() - 2).strip();
            }
            if (s.startsWith("\\boxed{") && closing(s, 6) == s.length() - 1) {
                s = s.substring(7, s.length() - 1).strip();
            }
            if (s.startsWith("either ") || s.startsWith("both ")) {
                s = s.substring(s.indexOf(' ')).strip();
            }
            if (s.startsWith(":") || s.startsWith(",")) {
                s = s.substring(1).strip();
            }
            if (s.equals(before)) {
                return s;
            }
        }
    }

    /** Index of the bracket that closes the one at {@code open}, or −1. */
    static int closing(String s, int open) {
        int depth = 0;
        for (int i = open; i < s.length(); i++) {
            char c = s.charAt(i);
            if (c == '\\' && i + 1 < s.length() && s.charAt(i + 1) == '\\') {
                i++;
                continue;
            }
            if (c == '(' || c == '[' || c == '{') {
                depth++;
            } else if (c == ')' || c == ']' || c == '}') {
                depth--;
                if (depth == 0) {
                    return i;
                }
            }
        }
        return -1;
    }

    private Answer one(String raw, int depth) {
        String s = raw.strip();
        budget.spend(20 + s.length());
        if (s.isEmpty() || depth > DEEPEST) {
            return new Answer.Text(Spelling.bare(s));
        }
        if (s.length() < LONGEST_DIGITS && DIGITS.matcher(s).matches()) {
            return new Answer.Scalar(expression(s), written(s), "", false);
        }
        if (EMPTY_SET.matcher(s).matches()) {
            return new Answer.Group(Answer.Bracket.SET, List.of());
        }
        if (REAL_LINE.matcher(s).matches()) {
            return Answer.Interval.line();
        }
        Optional<Expr> word = Wording.number(s);
        if (word.isPresent()) {
            return Answer.Scalar.of(word.get());
        }
        if (s.contains("\\ldots") || s.contains("\\forall") || s.contains("\\exists")) {
            return new Answer.Text(Spelling.bare(s));
        }
        Matcher setOf = s.startsWith("\\{") ? SET_OF.matcher(s) : null;
        if (setOf != null && setOf.matches()) {
            Answer members = one(setOf.group(1), depth + 1);
            if (members instanceof Answer.Union || members instanceof Answer.Interval) {
                return members;
            }
            if (members instanceof Answer.Relation r && Intervals.bounds(r).isPresent()) {
                return Intervals.bounds(r).get();
            }
            List<Answer> apart = Intervals.parts(members);
            return apart.isEmpty() ? new Answer.Text(Spelling.bare(s)) : new Answer.Union(apart);
        }
        Matcher listed = s.startsWith("\\text{") ? WORD_LIST.matcher(s) : null;
        if (listed != null && listed.matches()) {
            return new Answer.Group(
                    Answer.Bracket.NONE,
                    WORD_JOINT
                            .splitAsStream(listed.group(1))
                            .map(w -> one("\\text{" + w + "}", depth + 1))
                            .toList());
        }
        List<String> parts = Separators.members(s);
        if (parts.size() > 1) {
            return list(s, parts, depth);
        }
        Matcher system = s.contains("\\begin") ? SYSTEM.matcher(s) : null;
        if (system != null && system.matches()) {
            String rows = ALIGNED.matcher(system.group(2)).replaceAll("=");
            if (rows.indexOf('&') < 0) {
                return group(Answer.Bracket.NONE, List.of(ROW_END.split(rows, -1)), depth);
            }
        }
        Matcher member = s.contains("\\in") ? MEMBER.matcher(s) : null;
        if (member != null && member.matches()) {
            return one(member.group(1), depth + 1);
        }
        Matcher point = s.indexOf('(') > 0 && s.endsWith(")") ? POINT.matcher(s) : null;
        if (point != null && point.lookingAt() && closing(s, point.end()) == s.length() - 1) {
            return one(s.substring(point.end()), depth + 1);
        }
        Answer relation = relation(s, depth);
        if (relation != null) {
            return relation;
        }
        parts = s.contains("\\setminus") ? Separators.split(s, "\\setminus") : List.of();
        if (parts.size() == 2) {
            Optional<Answer> left = without(one(parts.get(0), depth + 1), one(parts.get(1), depth + 1));
            if (left.isPresent()) {
                return left.get();
            }
        }
        parts = Separators.split(s, "\\cup", " U ");
        if (parts.size() > 1) {
            return new Answer.Union(parts.stream().map(p -> one(p, depth + 1)).toList());
        }
        if (s.contains("\\pm")) {
            return plusMinus(s, depth);
        }
        Optional<Answer> matrix = MatrixReader.mayRead(s) ? MatrixReader.read(s, budget, sameness) : Optional.empty();
        if (matrix.isPresent()) {
            return matrix.get();
        }
        Answer bracketed = bracketed(s, depth);
        if (bracketed != null) {
            return bracketed;
        }
        Matcher base = s.indexOf('_') >= 0 ? IN_BASE.matcher(s) : null;
        if (base == null || !base.matches()) {
            base = s.contains("base") ? BASE_IN_WORDS.matcher(s) : null;
        }
        if (base != null && base.matches()) {
            String name = base.group(2);
            Optional<Expr> named = Character.isDigit(name.charAt(0)) ? tried(name) : Wording.number(name);
            if (named.isPresent() && named.get() instanceof Expr.Num n) {
                return new Answer.InBase(base.group(1), n.value().intValue());
            }
        }
        Matcher words =
                s.indexOf(' ') > 0 && Character.isDigit(s.charAt(s.length() - 1)) ? PARTS_IN_WORDS.matcher(s) : null;
        if (words != null && words.matches()) {
            Expr first = expression(words.group(1));
            Expr second = expression(words.group(3));
            return words.group(2).equals("to")
                    ? new Answer.Ratio(List.of(first, second))
                    : Answer.Scalar.of(new Expr.Quotient(first, second));
        }
        Optional<Answer> clock = ClockReader.read(s);
        if (clock.isPresent()) {
            return clock.get();
        }
        List<String> ratio = Separators.split(s, ":");
        if (ratio.size() > 1) {
            try {
                return new Answer.Ratio(ratio.stream().map(this::expression).toList());
            } catch (Grammar.Refused e) {
                return new Answer.Text(Spelling.bare(s));
            }
        }
        try {
            return scalar(s);
        } catch (Grammar.Refused e) {
            return new Answer.Text(Spelling.bare(s));
        }
    }

    /** An open interval without some of its points, as a union. */
    private Optional<Answer> without(Answer from, Answer points) {
        Answer.Interval whole = Intervals.interval(from).orElse(null);
        Optional<Answer.Interval> gap = Intervals.interval(points);
        if (whole != null && gap.isPresent()) {
            return Optional.of(whole.without(gap.get()));
        }
        if (whole == null
                || !(points instanceof Answer.Group g)
                || g.bracket() != Answer.Bracket.SET
                || g.items().isEmpty()) {
            return Optional.empty();
        }
        NavigableMap<BigDecimal, Expr> cuts = new TreeMap<>();
        for (Answer item : g.items()) {
            Optional<BigDecimal> at = item instanceof Answer.Scalar s ? sameness.decimal(s.value()) : Optional.empty();
            if (at.isEmpty()) {
                return Optional.empty();
            }
            cuts.put(at.get(), ((Answer.Scalar) item).value());
        }
        return Optional.of(whole.without(List.copyOf(cuts.values())));
    }

    /**
     * The members of a list as what they say together: a range from two bounds, one without some points, a value from it and a
     * decimal, or the list.
     */
    private Answer list(String s, List<String> parts, int depth) {
        Answer list = group(Answer.Bracket.NONE, parts, depth);
        if (!(list instanceof Answer.Group g)) {
            return list;
        }
        Optional<Answer> pierced = s.contains("\\ne") && !s.contains("or") ? pierced(g.items()) : Optional.empty();
        if (pierced.isPresent()) {
            return pierced.get();
        }
        if (parts.size() != 2 || g.items().size() != 2) {
            return list;
        }
        Answer one = g.items().get(0);
        Answer two = g.items().get(1);
        if (s.contains("and") && one instanceof Answer.Relation a && two instanceof Answer.Relation b) {
            return Intervals.both(a, b).<Answer>map(i -> i).orElse(list);
        }
        return one instanceof Answer.Scalar value && two instanceof Answer.Scalar decimal && roundsTo(value, decimal)
                ? new Answer.About(value, decimal)
                : list;
    }

    /** Bounds of an unknown, or none, with points that it is not: {@code x > 0, x ≠ 1}. */
    private Optional<Answer> pierced(List<Answer> items) {
        Answer.Interval range = Answer.Interval.line();
        boolean bounded = false;
        List<Answer> points = new ArrayList<>();
        Set<String> unknowns = new TreeSet<>();
        for (Answer item : items) {
            if (item instanceof Answer.Relation r
                    && r.signs().equals(List.of("\\ne"))
                    && r.sides().get(0) instanceof Answer.Scalar name
                    && name.value() instanceof Expr.Var
                    && r.sides().get(1) instanceof Answer.Scalar point
                    && sameness.decimal(point.value()).isPresent()) {
                Expr.variables(name.value(), unknowns);
                points.add(point);
            } else if (item instanceof Answer.Relation r
                    && !bounded
                    && Intervals.bounds(r).isPresent()) {
                range = Intervals.bounds(r).get();
                bounded = true;
                r.sides().forEach(side -> {
                    if (side instanceof Answer.Scalar x) {
                        Expr.variables(x.value(), unknowns);
                    }
                });
            } else if (item instanceof Answer.Scalar point
                    && !points.isEmpty()
                    && sameness.decimal(point.value()).isPresent()) {
                // x ≠ 1, 2
                points.add(point);
            } else {
                return Optional.empty();
            }
        }
        Answer.Interval within = range;
        List<Answer> inside = points.stream().filter(p -> inside(within, p)).toList();
        return unknowns.size() != 1 || inside.isEmpty()
                ? Optional.empty()
                : without(within, new Answer.Group(Answer.Bracket.SET, inside));
    }

    private boolean inside(Answer.Interval range, Answer point) {
        BigDecimal at = sameness.decimal(((Answer.Scalar) point).value()).orElseThrow();
        boolean above = Expr.infinity(range.low()) < 0
                || sameness.decimal(range.low()).map(l -> l.compareTo(at) < 0).orElse(false);
        boolean below = Expr.infinity(range.high()) > 0
                || sameness.decimal(range.high()).map(h -> h.compareTo(at) > 0).orElse(false);
        return above && below;
    }

    /** Whether an exact value is followed by the decimal that it rounds to. */
    private boolean roundsTo(Answer.Scalar value, Answer.Scalar decimal) {
        BigDecimal written = decimal.written();
        return written != null
                && value.written() == null
                && written.scale() >= PLACES_OF_A_REMARK
                && sameness.decimal(value.value())
                        .map(v -> v.setScale(written.scale(), RoundingMode.HALF_UP)
                                                .compareTo(written)
                                        == 0
                                && v.compareTo(written) != 0)
                        .orElse(false);
    }

    private Expr expression(String s) {
        return Grammar.read(s.strip(), budget);
    }

    private Answer group(Answer.Bracket bracket, List<String> parts, int depth) {
        List<Answer> items = new ArrayList<>();
        for (String p : parts) {
            if (p.isBlank()) {
                continue;
            }
            Answer item = one(p, depth + 1);
            if (item instanceof Answer.Group g && g.bracket() == Answer.Bracket.NONE) {
                items.addAll(g.items());
            } else {
                items.add(item);
            }
        }
        return new Answer.Group(bracket, List.copyOf(items));
    }

    private @Nullable Answer relation(String s, int depth) {
        List<String> sides = new ArrayList<>();
        List<String> signs = new ArrayList<>();
        int level = 0;
        int from = 0;
        Matcher sign = RELATION_SIGN.matcher(s);
        for (int i = 0; i < s.length(); i++) {
            if (level == 0
                    && "\\=<>".indexOf(s.charAt(i)) >= 0
                    && sign.region(i, s.length()).lookingAt()) {
                sides.add(s.substring(from, i));
                signs.add(sign.group().equals("==") ? "=" : sign.group());
                i = sign.end() - 1;
                from = sign.end();
                continue;
            }
            level += Separators.nesting(s, i);
        }
        if (signs.isEmpty()) {
            return null;
        }
        sides.add(s.substring(from));
        if (sides.size() == 2 && sides.get(0).isBlank() && signs.get(0).equals("\\approx")) {
            Answer near = one(sides.get(1), depth + 1);
            return near instanceof Answer.Scalar d && d.written() != null ? new Answer.About(near, d) : near;
        }
        int near = signs.indexOf("\\approx");
        if (near > 0) {
            return about(
                    relation(sides.subList(0, near + 1), signs.subList(0, near), depth), sides.get(near + 1), depth);
        }
        if (sides.size() == 2 && (near == 0 || signs.get(0).equals("="))) {
            Answer exact = one(sides.get(0), depth + 1);
            Answer decimal = one(sides.get(1), depth + 1);
            if (exact instanceof Answer.Scalar value
                    && decimal instanceof Answer.Scalar d
                    && (near == 0
                            ? sameness.decimal(value.value()).isPresent()
                            : d.written() != null && MathAnswers.constant(value))) {
                return new Answer.About(exact, d);
            }
        }
        return relation(sides, signs, depth);
    }

    /** A value that a decimal is said to be near to; without a decimal, the value. */
    private Answer about(Answer exact, String near, int depth) {
        return one(near, depth + 1) instanceof Answer.Scalar d ? new Answer.About(exact, d) : exact;
    }

    private Answer relation(List<String> sides, List<String> signs, int depth) {
        List<Answer> read = sides.stream().map(p -> one(p, depth + 1)).toList();
        boolean proportions = read.stream().anyMatch(Answer.Ratio.class::isInstance);
        return new Answer.Relation(
                proportions ? read.stream().map(AnswerReader::proportion).toList() : read,
                signs.stream()
                        .map(g -> g.equals("\\approx") || g.equals("\\equiv") ? "=" : g)
                        .toList());
    }

    /** Digits that may be a time or a proportion, beside a proportion. */
    private static Answer proportion(Answer side) {
        return side instanceof Answer.Clock c && c.ratio() != null ? c.ratio() : side;
    }

    private Answer plusMinus(String s, int depth) {
        Answer plus = one(s.replace("\\pm", "+"), depth + 1);
        Answer minus = one(s.replace("\\pm", "-"), depth + 1);
        return new Answer.Group(Answer.Bracket.NONE, List.of(plus, minus));
    }

    private @Nullable Answer bracketed(String s, int depth) {
        boolean set = s.startsWith("\\{") && s.endsWith("\\}");
        int open = set ? 1 : 0;
        char first = s.charAt(open);
        char last = s.charAt(s.length() - 1);
        if ("([{".indexOf(first) < 0 || ")]}".indexOf(last) < 0 || closing(s, open) != s.length() - 1) {
            return null;
        }
        String inside = s.substring(open + 1, s.length() - (set ? 2 : 1));
        List<String> parts = Separators.split(inside, ",", ";");
        boolean several = parts.size() > 1 || inside.isBlank();
        if (set) {
            return group(Answer.Bracket.SET, parts, depth);
        }
        if (first == '{') {
            return several || inside.contains("\\pm")
                    ? group(Answer.Bracket.UNPRINTED, parts, depth)
                    : one(inside, depth + 1);
        }
        if (!several) {
            return first == '[' && last == ']'
                    ? group(Answer.Bracket.SQUARE, parts, depth)
                    : first == '(' && last == ')' ? one(inside, depth + 1) : null;
        }
        boolean mixed = (first == '(' && last == ']') || (first == '[' && last == ')');
        boolean infinite = inside.contains("\\infty");
        if (parts.size() == 2 && (mixed || infinite)) {
            try {
                return new Answer.Interval(
                        expression(parts.get(0)), expression(parts.get(1)), first == '[', last == ']');
            } catch (Grammar.Refused e) {
                return null;
            }
        }
        return mixed ? null : group(first == '(' ? Answer.Bracket.ROUND : Answer.Bracket.SQUARE, parts, depth);
    }

    private Answer scalar(String s) {
        Matcher percent = PERCENT_SIGN.matcher(s).find() ? PERCENT.matcher(s) : null;
        if (percent != null && percent.matches()) {
            Expr value = expression(number(percent.group(1)));
            return new Answer.Scalar(new Expr.Quotient(value, Expr.Num.of(100)), null, "", true);
        }
        Matcher unit = s.contains("\\text") ? TEXT_UNIT.matcher(s) : null;
        if (unit != null && unit.matches()) {
            return quantity(
                    unit.group(1),
                    TEXT_OPENS
                            .matcher(unit.group(2))
                            .replaceAll(" ")
                            .replace("}", "")
                            .strip());
        }
        unit = s.contains("(\\text") || s.contains("( \\text") ? BRACKETED_UNIT.matcher(s) : null;
        if (unit != null && unit.matches()) {
            return scalar(unit.group(1) + " " + unit.group(2));
        }
        unit = s.contains("\\circ") ? DEGREES.matcher(s) : null;
        if (unit != null
                && unit.matches()
                && !unit.group(1).contains("\\circ")
                && !ANGLE_FUNCTION.matcher(unit.group(1)).find()) {
            return quantity(unit.group(1), "\\circ" + unit.group(2));
        }
        unit = s.indexOf(' ') >= 0 ? SPACED_WORD.matcher(s) : null;
        if (unit != null && unit.matches() && (Units.magnitude(unit.group(2)) > 1 || Units.isWord(unit.group(2)))) {
            return quantity(unit.group(1), unit.group(2));
        }
        Optional<Expr> plain = tried(s);
        if (plain.isPresent()) {
            return new Answer.Scalar(plain.get(), written(s), "", false);
        }
        unit = WORD_UNIT.matcher(s);
        if (unit.matches() && Units.isWord(unit.group(2))) {
            return quantity(unit.group(1), unit.group(2) + power(unit.group(3)));
        }
        unit = SPACED_UNIT.matcher(s);
        if (unit.matches()) {
            return quantity(unit.group(1), unit.group(2));
        }
        return new Answer.Scalar(expression(number(s)), written(number(s)), "", false);
    }

    private static String power(@Nullable String p) {
        return p == null ? "" : p.replaceAll("[\\s{}]", "");
    }

    private Optional<Expr> tried(String s) {
        // A unit of area that is stuck to its number reads as a product: 3m^2.
        if (s.indexOf('^') >= 0 && STUCK_UNIT.matcher(s).find()) {
            return Optional.empty();
        }
        try {
            return Optional.of(expression(number(s)));
        } catch (Grammar.Refused e) {
            return Optional.empty();
        }
    }

    private Answer quantity(String value, String unit) {
        if (GOES_ON.matcher(unit).lookingAt()) {
            throw new Grammar.Refused("'" + unit + "' changes the number before it");
        }
        String v = number(value.strip());
        Expr x = expression(v);
        long magnitude = Units.magnitude(unit);
        return magnitude == 1
                ? new Answer.Scalar(x, written(v), unit.strip(), false)
                : new Answer.Scalar(
                        new Expr.Product(List.of(x, Expr.Num.of(magnitude))),
                        null,
                        Units.withoutMagnitude(unit),
                        false);
    }

    /** Thousands and mixed numbers as one number. */
    private static String number(String s) {
        String t = s.strip();
        if (t.indexOf(',') >= 0 && THOUSANDS.matcher(t).matches()) {
            return t.replace(",", "");
        }
        if (t.indexOf(' ') < 0) {
            return t;
        }
        if (SPACED_THOUSANDS.matcher(t).matches()) {
            return t.replace(" ", "");
        }
        Matcher mixed = PLAIN_MIXED.matcher(t);
        if (mixed.matches()) {
            return mixed.group(1) + "(" + mixed.group(2) + "+" + mixed.group(3) + "/" + mixed.group(4) + ")";
        }
        return t;
    }

    private static @Nullable BigDecimal written(String s) {
        if (DECIMAL.matcher(s).matches()) {
            return new BigDecimal(s);
        }
        Matcher m = s.contains("10") ? SCIENTIFIC.matcher(s) : null;
        return m != null && m.matches()
                ? new BigDecimal(m.group(1)).scaleByPowerOfTen(Integer.parseInt(m.group(2)))
                : null;
    }

    /** The value of digits in a base. */
    static Optional<BigFraction> value(Answer.InBase n) {
        try {
            return n.base() < 2 || n.base() > 36
                    ? Optional.empty()
                    : Optional.of(BigFraction.of(new java.math.BigInteger(n.digits(), n.base())));
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }

    Sameness sameness() {
        return sameness;
    }
}
