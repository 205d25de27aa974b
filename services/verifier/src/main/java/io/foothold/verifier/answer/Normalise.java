package io.foothold.verifier.answer;

import java.text.Normalizer;
import java.util.Locale;
import java.util.regex.Pattern;

/** Spellings that mean the same, made the same. */
final class Normalise {
    private static final Pattern THOUSANDS = Pattern.compile("(?<=\\d)(?:,|\\\\,|\\{,\\}|\\\\!,)(?=\\d{3}(?!\\d))");
    private static final Pattern SPACES = Pattern.compile("\\s+");
    private static final Pattern TEXT_MACRO = Pattern.compile("\\\\(?:text|mathrm|mbox|textbf|mathbf)\\{([^{}]*)\\}");

    private Normalise() {}

    /** LaTeX arithmetic without dressing. */
    static String latex(String text) {
        String s = Normalizer.normalize(text.strip(), Normalizer.Form.NFKC);
        s = s.replace("\u2212", "-")
                .replace("\u2013", "-")
                .replace("\u00d7", "*")
                .replace("\u00f7", "/");
        s = s.replace("\\left", "").replace("\\right", "").replace("\\displaystyle", "");
        s = s.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("\\cfrac", "\\frac");
        s = s.replace("\\cdot", "*")
                .replace("\\times", "*")
                .replace("\\div", "/")
                .replace("\\%", "%");
        s = s.replace("$", "")
                .replace("\\(", "")
                .replace("\\)", "")
                .replace("\\[", "")
                .replace("\\]", "");
        s = TEXT_MACRO.matcher(s).replaceAll("$1");
        String before;
        do {
            before = s;
            s = THOUSANDS.matcher(s).replaceAll("");
        } while (!s.equals(before));
        s = s.replace("\\!", "")
                .replace("\\,", "")
                .replace("\\;", "")
                .replace("\\ ", "")
                .replace("~", "");
        s = SPACES.matcher(s).replaceAll("");
        while (s.endsWith(".") || s.endsWith(",")) {
            s = s.substring(0, s.length() - 1);
        }
        return s;
    }

    /** Words: case, marks and spaces do not matter. */
    static String words(String text) {
        String s = TEXT_MACRO
                .matcher(Normalizer.normalize(text, Normalizer.Form.NFKC))
                .replaceAll("$1");
        s = s.toLowerCase(Locale.ROOT).replaceAll("[\\p{Punct}&&[^-]]", " ");
        return SPACES.matcher(s).replaceAll(" ").strip();
    }
}
