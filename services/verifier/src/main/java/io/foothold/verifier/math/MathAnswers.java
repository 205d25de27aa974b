package io.foothold.verifier.math;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.numbers.fraction.BigFraction;
import org.jspecify.annotations.Nullable;

/**
 * Whether an answer says what the gold answer says. The gold answer's type decides: a set has no order, a tuple has; an interval
 * may be written as an inequality; {@code x = 3} may be written as 3; a unit may be missing but not another; a decimal gold is
 * met by what rounds to it, an exact gold by what is equal. Pure.
 */
public final class MathAnswers {
    /** Longer texts are no answers. */
    private static final int LONGEST = 8_192;
    /** Digits that a decimal must have to stand for an exact value. */
    private static final int DIGITS_OF_AN_EXACT_VALUE = 10;
    /** Relative error of a decimal that stands behind the exact value it comes from. */
    private static final BigDecimal ROUGHLY = BigDecimal.ONE.movePointLeft(2);
    /** How much of its last place a rounded decimal may be off. */
    private static final BigDecimal LAST_PLACE = BigDecimal.ONE.divide(BigDecimal.TWO);
    /** Digits that a gold decimal must have to be met by rounding. */
    private static final int DIGITS_OF_A_ROUNDED_GOLD = 6;

    /** Where graders disagree; see {@link Policy}. */
    public enum Rule {
        /** 10% and 10 are the same. */
        PERCENT_IGNORED,
        /** Bare lists and sets keep their order. */
        ORDERED,
        /** A fraction has to be in lowest terms. */
        REDUCED,
        /** A rational number has to be worked out: no sums, products, powers or functions left. */
        EVALUATED,
        /** A single unknown may have another name. */
        RENAMED,
        /** An answer in words may say more than the gold answer. */
        CONTAINED,
        /** Spellings are compared instead of values. */
        AS_TEXT
    }

    /**
     * What counts as the same.
     *
     * @param rules that hold; none is the standard that docs/evaluation.md states
     * @param relative largest relative difference of equal numbers; 0 asks for equality
     * @param places decimal places to which numbers are rounded before they are compared; −1 for none
     */
    public record Policy(Set<Rule> rules, double relative, int places) {
        /** The standard. */
        public static final Policy STANDARD = new Policy(Set.of(), 0, -1);

        /** Copies the rules. */
        public Policy {
            rules = Set.copyOf(rules);
        }

        /** This policy and a rule. */
        public Policy with(Rule rule) {
            Set<Rule> more = EnumSet.of(rule);
            more.addAll(rules);
            return new Policy(more, relative, places);
        }

        /** Whether a rule holds. */
        public boolean has(Rule rule) {
            return rules.contains(rule);
        }
    }

    private static final Pattern FRACTION = Pattern.compile(
            "\\\\[dt]?frac\\s*\\{?(\\d{1,18})}?\\s*\\{?(\\d{1,18})}?|(?<![\\w.])(\\d{1,18})\\s*/\\s*(\\d{1,18})(?![\\w.])");

    private static final Pattern LABEL = Pattern.compile(
            "\\s*(?:\\$\\s*)?(?:\\\\(?:text|textbf|mathrm|mathbf|textrm)\\s*\\{\\s*\\(([A-J])\\)\\s*}|\\(([A-J])\\)(?=\\s+[-\\d\\\\$]))[:.\\s~]*(?:\\\\ |\\\\q?quad)?\\s*(\\S.*)",
            Pattern.DOTALL);
    private static final Pattern CONDITION = Pattern.compile(
            "(?<=\\S)(?:\\s*[,;:(]\\s*|\\s+|\\\\ |\\\\q?quad)(?:\\\\text\\s*\\{[^{}]*}|where|for|with|\\\\forall|\\s)*[a-z]\\s*(?:\\\\in|\u2208)\\s*(?:\\\\mathbb\\s*\\{?\\s*Z\\s*}?|\u2124|Z)\\s*\\)?\\s*\\$?$"
                    + "|(?<=\\S)[\\s,$(]*(?:\\\\text\\s*\\{\\s*)?(?:where|for|with)\\b[\\s$A-Za-z}]*?\\b(?:any|all|every|arbitrary|some|an?)\\s+(?:(?:arbitrary|real|complex|rational)\\s+){0,2}(?:constants?|numbers?|values?)\\b(?:\\s+of\\b)?[\\s$}{]*(?:\\\\text\\s*\\{)?[\\s$}{]*[A-Za-z]?[\\s$}).]*$");

    private static final Pattern FRAME = Pattern.compile(
            "\\s*(\\\\text(?:bf)?\\s*\\{\\s*)?(?i:(?:(?:so|thus|therefore|hence),? )?(?:(?:the|our|my) )?(?:final |correct )?answer(?: is| ?[:=])(?: ?:)?)\\s*(})?(?:\\s|~|\\\\[ ,:;])*");

    private final Budget budget;
    private final Policy policy;
    private final AnswerReader reader;
    private final Sameness sameness;

