package io.foothold.core.stats;

import java.util.Arrays;

/**
 * A 95 % confidence interval of a share or of a mean.
 *
 * @param low lower bound
 * @param high upper bound
 */
public record Interval(double low, double high) {
    private static final double Z = 1.959963984540054;

    /** 97.5 % quantiles of Student's t by degrees of freedom, from 1; the normal's behind them is too small by 2 % at most. */
    private static final double[] STUDENT = {
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
        2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042
    };

    /** Wilson's score interval (1927) for {@code successes} of {@code trials}; [0, 1] without a trial. */
    public static Interval wilson(long successes, long trials) {
        if (successes < 0 || successes > trials) {
            throw new IllegalArgumentException("need 0 <= successes <= trials: " + successes + " of " + trials);
        }
        return trials == 0 ? new Interval(0, 1) : ofShare((double) successes / trials, trials);
    }

    /**
     * Wilson's score interval around a mean of numbers in [0, 1]: too wide where they are not 0 or 1, as their variance is p (1 − p) at most.
     *
     * @param p the mean
     * @param trials how many numbers it is the mean of, at least 1
     */
    public static Interval ofShare(double p, long trials) {
        if (!(p >= 0 && p <= 1) || trials < 1) {
            throw new IllegalArgumentException("need a share in [0, 1] of at least 1: " + p + " of " + trials);
        }
        double z2 = Z * Z / trials;
        double centre = (p + z2 / 2) / (1 + z2);
        double half = Z * Math.sqrt(p * (1 - p) / trials + z2 / (4 * trials)) / (1 + z2);
        return new Interval(Math.max(0, centre - half), Math.min(1, centre + half));
    }

    /**
     * Student's interval (1908) of the mean of values drawn from a normal distribution, such as one number a seed.
     *
     * @throws IllegalArgumentException for fewer than two values, which have no spread
     */
    public static Interval ofMean(double... values) {
        int n = values.length;
        if (n < 2) {
            throw new IllegalArgumentException("the interval of a mean needs two values, got " + n);
        }
        double mean = Arrays.stream(values).average().orElseThrow();
        double variance =
                Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum() / (n - 1);
        double half = (n - 1 <= STUDENT.length ? STUDENT[n - 2] : Z) * Math.sqrt(variance / n);
        return new Interval(mean - half, mean + half);
    }
}
