package io.foothold.verifier.math;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

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

    /** Time was over before the budget was: the machine is in trouble, not the answer. */
    public static final class Fused extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Fused() {
            super("the comparison took longer than " + FUSE_SECONDS + " s", null, false, false);
        }
    }

    private static final long FUSE_SECONDS = 20;
    private static final long UNITS_BETWEEN_LOOKS = 1 << 16;

    private final Map<String, List<Answer>> readings = new HashMap<>();
    private final long started = System.nanoTime();
    private long left = UNITS;
    private long nextLook = UNITS - UNITS_BETWEEN_LOOKS;

    /** A full budget. */
    public Budget() {}

    /** What texts of this check were read as, by text. */
    Map<String, List<Answer>> readings() {
        return readings;
    }

    /** Takes some units. */
    public void spend(long units) {
        left -= units;
        if (left < 0) {
            throw new Spent();
        }
        if (left < nextLook) {
            nextLook = left - UNITS_BETWEEN_LOOKS;
            if (System.nanoTime() - started > FUSE_SECONDS * 1_000_000_000L) {
                throw new Fused();
            }
        }
    }
}