    private MathAnswers(Policy policy, Budget budget) {
        this.budget = budget;
        this.policy = policy;
        this.reader = new AnswerReader(budget);
        this.sameness = reader.sameness();
    }

    /**
     * Compares two answers under a policy.
     *
     * @throws Budget.Spent when that costs too much
     */
    public static boolean same(String gold, String given, Policy policy, Budget budget) {
        if (given.length() > LONGEST || gold.length() > LONGEST) {
            return false;
        }
        if (policy.has(Rule.AS_TEXT)) {
            return sameSpelling(gold, given);
        }
        if (policy.has(Rule.REDUCED) && !reduced(given)) {
            return false;
        }
        String bareGold = unframed(gold);
        String bareGiven = unframed(given);
        if (!bareGold.equals(gold) || !bareGiven.equals(given)) {
            return same(bareGold, bareGiven, policy, budget);
        }
        Optional<Labelled> goldOption = labelled(gold);
        Optional<Labelled> ownOption = labelled(given);
        if (goldOption.isPresent() && ownOption.isPresent()) {
            return goldOption.get().letter().equals(ownOption.get().letter())
                    && same(goldOption.get().text(), ownOption.get().text(), policy, budget);
        }
        if (goldOption.isPresent() || ownOption.isPresent()) {
            Labelled option = goldOption.or(() -> ownOption).orElseThrow();
            String other = goldOption.isPresent() ? given : gold;
            return same(option.letter(), other, policy, budget)
                    || (goldOption.isPresent()
                            ? same(option.text(), other, policy, budget)
                            : same(other, option.text(), policy, budget));
        }
        if (conditioned(gold) != conditioned(given)) {
            return same(unconditioned(gold), unconditioned(given), policy, budget);
        }
        MathAnswers m = new MathAnswers(policy, budget);
        if (policy.has(Rule.EVALUATED) && m.reader.read(given).stream().noneMatch(m::evaluated)) {
            return false;
        }
        List<Answer> golds = m.reader.read(gold);
        List<Answer> answers = m.reader.read(policy.has(Rule.RENAMED) ? m.renamed(golds, given) : given);
        for (Answer g : golds) {
            for (Answer a : answers) {
                if (m.same(g, a)) {
                    return true;
                }
            }
        }
        return sameSpelling(gold, given);
    }

    /** Without the words that announce an answer. */
    private static String unframed(String s) {
        Matcher m = s.contains("nswer") || s.contains("NSWER") ? FRAME.matcher(s) : null;
        if (m == null || !m.lookingAt() || m.end() == s.length()) {
            return s;
        }
        String rest = s.substring(m.end());
        boolean open = m.group(1) != null && m.group(2) == null;
        return open && rest.endsWith("}") ? rest.substring(0, rest.length() - 1) : open ? s : rest;
    }

    /** The text of an option with its letter before it. */
    private record Labelled(String letter, String text) {}

    private static Optional<Labelled> labelled(String text) {
        Matcher m = text.indexOf(')') < 0 ? null : LABEL.matcher(text);
        return m != null && m.matches()
                ? Optional.of(new Labelled(m.group(1) == null ? m.group(2) : m.group(1), m.group(3)))
                : Optional.empty();
    }

    private static boolean conditioned(String text) {
        return (text.contains("\\in")
                        || text.indexOf('\u2208') >= 0
                        || text.contains("onstant")
                        || text.contains("umber")
                        || text.contains("alue"))
                && CONDITION.matcher(text).find();
    }

    /** Without the remark that a letter is whole, which one side alone may leave out. */
    private static String unconditioned(String text) {
        return CONDITION.matcher(text).replaceFirst("");
    }

    private static boolean sameSpelling(String gold, String given) {
        String bare = Spelling.bare(AnswerReader.trimmed(Spelling.clean(gold)));
        return !bare.isEmpty() && bare.equals(Spelling.bare(AnswerReader.trimmed(Spelling.clean(given))));
    }

    private static boolean reduced(String given) {
        for (Matcher m = FRACTION.matcher(given); m.find(); ) {
            BigInteger top = new BigInteger(m.group(1) == null ? m.group(3) : m.group(1));
            BigInteger bottom = new BigInteger(m.group(1) == null ? m.group(4) : m.group(2));
            if (!top.gcd(bottom).equals(BigInteger.ONE)) {
                return false;
            }
        }
        return true;
    }

    /** Whether nothing is left to be worked out: a number, a fraction of numbers, or what has no rational value. */
    private boolean evaluated(Answer a) {
        return switch (a) {
            case Answer.Scalar s -> evaluated(s.value());
            case Answer.Group g -> g.items().stream().allMatch(this::evaluated);
            case Answer.Relation r -> evaluated(r.sides().get(r.sides().size() - 1));
            case Answer.InBase n -> true;
            case Answer.Ratio r -> true;
            case Answer.Clock c -> true;
            case Answer.About b -> true;
            case Answer.Interval i -> true;
            case Answer.Union u -> true;
            case Answer.Matrix m -> true;
            case Answer.Text t -> true;
        };
    }

