package io.foothold.core.keys;

/** A setting that does not fit another one, or cannot be what it is. */
public final class SettingsException extends RuntimeException {
    private static final long serialVersionUID = 1;
    private static final int LONGEST_SHOWN = 200;

    private final String key;

    /**
     * A refusal.
     *
     * @param key where it was given is what the message should point to
     * @param why the whole sentence, with the keys that it is about
     */
    public SettingsException(String key, String why) {
        super(why);
        this.key = key;
    }

    /** The key whose place is pointed to. */
    public String key() {
        return key;
    }

    /** The sentence. */
    public String why() {
        return String.valueOf(getMessage());
    }

    /** A value of the user's as it stands in a message: not longer than a line or two. */
    public static String shown(String text) {
        if (text.length() <= LONGEST_SHOWN) {
            return text;
        }
        int cut = Character.isHighSurrogate(text.charAt(LONGEST_SHOWN - 1)) ? LONGEST_SHOWN - 1 : LONGEST_SHOWN;
        return text.substring(0, cut) + "… (" + text.length() + " characters)";
    }
}
