package io.foothold.core.keys;

import java.math.BigDecimal;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One key of a run file.
 *
 * @param type of its value
 * @param fallback value when neither file nor preset has one; null when it must be given or may be absent
 * @param allowed the values that it may take, empty for any; of a number, the words that it may take besides
 * @param range what a number may be; null for anything that is no number
 * @param help one sentence
 * @param origin where it came from and what else is known of it
 */
public record Key(
        Type type,
        @Nullable String fallback,
        List<String> allowed,
        @Nullable Range range,
        String help,
        Origin origin) {
    /** What a value may be. */
    public enum Type {
        /** Any text. */
        TEXT,
        /** A whole number. */
        INTEGER,
        /** A number. */
        NUMBER,
        /** true or false. */
        FLAG
    }

    /**
     * What is known of a key besides its values.
     *
     * @param source paper and equation; empty where there is none
     * @param formerly the name that it had in an earlier version; empty for none
     * @param ofMachine whether it says on what a run is computed and not what
     */
    public record Origin(String source, String formerly, boolean ofMachine) {}

    /**
     * What a number may be.
     *
     * @param least smallest value
     * @param open whether the smallest value itself is outside
     * @param most largest value
     * @param openAbove whether the largest value itself is outside
     * @param unit what is counted or measured; empty for a pure number
     */
    public record Range(double least, boolean open, double most, boolean openAbove, String unit) {
        /** Whether a number is inside. */
        public boolean holds(double value) {
            return (open ? value > least : value >= least) && (openAbove ? value < most : value <= most);
        }

        /** In words, such as "from 1 to 100000 updates". */
        public String words() {
            return bounds() + (unit.isEmpty() ? "" : " " + unit);
        }

        /** In words without the unit. */
        public String bounds() {
            String upTo = openAbove ? "below " : open ? "at most " : "to ";
            return (open ? "above " + plain(least) + " and " : "from " + plain(least) + (openAbove ? " and " : " "))
                    + upTo
                    + plain(most);
        }

        private static String plain(double value) {
            return BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
        }
    }

    /** Copies. */
    public Key {
        allowed = List.copyOf(allowed);
    }
}
