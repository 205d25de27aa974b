package io.foothold.contracts.door;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * A secret that opens the door until an instant. Its text is in no message and not in {@link #toString}. Immutable.
 *
 * @param text what a caller sends; 16 characters or more of visible ASCII
 * @param until when it ends; {@link Instant#MAX} for never
 */
record Token(String text, Instant until) {
    private static final int SHORTEST = 16;
    private static final String EXPECTED = "expected TOKEN or TOKEN until 2027-01-31T00:00:00Z, a token being "
            + SHORTEST + " or more characters of visible ASCII";

    /** Whether a caller sent this token; takes as long for every wrong one of its length. */
    boolean is(String given) {
        return MessageDigest.isEqual(text.getBytes(StandardCharsets.UTF_8), given.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Reads tokens, one a line; empty lines and those that begin with # are none.
     *
     * @param where names them in messages: a setting, and its file
     * @throws FootholdException INVALID_INPUT with the place and the line, never with the text, when a line is no token or there is none
     */
    static List<Token> parse(String where, String text) {
        List<Token> out = new ArrayList<>();
        List<String> lines = text.lines().toList();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (!line.isEmpty() && !line.startsWith("#")) {
                out.add(one(where + ":" + (i + 1), line.split("\\s+")));
            }
        }
        if (out.isEmpty()) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, where + " has no token: " + EXPECTED);
        }
        return List.copyOf(out);
    }

    private static Token one(String where, String[] words) {
        boolean ends = words.length == 3 && words[1].equals("until");
        if (words[0].length() < SHORTEST || !words[0].matches("[!-~]+") || !ends && words.length != 1) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, where + ": no token: " + EXPECTED);
        }
        try {
            return new Token(words[0], ends ? Instant.parse(words[2]) : Instant.MAX);
        } catch (DateTimeException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, where + ": no instant behind until: " + EXPECTED, e);
        }
    }

    @Override
    public String toString() {
        return "Token[until=" + until + "]";
    }
}