    private boolean evaluated(Expr x) {
        Expr shown = x instanceof Expr.Product p
                        && p.factors().get(0).equals(Expr.Num.of(-1))
                        && p.factors().size() == 2
                ? p.factors().get(1)
                : x;
        boolean plain = shown instanceof Expr.Num
                || (shown instanceof Expr.Quotient q && q.top() instanceof Expr.Num && q.bottom() instanceof Expr.Num);
        return plain || sameness.exact(x).isEmpty();
    }

    /** The answer with its only unknown called as the gold's only one. */
    private String renamed(List<Answer> golds, String given) {
        Optional<String> right = unknownOf(golds);
        Optional<String> own = unknownOf(reader.read(given));
        return right.isEmpty() || own.isEmpty()
                ? given
                : given.replaceAll(
                        "(?<![A-Za-z\\\\])" + Pattern.quote(own.get()) + "(?![A-Za-z])",
                        Matcher.quoteReplacement(right.get()));
    }

    private static Optional<String> unknownOf(List<Answer> answers) {
        Set<String> names = new TreeSet<>();
        for (Answer a : answers) {
            if (a instanceof Answer.Scalar s) {
                Expr.variables(s.value(), names);
            }
        }
        return names.size() == 1 ? names.stream().findFirst() : Optional.empty();
    }

    /** Whether a text can be read as mathematics, whatever it says. */
    public static boolean readable(String text, Budget budget) {
        return text.length() <= LONGEST
                && new AnswerReader(budget)
                        .read(conditioned(text) ? unconditioned(text) : text).stream()
                                .anyMatch(MathAnswers::readable);
    }

    /** Whether a text is one number without unknowns. */
    public static boolean isNumber(String text, Budget budget) {
        return new AnswerReader(budget)
                .read(text).stream().anyMatch(a -> a instanceof Answer.Scalar s && isNumber(s.value()));
    }

    private static boolean readable(Answer a) {
        return switch (a) {
            case Answer.Text t -> false;
            case Answer.Relation r -> r.sides().stream().allMatch(MathAnswers::readable);
            case Answer.Group g ->
                (g.bracket() == Answer.Bracket.SET || !g.items().isEmpty())
                        && g.items().stream().allMatch(MathAnswers::readable);
            case Answer.Union u -> u.parts().stream().allMatch(MathAnswers::readable);
            case Answer.Scalar s -> true;
            case Answer.InBase n -> true;
            case Answer.Ratio r -> true;
            case Answer.Clock c -> true;
            case Answer.About b -> true;
            case Answer.Interval i -> true;
            case Answer.Matrix m -> true;
        };
    }

    private boolean same(Answer gold, Answer given) {
        budget.spend(10);
        if (gold instanceof Answer.Text t) {
            return given instanceof Answer.Text u && !t.bare().isEmpty() && Wording.same(t.bare(), u.bare());
        }
        if (gold instanceof Answer.About || given instanceof Answer.About) {
            return about(gold, given);
        }
        Optional<Boolean> named = solutions(gold, given);
        if (named.isPresent()) {
            return named.get();
        }
        if (gold instanceof Answer.Relation || given instanceof Answer.Relation) {
            return relations(gold, given);
        }
        if (gold instanceof Answer.Clock || given instanceof Answer.Clock) {
            return clock(gold, given);
        }
        return switch (gold) {
            case Answer.Scalar g -> scalar(g, given);
            case Answer.InBase g -> inBase(g, given);
            case Answer.Ratio g -> ratio(g, given);
            case Answer.Interval g ->
                Intervals.interval(given).map(a -> sameInterval(g, a)).orElse(false);
            case Answer.Union g -> union(g, given);
            case Answer.Group g -> group(g, given);
            case Answer.Matrix g -> matrix(g, given);
            case Answer.Text g -> false;
            case Answer.Relation g -> false;
            case Answer.About g -> false;
            case Answer.Clock g -> false;
        };
    }

    private boolean about(Answer gold, Answer given) {
        if (given instanceof Answer.About a && !plausible(a)) {
            // Behind an equation the decimal is a remark that is wrong; behind a value it contradicts it.
            return a.exact() instanceof Answer.Relation && same(gold, a.exact());
        }
        if (gold instanceof Answer.About g && g.exact().equals(g.near())) {
            // A gold answer that is only near the value is met by what rounds to it.
            return same(g.near(), given)
                    || (given instanceof Answer.About a && same(gold, a.exact()))
                    || rounds(g.near(), given);
        }
        if (!(gold instanceof Answer.About g)) {
            return given instanceof Answer.About a && (same(gold, a.exact()) || same(gold, a.near()));
        }
        return given instanceof Answer.About a
                ? same(g.exact(), a.exact())
                : same(g.exact(), given) || (plausible(g) && stated(g, given));
    }

