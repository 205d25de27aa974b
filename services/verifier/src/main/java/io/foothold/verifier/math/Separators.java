package io.foothold.verifier.math;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Where a text falls into parts: at signs and words that stand in no bracket and in no environment. Pure. */
final class Separators {
    /** A conjunction, also one that is stuck to a number, or to a letter that a relation follows. */
    private static final Pattern CONJUNCTION = Pattern.compile(
            "(?:and|or)(?:(?![A-Za-z])|(?=[A-Za-z](?:_\\{?\\w+}?)?\\s*(?:[=<>]|\\\\(?:le|ge|ne|in)(?![a-z]))))");

    private Separators() {}

    /** The members of a list: commas, semicolons, "and", "or" and ampersands part them. One member when nothing does. */
    static List<String> members(String s) {
        if (!mayHoldSeveral(s)) {
            return List.of(s);
        }
        List<String> out = new ArrayList<>();
        Matcher conjunction = CONJUNCTION.matcher(s);
        int depth = 0;
        int from = 0;
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            if (depth == 0) {
                int end = i;
                if (c == ',' || c == ';' || c == '&') {
                    end = i + 1;
                } else if ((c == 'a' || c == 'o')
                        && (i == 0 || !isWordPart(s.charAt(i - 1)))
                        && conjunction.region(i, s.length()).lookingAt()) {
                    end = conjunction.end();
                }
                if (end > i) {
                    int to = c == '&' && i > from && s.charAt(i - 1) == '\\' ? i - 1 : i;
                    out.add(s.substring(from, to));
                    from = end;
                    i = end - 1;
                    continue;
                }
            }
            depth += nesting(s, i);
        }
        out.add(s.substring(from));
        return out;
    }

    private static boolean mayHoldSeveral(String s) {
        return s.indexOf(',') >= 0
                || s.indexOf(';') >= 0
                || s.indexOf('&') >= 0
                || s.contains("or")
                || s.contains("and");
    }

    private static boolean isWordPart(char c) {
        return Character.isLetter(c) || c == '\\';
    }

    /** Splits where no bracket is open. */
    static List<String> split(String s, String... separators) {
        List<String> out = new ArrayList<>();
        int depth = 0;
        int from = 0;
        for (int i = 0; i < s.length(); i++) {
            if (depth == 0 && !Character.isLetterOrDigit(s.charAt(i))) {
                for (String separator : separators) {
                    if (s.startsWith(separator, i) && whole(s, i, separator)) {
                        out.add(s.substring(from, i));
                        i += separator.length() - 1;
                        from = i + 1;
                        break;
                    }
                }
                if (from == i + 1) {
                    continue;
                }
            }
            depth += nesting(s, i);
        }
        out.add(s.substring(from));
        return out;
    }

    /** 1 where a bracket or an environment opens, −1 where one closes. */
    static int nesting(String s, int at) {
        char c = s.charAt(at);
        return switch (c) {
            case '(', '[', '{' -> 1;
            case ')', ']', '}' -> -1;
            case '\\' -> s.startsWith("\\begin", at) ? 1 : s.startsWith("\\end", at) ? -1 : 0;
            default -> 0;
        };
    }

    private static boolean whole(String s, int at, String separator) {
        int end = at + separator.length();
        return !separator.startsWith("\\")
                || separator.endsWith("}")
                || end >= s.length()
                || !Character.isLetter(s.charAt(end));
    }
}
