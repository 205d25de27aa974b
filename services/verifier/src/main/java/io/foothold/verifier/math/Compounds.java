package io.foothold.verifier.math;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads one quantity in several units: {@code 2 hours 30 minutes}, {@code 5 ft 6 in}, {@code 3 m and 20 cm}. Pure. */
final class Compounds {
    private static final int LONGEST = 120;
    private static final Pattern DRESSING = Pattern.compile("\\\\text|[{}]");
    private static final Pattern PART = Pattern.compile(
            "\\s*(?:(?:,|and|, and)\\s*)?(\\d{1,9}(?:\\.\\d{1,9})?)\\s*([A-Za-z]{1,12})\\.?(?![A-Za-z^/])");

    private static final Pattern ANGLE = Pattern.compile(
            "(\\d{1,4}) ?\\^ ?\\{? ?\\\\circ ?}? ?(\\d{1,2}(?:\\.\\d{1,9})?) ?(?:'|\\^ ?\\{? ?\\\\prime ?}?)(?: ?(\\d{1,2}(?:\\.\\d{1,9})?) ?(?:''|\"|\\^ ?\\{? ?\\\\prime ?\\\\prime ?}?))?");

    private Compounds() {}

    /** An angle in degrees, minutes and seconds. */
    private static Optional<Answer> angle(String s, Budget budget) {
        Matcher m = ANGLE.matcher(s);
        if (!m.matches()) {
            return Optional.empty();
        }
        Expr seconds = m.group(3) == null ? Expr.Num.of(0) : Grammar.read(m.group(3), budget);
        return Optional.of(new Answer.Scalar(
                new Expr.Sum(List.of(
                        Grammar.read(m.group(1), budget),
                        new Expr.Quotient(Grammar.read(m.group(2), budget), Expr.Num.of(60)),
                        new Expr.Quotient(seconds, Expr.Num.of(3600)))),
                null,
                "\\circ",
                false));
    }

    /** The quantity in the smallest of its units; empty when the text is none of at least two that get smaller. */
    static Optional<Answer> read(String s, Budget budget) {
        if (s.length() > LONGEST || s.isEmpty() || !Character.isDigit(s.charAt(0))) {
            return Optional.empty();
        }
        if (s.contains("\\circ")) {
            return angle(s, budget);
        }
        char last = s.charAt(s.length() - 1);
        if (!(Character.isLetter(last) || last == '}' || last == '.') || s.indexOf('=') >= 0) {
            return Optional.empty();
        }
        String text = DRESSING.matcher(s).replaceAll("");
        Matcher m = PART.matcher(text);
        List<Expr> terms = new ArrayList<>();
        List<Units.Unit> units = new ArrayList<>();
        String smallest = "";
        for (int at = 0; at < text.length(); at = m.end()) {
            if (!m.region(at, text.length()).lookingAt()) {
                return text.substring(at).isBlank() && terms.size() > 1
                        ? Optional.of(sum(terms, units, smallest))
                        : Optional.empty();
            }
            Optional<Units.Unit> unit = Units.find(m.group(2));
            if (unit.isEmpty() || (!units.isEmpty() && !smaller(unit.get(), units.get(units.size() - 1)))) {
                return Optional.empty();
            }
            terms.add(Grammar.read(m.group(1), budget));
            units.add(unit.get());
            smallest = m.group(2);
        }
        return terms.size() > 1 ? Optional.of(sum(terms, units, smallest)) : Optional.empty();
    }

    private static boolean smaller(Units.Unit one, Units.Unit before) {
        return one.dimension().equals(before.dimension()) && one.factor().compareTo(before.factor()) < 0;
    }

    private static Answer sum(List<Expr> terms, List<Units.Unit> units, String smallest) {
        Units.Unit last = units.get(units.size() - 1);
        List<Expr> all = new ArrayList<>();
        for (int i = 0; i < terms.size(); i++) {
            all.add(new Expr.Product(
                    List.of(terms.get(i), new Expr.Num(units.get(i).factor().divide(last.factor())))));
        }
        return new Answer.Scalar(new Expr.Sum(List.copyOf(all)), null, smallest, false);
    }
}
