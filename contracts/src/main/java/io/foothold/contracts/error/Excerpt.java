package io.foothold.contracts.error;

/** The beginning of what somebody else said, for a message. */
public final class Excerpt {
    /** Most characters of one. */
    public static final int LONGEST = 200;

    private Excerpt() {}

    /** The text, or its beginning and an ellipsis. */
    public static String of(String text) {
        return text.length() <= LONGEST ? text : text.substring(0, LONGEST) + "…";
    }
}