    /** Whether what is said to be near a value is: roughly, or, where it is a plain number, to its last place. */
    private boolean plausible(Answer.About x) {
        return valueOf(x.exact())
                .flatMap(sameness::decimal)
                .flatMap(value -> sameness.decimal(x.near().value()).map(near -> {
                    BigDecimal apart = near.subtract(value).abs();
                    return apart.compareTo(near.abs().multiply(ROUGHLY)) <= 0
                            || (plainNumber(x.near())
                                    && apart.movePointRight(places(x.near())).compareTo(LAST_PLACE) <= 0);
                }))
                .orElse(false);
    }

    private Optional<Expr> valueOf(Answer a) {
        return switch (a) {
            case Answer.Scalar s -> Optional.of(s.value());
            case Answer.Relation r -> assigned(r).filter(v -> !v.equals(r)).flatMap(this::valueOf);
            case Answer.About x -> valueOf(x.exact());
            case Answer.InBase n -> AnswerReader.value(n).map(Expr.Num::new);
            case Answer.Ratio r -> Optional.empty();
            case Answer.Clock c -> Optional.empty();
            case Answer.Interval i -> Optional.empty();
            case Answer.Union u -> Optional.empty();
            case Answer.Group g -> Optional.empty();
            case Answer.Matrix m -> Optional.empty();
            case Answer.Text t -> Optional.empty();
        };
    }

    /** Whether an answer is the decimal that the gold answer states, or a longer one that the value rounds to. */
    private boolean stated(Answer.About gold, Answer given) {
        if (given instanceof Answer.Relation r) {
            return assigned(r).map(v -> stated(gold, v)).orElse(false);
        }
        BigDecimal longer = given instanceof Answer.Scalar s ? s.written() : null;
        return (plainNumber(given) && same(gold.near(), given))
                || (longer != null
                        && longer.scale() > places(gold.near())
                        && valueOf(gold.exact())
                                .flatMap(sameness::decimal)
                                .map(d -> d.setScale(longer.scale(), RoundingMode.HALF_UP)
                                                .compareTo(longer)
                                        == 0)
                                .orElse(false));
    }

    private static boolean plainNumber(Answer a) {
        return a instanceof Answer.Scalar s && (s.written() != null || s.percent() || s.value() instanceof Expr.Num);
    }

    private boolean rounds(Answer.Scalar near, Answer given) {
        if (given instanceof Answer.Relation r) {
            return assigned(r).map(v -> rounds(near, v)).orElse(false);
        }
        return given instanceof Answer.Scalar s
                && (s.written() == null || places(s) > places(near))
                && sameness.decimal(s.value())
                        .flatMap(v -> sameness.decimal(near.value())
                                .map(n -> v.setScale(places(near), RoundingMode.HALF_UP)
                                                .compareTo(n)
                                        == 0))
                        .orElse(false);
    }

    /** Decimal places that a number was written with. */
    private static int places(Answer.Scalar s) {
        BigDecimal written = s.written();
        return written == null ? 0 : written.scale();
    }

    /** A time is met by the same time and by no proportion; against a fraction or a proportion the digits may be one. */
    private boolean clock(Answer gold, Answer given) {
        if (gold instanceof Answer.Clock g && given instanceof Answer.Clock a) {
            return ClockReader.same(g, a);
        }
        return gold instanceof Answer.Clock g
                ? g.ratio() != null && !(given instanceof Answer.Ratio) && same(g.ratio(), given)
                : given instanceof Answer.Clock a && a.ratio() != null && same(gold, a.ratio());
    }

    /** Solutions with named unknowns, against such or against tuples; empty when the answers are something else. */
    private Optional<Boolean> solutions(Answer gold, Answer given) {
        boolean tuples = tuples(gold) || tuples(given);
        if (!tuples && !(gold instanceof Answer.Group) && !(given instanceof Answer.Group)) {
            return Optional.empty();
        }
        Optional<Solutions> g = Solutions.of(gold);
        Optional<Solutions> a = Solutions.of(given);
        if (g.isPresent() && a.isPresent()) {
            List<String> names = g.get().names();
            return Optional.of(Set.copyOf(names).equals(Set.copyOf(a.get().names()))
                    && unordered(inTuples(g.get(), names), inTuples(a.get(), names)));
        }
        if (g.isPresent() && tuples(given)) {
            return Optional.of(same(g.get().tuples(), given));
        }
        return a.isPresent() && tuples(gold) ? Optional.of(same(gold, a.get().tuples())) : Optional.empty();
    }

    private static List<Answer> inTuples(Solutions s, List<String> names) {
        Answer tuples = new Solutions(names, s.solutions()).tuples();
        return s.solutions().size() == 1 ? List.of(tuples) : ((Answer.Group) tuples).items();
    }

