package io.foothold.orchestrator.runfile;

import java.util.regex.Pattern;

/** Writes values as YAML scalars that {@link YamlReader} reads back to the same text. */
final class YamlWriter {
    /** What YAML can only read as the text that it is: no indicator, no space at an end, nothing that it might fold. */
    private static final Pattern PLAIN =
            Pattern.compile("-?[A-Za-z0-9_./+][A-Za-z0-9_./+=-]*([ ,]+[A-Za-z0-9_./+=-]+)*");

    private static final int LONGEST_PLAIN = 200;

    private YamlWriter() {}

    /** A value on one line: as it is where that is certain, else in double quotes. */
    static String scalar(String value) {
        return value.length() <= LONGEST_PLAIN && PLAIN.matcher(value).matches() ? value : quoted(value);
    }

    private static String quoted(String value) {
        StringBuilder out = new StringBuilder("\"");
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    if (mustBeNamed(c)) {
                        out.append(String.format("\\u%04X", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        return out.append('"').toString();
    }

    /** Controls, line ends of other alphabets, the byte order mark, what is no character: not seen, or taken for a line end. */
    private static boolean mustBeNamed(char c) {
        return c < ' '
                || (c >= 0x7f && c < 0xa0)
                || c == '\u2028'
                || c == '\u2029'
                || c == '\ufeff'
                || c == '\ufffe'
                || c == '\uffff';
    }
}
