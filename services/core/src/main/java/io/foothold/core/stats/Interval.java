package io.foothold.core.stats;

/**
 * A 95 % confidence interval of a share.
 *
 * @param low lower bound
 * @param high upper bound
 */
public record Interval(double low, double high) {
    private static final double Z = 1.959963984540054;

    /** Wilson's score interval (1927) for {@code successes} of {@code trials}; [0, 1] without a trial. */
    public static Interval wilson(long successes, long trials) {
        if (successes < 0 || successes > trials) {
            throw new IllegalArgumentException("need 0 <= successes <= trials: " + successes + " of " + trials);
        }
        if (trials == 0) {
            return new Interval(0, 1);
        }
        double p = (double) successes / trials;
        double z2 = Z * Z / trials;
        double centre = (p + z2 / 2) / (1 + z2);
        double half = Z * Math.sqrt(p * (1 - p) / trials + z2 / (4 * trials)) / (1 + z2);
        return new Interval(Math.max(0, centre - half), Math.min(1, centre + half));
    }
}
