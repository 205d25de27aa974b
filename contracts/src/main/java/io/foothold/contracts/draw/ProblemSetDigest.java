package io.foothold.contracts.draw;

import io.foothold.v1.Problem;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Names the content of a problem set, so that a draw can say from what it means to be drawn. */
public final class ProblemSetDigest {
    private ProblemSetDigest() {}

    /** SHA-256 over the problems in their order, hexadecimal. A problem has no map, so that its bytes are the same everywhere. */
    public static String of(Iterable<Problem> problems) {
        MessageDigest all = sha256();
        MessageDigest one = sha256();
        for (Problem problem : problems) {
            all.update(one.digest(problem.toByteArray()));
        }
        return HexFormat.of().formatHex(all.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