    /** Whether an answer is a tuple or a list of tuples. */
    private static boolean tuples(Answer a) {
        return a instanceof Answer.Group g
                && (g.bracket() == Answer.Bracket.ROUND
                        || (!g.items().isEmpty()
                                && g.items().stream()
                                        .allMatch(i ->
                                                i instanceof Answer.Group t && t.bracket() == Answer.Bracket.ROUND)));
    }

    private boolean ratio(Answer.Ratio gold, Answer given) {
        if (given instanceof Answer.Ratio r) {
            return proportional(gold.parts(), r.parts());
        }
        return gold.parts().size() == 2
                && given instanceof Answer.Scalar s
                && sameness.same(
                        new Expr.Quotient(gold.parts().get(0), gold.parts().get(1)), s.value());
    }

    private boolean inBase(Answer.InBase gold, Answer given) {
        Optional<BigFraction> value = AnswerReader.value(gold);
        if (given instanceof Answer.InBase a) {
            return value.isPresent() && value.equals(AnswerReader.value(a));
        }
        // Digits without their base are taken in the gold's.
        return given instanceof Answer.Scalar s
                && s.value() instanceof Expr.Num n
                && s.written() == null
                && n.value().getDenominator().equals(BigInteger.ONE)
                && n.value().getNumerator().toString().equals(gold.digits());
    }

    private boolean scalar(Answer.Scalar gold, Answer given) {
        if (given instanceof Answer.InBase n) {
            return AnswerReader.value(n)
                    .map(v -> sameness.same(gold.value(), new Expr.Num(v)))
                    .orElse(false);
        }
        if (given instanceof Answer.Ratio r && r.parts().size() == 2) {
            return sameness.same(
                    gold.value(), new Expr.Quotient(r.parts().get(0), r.parts().get(1)));
        }
        if (given instanceof Answer.Group g && g.bracket() == Answer.Bracket.NONE) {
            // Several answers that are all the same one.
            return !g.items().isEmpty() && g.items().stream().allMatch(i -> same(gold, i));
        }
        if (!(given instanceof Answer.Scalar a)) {
            return false;
        }
        if (policy.has(Rule.PERCENT_IGNORED) && gold.percent() != a.percent()) {
            return value(
                    Answer.Scalar.of(gold.percent() ? hundredfold(gold.value()) : gold.value()),
                    Answer.Scalar.of(a.percent() ? hundredfold(a.value()) : a.value()));
        }
        if (gold.percent() && !a.percent() && value(new Answer.Scalar(hundredfold(gold.value()), null, "", false), a)) {
            return true;
        }
        Optional<Units.Unit> goldUnit = Units.find(gold.unit());
        Optional<Units.Unit> ownUnit = Units.find(a.unit());
        if (goldUnit.isPresent() && ownUnit.isPresent()) {
            Units.Unit g = goldUnit.get();
            Units.Unit o = ownUnit.get();
            return (g.dimension().equals(o.dimension()) || g.isDegreesOfAny(o) || o.isDegreesOfAny(g))
                    && (g.factor().equals(o.factor())
                            ? value(gold, a)
                            : sameness.same(scaled(gold.value(), g.factor()), scaled(a.value(), o.factor())));
        }
        return value(gold, a) || angle(gold, a) || angle(a, gold);
    }

    private static Expr hundredfold(Expr x) {
        return x instanceof Expr.Quotient q && q.bottom().equals(Expr.Num.of(100))
                ? q.top()
                : new Expr.Product(List.of(Expr.Num.of(100), x));
    }

    private static Expr scaled(Expr x, BigFraction factor) {
        return new Expr.Product(List.of(x, new Expr.Num(factor)));
    }

    /** Degrees on one side, radians on the other. */
    private boolean angle(Answer.Scalar degrees, Answer.Scalar radians) {
        return Units.find(degrees.unit()).filter(Units.Unit::isAngle).isPresent()
                && (radians.unit().isEmpty() || Units.isRadians(radians.unit()))
                && sameness.same(
                        new Expr.Product(
                                List.of(degrees.value(), new Expr.Quotient(Expr.Constant.PI, Expr.Num.of(180)))),
                        radians.value());
    }

    private boolean value(Answer.Scalar gold, Answer.Scalar given) {
        return sameness.same(gold.value(), given.value())
                || ((policy.relative() > 0 || policy.places() >= 0) && near(gold.value(), given.value()))
                || rounded(gold.written(), DIGITS_OF_A_ROUNDED_GOLD, given.value(), given.written())
                || rounded(
                        given.written(),
                        gold.written() == null ? DIGITS_OF_AN_EXACT_VALUE : DIGITS_OF_A_ROUNDED_GOLD,
                        gold.value(),
                        gold.written());
    }

    /** Whether two numbers are as close as the policy asks. */
    private boolean near(Expr gold, Expr given) {
        Optional<BigDecimal> x = sameness.decimal(gold);
        Optional<BigDecimal> y = sameness.decimal(given);
        if (x.isEmpty() || y.isEmpty()) {
            return false;
        }
        boolean places = policy.places() >= 0
                && x.get()
                                .setScale(policy.places(), RoundingMode.HALF_UP)
                                .compareTo(y.get().setScale(policy.places(), RoundingMode.HALF_UP))
                        == 0;
        return places
                || x.get()
                                .subtract(y.get())
                                .abs()
                                .compareTo(x.get().abs().multiply(BigDecimal.valueOf(policy.relative())))
                        <= 0;
    }

