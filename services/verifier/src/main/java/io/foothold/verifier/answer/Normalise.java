package io.foothold.verifier.answer;

import java.text.Normalizer;
import java.util.Locale;
import java.util.regex.Pattern;

/** Spellings that mean the same, made the same. */
final class Normalise {
    private static final Pattern MARKS = Pattern.compile("[\\p{Punct}&&[^-*+/=<>]]");
    private static final Pattern ARTICLES = Pattern.compile("\\b(?:a|an|the)\\b(?=\\s+\\w)");
    private static final Pattern SPACES = Pattern.compile("\\s+");
    private static final Pattern TEXT_MACRO = Pattern.compile("\\\\(?:text|mathrm|mbox|textbf|mathbf)\\{([^{}]*)\\}");

    private Normalise() {}

    /** Words: case, marks, articles and spaces do not matter. */
    static String words(String text) {
        String s = TEXT_MACRO
                .matcher(Normalizer.normalize(text, Normalizer.Form.NFKC))
                .replaceAll("$1");
        s = MARKS.matcher(s.toLowerCase(Locale.ROOT)).replaceAll(" ");
        s = ARTICLES.matcher(s).replaceAll(" ");
        return SPACES.matcher(s).replaceAll(" ").strip();
    }
}
