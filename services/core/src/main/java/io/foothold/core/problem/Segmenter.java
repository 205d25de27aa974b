package io.foothold.core.problem;

import java.text.BreakIterator;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Cuts the text of an oracle solution into thoughts. Joined again, the thoughts give the text back. */
@FunctionalInterface
public interface Segmenter {
    /** The thoughts of a solution, none empty. */
    List<String> thoughts(String solution);

    /** Cuts after every delimiter. */
    static Segmenter delimiter(String delimiter) {
        if (delimiter.isEmpty()) {
            throw new IllegalArgumentException("the thought delimiter is empty");
        }
        return text -> {
            List<String> out = new ArrayList<>();
            int from = 0;
            for (int at = text.indexOf(delimiter); at >= 0; at = text.indexOf(delimiter, from)) {
                out.add(text.substring(from, at + delimiter.length()));
                from = at + delimiter.length();
            }
            if (from < text.length()) {
                out.add(text.substring(from));
            }
            return List.copyOf(out);
        };
    }

    /** Cuts after every line. */
    static Segmenter line() {
        return delimiter("\n");
    }

    /** Cuts after every sentence, by the JDK's rules for English. */
    static Segmenter sentence() {
        return text -> {
            List<String> out = new ArrayList<>();
            BreakIterator breaks = BreakIterator.getSentenceInstance(Locale.ENGLISH);
            breaks.setText(text);
            int from = 0;
            for (int at = breaks.next(); at != BreakIterator.DONE; at = breaks.next()) {
                out.add(text.substring(from, at));
                from = at;
            }
            return List.copyOf(out);
        };
    }

    /** Cuts into pieces that each hold about this fraction of the words, at word borders. */
    static Segmenter tokenFraction(double fraction) {
        if (!(fraction > 0 && fraction <= 1)) {
            throw new IllegalArgumentException("token fraction must be in (0, 1]: " + fraction);
        }
        return text -> {
            List<String> words = delimiter(" ").thoughts(text);
            int size = Math.max(1, (int) Math.round(words.size() * fraction));
            List<String> out = new ArrayList<>();
            for (int i = 0; i < words.size(); i += size) {
                out.add(String.join("", words.subList(i, Math.min(words.size(), i + size))));
            }
            return List.copyOf(out);
        };
    }

    /** The segmenter of that name: {@code delimiter}, {@code line}, {@code sentence} or {@code tokens:FRACTION}. */
    static Segmenter named(String name, String delimiter) {
        return switch (name) {
            case "delimiter" -> delimiter(delimiter);
            case "line" -> line();
            case "sentence" -> sentence();
            default -> {
                if (name.startsWith("tokens:")) {
                    yield tokenFraction(Double.parseDouble(name.substring("tokens:".length())));
                }
                throw new IllegalArgumentException(
                        "unknown segmenter '" + name + "' (expected delimiter, line, sentence or tokens:FRACTION)");
            }
        };
    }
}
