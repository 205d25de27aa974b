package io.foothold.verifier.math;

/**
 * Counts what a comparison costs, so that the same input meets the same limit on every machine. One unit is about one
 * multiplication of 64-bit numbers. Owned by one thread.
 */
public final class Budget {
    /** Units of one verdict; about 0.1 s of one core when all of them are spent. */
    public static final long UNITS = 4_000_000;

    /** The budget is spent. */
    public static final class Spent extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Spent() {
            super("the answer costs more than " + UNITS + " operations to compare", null, false, false);
        }
    }

    private long left = UNITS;

    /** A full budget. */
    public Budget() {}

    /** Takes some units. */
    void spend(long units) {
        left -= units;
        if (left < 0) {
            throw new Spent();
        }
    }
}