    /** Whether a value rounds to a decimal of so many digits at least; the last digit may be one off. */
    private boolean rounded(@Nullable BigDecimal decimal, int digits, Expr value, @Nullable BigDecimal written) {
        if (decimal == null || (decimal.precision() < digits && decimal.scale() < digits)) {
            return false;
        }
        // Of two decimals the one with fewer places is the rounded one.
        if (written != null && written.scale() <= decimal.scale()) {
            return false;
        }
        return sameness.decimal(value)
                .map(d -> d.setScale(decimal.scale(), RoundingMode.HALF_UP)
                                .subtract(decimal)
                                .abs()
                                .compareTo(decimal.precision() > 12 ? decimal.ulp() : BigDecimal.ZERO)
                        <= 0)
                .orElse(false);
    }

    private boolean proportional(List<Expr> a, List<Expr> b) {
        if (a.size() != b.size()) {
            return false;
        }
        for (int i = 1; i < a.size(); i++) {
            if (!sameness.same(
                    new Expr.Product(List.of(a.get(0), b.get(i))), new Expr.Product(List.of(a.get(i), b.get(0))))) {
                return false;
            }
        }
        return true;
    }

    private boolean sameInterval(Answer.Interval a, Answer.Interval b) {
        return a.lowIn() == b.lowIn()
                && a.highIn() == b.highIn()
                && same(Answer.Scalar.of(a.low()), Answer.Scalar.of(b.low()))
                && same(Answer.Scalar.of(a.high()), Answer.Scalar.of(b.high()));
    }

    private boolean union(Answer.Union gold, Answer given) {
        List<Answer> parts = given instanceof Answer.Union u
                ? u.parts()
                : given instanceof Answer.Group g && g.bracket() == Answer.Bracket.NONE
                        ? g.items()
                        : Intervals.distances(given);
        return unordered(gold.parts(), parts);
    }

    private boolean unordered(List<Answer> gold, List<Answer> given) {
        if (policy.has(Rule.ORDERED)) {
            return inOrder(gold, given);
        }
        if (gold.isEmpty() || given.isEmpty()) {
            return gold.isEmpty() && given.isEmpty();
        }
        boolean[] met = new boolean[given.size()];
        for (int i = 0; i < gold.size(); i++) {
            int match = match(gold.get(i), given, i);
            if (match < 0) {
                return false;
            }
            met[match] = true;
        }
        // What no member met first may still be the same as one: a member that is given twice counts once.
        for (int i = 0; i < met.length; i++) {
            if (!met[i]) {
                Answer a = given.get(i);
                if (gold.stream().noneMatch(g -> same(g, a))) {
                    return false;
                }
            }
        }
        return true;
    }

    /** Where a member of the gold answer is met, looked for from a place on; −1 when it is not. */
    private int match(Answer gold, List<Answer> given, int from) {
        for (int i = 0; i < given.size(); i++) {
            int at = (from + i) % given.size();
            if (same(gold, given.get(at))) {
                return at;
            }
        }
        return -1;
    }

    private boolean inOrder(List<Answer> gold, List<Answer> given) {
        if (gold.size() != given.size()) {
            return false;
        }
        for (int i = 0; i < gold.size(); i++) {
            if (!same(gold.get(i), given.get(i))) {
                return false;
            }
        }
        return true;
    }

    private boolean group(Answer.Group gold, Answer given) {
        if (given instanceof Answer.Matrix m) {
            Optional<Answer.Matrix> lists = rows(gold);
            if (lists.isPresent()) {
                return matrix(lists.get(), m);
            }
            return ordered(gold.bracket())
                    && vector(m).map(v -> inOrder(gold.items(), v)).orElse(false);
        }
        if (given instanceof Answer.Union u && gold.bracket() == Answer.Bracket.NONE) {
            return unordered(gold.items(), u.parts());
        }
        if (given instanceof Answer.Interval i) {
            return Intervals.interval(gold).map(g -> sameInterval(g, i)).orElse(false);
        }
        if (!(given instanceof Answer.Group a)) {
            return (gold.items().size() == 1
                            || gold.bracket() == Answer.Bracket.NONE
                            || gold.bracket() == Answer.Bracket.SET)
                    && gold.bracket() != Answer.Bracket.SQUARE
                    && !gold.items().isEmpty()
                    && gold.items().stream().allMatch(i -> same(i, given));
        }
        List<Answer> g = opened(gold);
        List<Answer> o = opened(a);
        if ((ordered(gold.bracket()) && a.bracket() == Answer.Bracket.SET)
                || (gold.bracket() == Answer.Bracket.SET && ordered(a.bracket()))) {
            return false;
        }
        if (ordered(gold.bracket()) && ordered(a.bracket()) && gold.bracket() != a.bracket() && g.size() == 2) {
            // A pair in round and one in square brackets may be intervals, and then differ.
            return false;
        }
        return (ordered(gold.bracket()) || ordered(a.bracket())) ? inOrder(g, o) : unordered(g, o);
    }

