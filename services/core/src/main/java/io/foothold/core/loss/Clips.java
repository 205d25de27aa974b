package io.foothold.core.loss;

/**
 * Bounds of an importance ratio, as losses that clip have them.
 *
 * @param low ε_low, at least 0; at least 1 never clips from below
 * @param high ε_high, at least 0
 * @param dual bound for negative advantages, above 1; 0 is off (dual clip, arXiv 1912.09729)
 */
public record Clips(double low, double high, double dual) {
    /** Checks ranges. */
    public Clips {
        if (!(low >= 0 && high >= 0)) {
            throw new IllegalArgumentException("clip bounds must not be negative: " + low + ", " + high);
        }
        if (dual != 0 && !(dual > 1)) {
            throw new IllegalArgumentException("dual clip must be above 1, or 0 for off: " + dual);
        }
    }

    /** No dual clip. */
    public Clips(double low, double high) {
        this(low, high, 0);
    }

    /** Whether a ratio lies outside. */
    public boolean isOutside(double ratio) {
        return ratio < 1 - low || ratio > 1 + high;
    }

    /** min(ρ A, clip(ρ) A), for A &lt; 0 at least dual · A. */
    public double objective(double ratio, double advantage) {
        double clipped = Math.min(ratio * advantage, Math.clamp(ratio, 1 - low, 1 + high) * advantage);
        return dual > 0 && advantage < 0 ? Math.max(clipped, dual * advantage) : clipped;
    }

    /** The derivative of the objective by log ρ: ρ A, and 0 where it is clipped. */
    public double slope(double ratio, double advantage) {
        boolean unclipped = ratio * advantage <= Math.clamp(ratio, 1 - low, 1 + high) * advantage;
        boolean bounded = dual > 0 && advantage < 0 && ratio > dual;
        return unclipped && !bounded ? ratio * advantage : 0;
    }
}
