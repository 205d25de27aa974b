package io.foothold.verifier.chat;

import java.util.concurrent.TimeUnit;

/** A text that a regular expression may not look at for ever: patterns come with run files, and some need a power of the length. */
final class TimedText implements CharSequence {
    private static final long MOST = TimeUnit.SECONDS.toNanos(1);
    private static final int LOOKED = 1 << 12;

    private final CharSequence text;
    private final long end;
    private int looks;

    /** Says that it took too long. */
    static final class TooLong extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    TimedText(CharSequence text) {
        this(text, System.nanoTime() + MOST);
    }

    private TimedText(CharSequence text, long end) {
        this.text = text;
        this.end = end;
    }

    @Override
    public char charAt(int index) {
        if (++looks % LOOKED == 0 && System.nanoTime() - end > 0) {
            throw new TooLong();
        }
        return text.charAt(index);
    }

    @Override
    public int length() {
        return text.length();
    }

    @Override
    public CharSequence subSequence(int start, int until) {
        return new TimedText(text.subSequence(start, until), end);
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
