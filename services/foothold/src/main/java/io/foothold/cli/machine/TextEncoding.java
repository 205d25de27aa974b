package io.foothold.cli.machine;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.util.List;

/**
 * Everything that Foothold reads and prints is UTF-8. What is printed is told to the JVM by options; arguments and names of files
 * it decodes by the locale, which the launcher sets and children inherit.
 */
public final class TextEncoding {
    /** Options of every JVM that is started. */
    public static final List<String> OPTIONS = List.of(
            "-Dfile.encoding=UTF-8", "-Dstdin.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-Dstderr.encoding=UTF-8");

    private TextEncoding() {}

    /** The encoding of arguments and of names of files, by the locale. */
    public static String ofNames() {
        return System.getProperty("sun.jnu.encoding", "");
    }

    public static boolean isUtf8(String encoding) {
        return encoding.replace("-", "").equalsIgnoreCase("utf8");
    }

    /**
     * Refuses arguments that were decoded wrongly, which only happens without the launcher.
     *
     * @param encoding that of {@link #ofNames()}
     * @throws FootholdException when an argument is not ASCII and the encoding is not UTF-8
     */
    public static void check(String encoding, String... arguments) {
        if (isUtf8(encoding)) {
            return;
        }
        for (int i = 0; i < arguments.length; i++) {
            if (!arguments[i].chars().allMatch(c -> c < 0x80)) {
                throw unreadable("argument " + (i + 1) + " ('" + arguments[i] + "')", encoding);
            }
        }
    }

    /** What is said of a name or an argument that cannot be read in this locale. */
    public static FootholdException unreadable(String what, String encoding) {
        return new FootholdException(
                ErrorCode.INVALID_INPUT,
                what + " cannot be read: the locale's encoding is " + encoding
                        + " (expected UTF-8: set LC_ALL=C.UTF-8, or start with ./foothold, which does)");
    }
}
