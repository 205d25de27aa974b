package io.foothold.verifier.math;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads sums of the unit vectors i, j and k, set as vectors: {@code 2\mathbf{i}-\mathbf{j}}, {@code \hat{i}+3\hat{k}}. Pure. */
final class UnitVectors {
    private static final Pattern UNIT = Pattern.compile(
            "\\\\(?:mathbf|hat|widehat|vec|overrightarrow|boldsymbol|bm|textbf|mathbf\\s*\\{\\s*\\\\hat)\\s*\\{?\\s*(?:\\\\(?:mathbf|boldsymbol|bm)\\s*\\{)?\\s*(?:\\\\([ij])math|([ijk]))(?![A-Za-z])\\s*}*");

    private UnitVectors() {}

    /** The vector as its components, in space and, when it has no k, also in the plane; none when the text is no such sum. */
    static List<Answer> read(String text, Budget budget) {
        if (text.indexOf('i') < 0 && text.indexOf('j') < 0 && text.indexOf('k') < 0) {
            return List.of();
        }
        Matcher m = UNIT.matcher(text);
        boolean plane = true;
        boolean several = false;
        while (m.find()) {
            String name = name(m);
            plane &= !name.equals("k");
            several |= !name.equals("i");
        }
        // A bold i alone may be the imaginary unit.
        if (!several) {
            return List.of();
        }
        try {
            List<Answer> parts = new ArrayList<>();
            for (String axis : List.of("i", "j", "k")) {
                parts.add(Answer.Scalar.of(component(text, axis, budget)));
            }
            if (!new Sameness(budget).same(component(text, "", budget), Expr.Num.of(0))) {
                return List.of();
            }
            List<Answer> out = new ArrayList<>();
            out.add(new Answer.Group(Answer.Bracket.ROUND, List.copyOf(parts)));
            if (plane) {
                out.add(new Answer.Group(Answer.Bracket.ROUND, List.copyOf(parts.subList(0, 2))));
            }
            return out;
        } catch (Grammar.Refused e) {
            return List.of();
        }
    }

    private static String name(Matcher unit) {
        return unit.group(1) == null ? unit.group(2) : unit.group(1);
    }

    /** The text with one unit vector as 1 and the others as 0. */
    private static Expr component(String text, String axis, Budget budget) {
        String at = UNIT.matcher(text)
                .replaceAll(m -> axis.equals(m.group(1) == null ? m.group(2) : m.group(1)) ? "(1)" : "(0)");
        return Grammar.read(AnswerReader.trimmed(Spelling.clean(at)), budget);
    }
}