    private static boolean ordered(Answer.Bracket b) {
        return b == Answer.Bracket.ROUND || b == Answer.Bracket.SQUARE;
    }

    /** Items, those of an inner plus-minus among them. */
    private static List<Answer> opened(Answer.Group g) {
        List<Answer> out = new ArrayList<>();
        for (Answer item : g.items()) {
            if (item instanceof Answer.Group inner
                    && (inner.bracket() == Answer.Bracket.NONE
                            || (g.items().size() == 1 && inner.bracket() == Answer.Bracket.UNPRINTED))) {
                out.addAll(inner.items());
            } else {
                out.add(item);
            }
        }
        return out;
    }

    private boolean matrix(Answer.Matrix gold, Answer given) {
        Optional<Answer.Matrix> lists = rows(given);
        if (lists.isPresent()) {
            return matrix(gold, lists.get());
        }
        if (given instanceof Answer.Group g && ordered(g.bracket())) {
            return vector(gold).map(v -> inOrder(v, g.items())).orElse(false);
        }
        if (!(given instanceof Answer.Matrix m) || !Answer.sameShape(gold.rows(), m.rows())) {
            return false;
        }
        for (int r = 0; r < gold.rows().size(); r++) {
            for (int c = 0; c < gold.rows().get(r).size(); c++) {
                if (!sameness.same(gold.rows().get(r).get(c), m.rows().get(r).get(c))) {
                    return false;
                }
            }
        }
        return true;
    }

    /** A list of rows, each a list of numbers, as the matrix that it is. */
    private static Optional<Answer.Matrix> rows(Answer a) {
        if (!(a instanceof Answer.Group g) || !ordered(g.bracket()) || g.items().isEmpty()) {
            return Optional.empty();
        }
        List<List<Expr>> rows = new ArrayList<>();
        for (Answer item : g.items()) {
            if (!(item instanceof Answer.Group row)
                    || !ordered(row.bracket())
                    || row.items().stream().anyMatch(i -> !(i instanceof Answer.Scalar))) {
                return Optional.empty();
            }
            rows.add(row.items().stream().map(i -> ((Answer.Scalar) i).value()).toList());
        }
        return Optional.of(new Answer.Matrix(rows));
    }

    /** A matrix of one row or one column as what it holds. */
    private static Optional<List<Answer>> vector(Answer.Matrix m) {
        if (m.rows().size() == 1) {
            return Optional.of(m.rows().get(0).stream()
                    .map(e -> (Answer) Answer.Scalar.of(e))
                    .toList());
        }
        return m.rows().stream().allMatch(r -> r.size() == 1)
                ? Optional.of(m.rows().stream()
                        .map(r -> (Answer) Answer.Scalar.of(r.get(0)))
                        .toList())
                : Optional.empty();
    }

    private boolean relations(Answer gold, Answer given) {
        if (gold instanceof Answer.Relation g && given instanceof Answer.Relation a) {
            return bothRelations(g, a);
        }
        if (gold instanceof Answer.Relation g) {
            Optional<Answer> value = assigned(g);
            if (value.isPresent()) {
                return same(value.get(), given);
            }
            List<Answer> apart = Intervals.distances(g);
            if (given instanceof Answer.Union u) {
                return unordered(apart, u.parts());
            }
            if (given instanceof Answer.Group list && list.bracket() == Answer.Bracket.NONE && !apart.isEmpty()) {
                return unordered(apart, list.items());
            }
            return Intervals.interval(given)
                    .flatMap(i -> Intervals.bounds(g).map(b -> sameInterval(b, i)))
                    .orElse(false);
        }
        Answer.Relation a = (Answer.Relation) given;
        if (gold instanceof Answer.Union u) {
            return union(u, a);
        }
        List<Answer> apart = Intervals.distances(a);
        if (gold instanceof Answer.Group list && list.bracket() == Answer.Bracket.NONE && !apart.isEmpty()) {
            return unordered(list.items(), apart);
        }
        if (gold instanceof Answer.Interval || gold instanceof Answer.Group) {
            Optional<Answer.Interval> mine = Intervals.bounds(a);
            if (mine.isPresent()) {
                Answer.Interval i = mine.get();
                return Intervals.interval(gold).map(g -> sameInterval(g, i)).orElse(false);
            }
        }
        return assigned(a)
                .or(() -> summed(gold, a))
                .filter(v -> agree(a, v))
                .map(v -> same(gold, v))
                .orElse(false);
    }

