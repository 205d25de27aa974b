package io.foothold.contracts.names;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * A name that somebody outside chose: of a run, a problem set, a checkpoint. It is 1 to 100 letters, digits, dots, dashes and
 * underscores of ASCII, begins with a letter or a digit and has no two dots in a row, so it can be one part of a path, of an
 * address and of a rollout's id, and can neither leave a directory nor be one that begins with a dot, as ours for temporary
 * things do. Immutable; any thread.
 *
 * @param text the name as it was given
 */
public record Name(String text) {
    /** What is accepted, in words. */
    public static final String EXPECTED =
            "1 to 100 letters, digits, dots, dashes or underscores, beginning with a letter or a"
                    + " digit, without two dots in a row";

    private static final Pattern ACCEPTED = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}");
    private static final int LONGEST_QUOTE = 120;

    /**
     * Checks the text.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} when it is no name
     */
    public Name {
        check("name", text);
    }

    /**
     * A name, checked.
     *
     * @param what it is the name of, for the message: "run id", "label"
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} with the value and what was expected when it is no name
     */
    public static Name of(String what, String text) {
        check(what, text);
        return new Name(text);
    }

    /** Whether a text is a name. */
    public static boolean accepts(String text) {
        return ACCEPTED.matcher(text).matches() && !text.contains("..");
    }

    private static void check(String what, String text) {
        if (!accepts(text)) {
            String shown = text.length() <= LONGEST_QUOTE
                    ? "'" + text + "'"
                    : "'" + text.substring(0, LONGEST_QUOTE) + "…' (" + text.length() + " characters)";
            throw new FootholdException(ErrorCode.INVALID_INPUT, what + " " + shown + " must be " + EXPECTED);
        }
    }

    /**
     * The path of that name right below a directory; absolute. The pattern alone keeps it there, and it is looked at once more,
     * because what is made of it gets deleted and overwritten.
     */
    public Path below(Path directory) {
        Path root = directory.toAbsolutePath().normalize();
        Path child = root.resolve(text).normalize();
        if (!root.equals(child.getParent())) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, "'" + text + "' leaves the directory " + root);
        }
        return child;
    }

    @Override
    public String toString() {
        return text;
    }
}
