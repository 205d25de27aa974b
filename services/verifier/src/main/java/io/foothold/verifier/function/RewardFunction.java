package io.foothold.verifier.function;

import io.foothold.contracts.digest.TextDigest;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.settings.RewardFunctionSettings;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/**
 * A function that judges responses.
 *
 * @param file name of its file, without directories
 * @param name of the function
 * @param source text of the file
 * @param sha256 of that text in UTF-8, hex
 * @param limits of its processes
 * @param passScore least score of a response that is right
 */
public record RewardFunction(String file, String name, String source, String sha256, Limits limits, double passScore) {
    private static final Pattern FILE = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\\.py");
    private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]{0,99}");

    /**
     * Limits.
     *
     * @param network whether it sees the network
     * @param seconds of one call
     * @param memoryBytes of one process with its children
     */
    public record Limits(boolean network, double seconds, long memoryBytes) {}

    /**
     * Checks what came over the wire.
     *
     * @throws FootholdException INVALID_INPUT when the names are none, the text is too long or is not what its digest says
     */
    public RewardFunction {
        if (!FILE.matcher(file).matches() || !NAME.matcher(name).matches()) {
            throw invalid("'" + file + ":" + name + "' is no FILE.py:FUNCTION");
        }
        byte[] bytes = source.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > RewardFunctionSettings.LONGEST_SOURCE) {
            throw invalid(file + " has " + bytes.length + " bytes, at most " + RewardFunctionSettings.LONGEST_SOURCE
                    + " travel with every response");
        }
        if (!(passScore > 0 && passScore <= 1)) {
            throw invalid("the score of a pass must be in (0, 1]: " + passScore);
        }
        if (!(limits.seconds() > 0 && limits.seconds() <= 600) || limits.memoryBytes() < 64L << 20) {
            throw invalid("a call may take 0 to 600 seconds and its process 64 MiB or more: " + limits);
        }
    }

    /** With the digest of its text. */
    public static RewardFunction of(String file, String name, String source, Limits limits, double passScore) {
        return new RewardFunction(file, name, source, TextDigest.sha256(source), limits, passScore);
    }

    /** Whether the text is what the digest says. */
    boolean genuine() {
        return TextDigest.sha256(source).equals(sha256);
    }

    private static FootholdException invalid(String message) {
        return new FootholdException(ErrorCode.INVALID_INPUT, message);
    }

    @Override
    public String toString() {
        return file + ":" + name;
    }
}
