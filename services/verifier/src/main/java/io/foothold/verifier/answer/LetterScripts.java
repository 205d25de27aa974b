package io.foothold.verifier.answer;

import java.text.Normalizer;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Letters of options in other scripts as A to J: those that look the same (Cyrillic, Greek, full width, circled), and those that a
 * list of options counts with (Arabic, Hebrew, Bengali, Hindi, Thai, Korean, Chinese). Only letters that stand alone: a letter in a
 * word is none. Pure.
 */
final class LetterScripts {
    private static final Map<String, String> LETTERS = new HashMap<>();

    static {
        put("\u0410\u0412\u0421\u0415\u041d\u0406\u0408", "ABCEHIJ");
        put("\u0411\u0413\u0414", "BDE");
        put("\u0391\u0392\u0393\u0394\u0395\u0397\u0399", "ABCDEHI");
        put("\u0623\u0627\u0628\u062c\u062f\u0647\u0648", "AABCDEF");
        put("\u05d0\u05d1\u05d2\u05d3\u05d4", "ABCDE");
        put("\u0985\u09ac\u09a1\u09a2", "ABCD");
        put("\u0915\u0916\u0917\u0918", "ABCD");
        put("\u0e01\u0e02\u0e04\u0e07", "ABCD");
        put("\uac00\ub098\ub2e4\ub77c\ub9c8", "ABCDE");
        put("\u7532\u4e59\u4e19\u4e01\u620a", "ABCDE");
    }

    private static final Pattern ALONE = Pattern.compile(
            "(?<![[\\p{L}\\p{M}]&&[^\\p{IsHan}]])[\\p{L}&&[^\\p{ASCII}]&&[^\\p{IsHan}]](?![[\\p{L}\\p{M}]&&[^\\p{IsHan}]])"
                    + "|(?:(?<!\\p{L})|(?<=[\u662f\u4e3a\u9009\u9078\u70ba]))[\u7532\u4e59\u4e19\u4e01\u620a](?!\\p{L})");

    private static final String CYRILLIC = "\u0410\u0411\u0412\u0413\u0414\u0415\u0416\u0417\u0418";
    private static final Pattern CYRILLIC_ALONE =
            Pattern.compile("(?<![\\p{L}\\p{M}])[" + CYRILLIC + "](?![\\p{L}\\p{M}])");

    private LetterScripts() {}

    /** Whether a Cyrillic letter stands alone, as one that names an option does. */
    static boolean cyrillic(String text) {
        return CYRILLIC_ALONE.matcher(text).find();
    }

    /** Cyrillic letters that stand alone, by their place in their own alphabet and not by their looks. */
    static String inOrder(String text) {
        return CYRILLIC_ALONE
                .matcher(text)
                .replaceAll(
                        m -> Character.toString('A' + CYRILLIC.indexOf(m.group().charAt(0))));
    }

    private static void put(String theirs, String ours) {
        for (int i = 0; i < ours.length(); i++) {
            LETTERS.put(theirs.substring(i, i + 1), ours.substring(i, i + 1));
        }
    }

    static String latin(String text) {
        if (text.chars().allMatch(c -> c < 128)) {
            return text;
        }
        return ALONE.matcher(Normalizer.normalize(text, Normalizer.Form.NFKC))
                .replaceAll(m -> Matcher.quoteReplacement(LETTERS.getOrDefault(m.group(), m.group())));
    }
}