    /** The number that an answer gives to a sum of several letters, where a number is asked for: m + n = 90. */
    private static Optional<Answer> summed(Answer gold, Answer.Relation r) {
        return gold instanceof Answer.Scalar g
                        && isNumber(g.value())
                        && equalities(r)
                        && r.sides().get(0) instanceof Answer.Scalar left
                        && Names.sum(left.value())
                        && r.sides().get(r.sides().size() - 1) instanceof Answer.Scalar value
                        && isNumber(value.value())
                ? Optional.of(value)
                : Optional.empty();
    }

    private static boolean equalities(Answer.Relation r) {
        return r.signs().stream().allMatch(s -> s.equals("="));
    }

    /** The value that a chain of equalities gives to what it names: its last member. */
    private Optional<Answer> assigned(Answer.Relation r) {
        if (!equalities(r)) {
            return Optional.empty();
        }
        Answer first = r.sides().get(0);
        Answer last = r.sides().get(r.sides().size() - 1);
        if (last instanceof Answer.Matrix && !(first instanceof Answer.Matrix)) {
            return Optional.of(last);
        }
        if (r.sides().size() == 2 && Names.names(last) && !Names.names(first)) {
            return Optional.of(first);
        }
        if (Names.names(first)
                || first instanceof Answer.Text
                || constant(first)
                || r.sides().size() > 2) {
            return Optional.of(last);
        }
        return Optional.empty();
    }

    static boolean constant(Answer a) {
        if (!(a instanceof Answer.Scalar s)) {
            return false;
        }
        // A bare number names nothing: 7 = 11a + c is an equation.
        return isNumber(s.value()) && !(s.value() instanceof Expr.Num);
    }

    /** Whether the members of a chain that are numbers are the same number. */
    private boolean agree(Answer.Relation r, Answer value) {
        for (Answer side : r.sides().subList(1, r.sides().size())) {
            if (side instanceof Answer.Scalar s
                    && isNumber(s.value())
                    && value instanceof Answer.Scalar v
                    && isNumber(v.value())
                    && !same(v, s)) {
                return false;
            }
        }
        return true;
    }

    private static boolean isNumber(Expr x) {
        Set<String> variables = new TreeSet<>();
        Expr.variables(x, variables);
        return variables.isEmpty();
    }

    private boolean bothRelations(Answer.Relation g, Answer.Relation a) {
        if (g.signs().equals(a.signs()) && inOrder(g.sides(), a.sides())) {
            return true;
        }
        if (equalities(g) && equalities(a)) {
            Optional<Answer> left = assigned(g);
            Optional<Answer> right = assigned(a);
            if (left.isPresent() && right.isPresent() && sameName(g, a)) {
                return same(left.get(), right.get()) || equation(g, a);
            }
            return equation(g, a);
        }
        Optional<Answer.Interval> one = Intervals.bounds(g);
        Optional<Answer.Interval> two = Intervals.bounds(a);
        if (one.isPresent() && two.isPresent()) {
            return sameInterval(one.get(), two.get());
        }
        return inequality(g, a);
    }

    /** y = … and f(x) = … name the same thing; x = 1 and z = 1 do not. */
    private boolean sameName(Answer.Relation g, Answer.Relation a) {
        Answer x = Names.names(g.sides().get(0)) || g.sides().get(0) instanceof Answer.Text
                ? g.sides().get(0)
                : g.sides().get(g.sides().size() - 1);
        Answer y = Names.names(a.sides().get(0)) || a.sides().get(0) instanceof Answer.Text
                ? a.sides().get(0)
                : a.sides().get(a.sides().size() - 1);
        String one = Names.letters(x);
        String two = Names.letters(y);
        return !Names.inverses(x, y)
                && (one.isEmpty()
                        || two.isEmpty()
                        || one.equals(two)
                        || (one.startsWith("angle") && one.length() != two.length()));
    }

    private static Optional<Expr> difference(Answer.Relation r) {
        return r.sides().size() == 2
                        && r.sides().get(0) instanceof Answer.Scalar a
                        && r.sides().get(1) instanceof Answer.Scalar b
                ? Optional.of(new Expr.Sum(List.of(a.value(), Expr.negative(b.value()))))
                : Optional.empty();
    }

    private boolean equation(Answer.Relation g, Answer.Relation a) {
        return difference(g)
                .flatMap(x -> difference(a).map(y -> sameness.factor(x, y) != 0))
                .orElse(false);
    }

    private boolean inequality(Answer.Relation g, Answer.Relation a) {
        if (g.signs().size() != 1 || a.signs().size() != 1) {
            return false;
        }
        String one = g.signs().get(0);
        String two = a.signs().get(0);
        int factor = difference(g)
                .flatMap(x -> difference(a).map(y -> sameness.factor(x, y)))
                .orElse(0);
        if (factor == 0) {
            return false;
        }
        return (one.equals("\\ne") || one.equals("="))
                ? one.equals(two)
                : factor > 0 ? one.equals(two) : one.equals(Intervals.turned(two));
    }
}
