package io.foothold.policy;

import io.foothold.core.policy.Canary;
import java.util.Locale;

/**
 * How attention is computed. Everything else is float32 whose rows keep their bits in batches of any size; attention is where
 * one cached row at a time (sampling) and whole sequences at once (training) add up in different orders.
 */
public enum Precision {
    /**
     * Products of attention in double precision, rounded to float32 once. On libtorch's CPU kernels sampler and learner then
     * agree to the last bit for the shape of the shipped policy (tested); very small matrices take other kernels, whose rows
     * depend on the batch, and agree within rounding. For sequences of up to 512 tokens; longer ones use the fused kernel.
     */
    EXACT,
    /** All in float32: faster, and sampler and learner differ by rounding. */
    FAST;

    /** Parameters from which on double precision costs more than it is worth. */
    private static final long LARGE = 10_000_000;

    /** What a model is run with when nobody says otherwise: exact below 10 million parameters, fast from there on. */
    public static Precision standard(ModelConfig config) {
        return config.parameters() < LARGE ? EXACT : FAST;
    }

    /**
     * By how much log-probs of sampler and learner may differ on one token before they cannot be of the same policy, in nats: what a
     * small model in double-precision attention keeps to, and what float32 may do to unlikely tokens of long sequences.
     */
    public double largestDifference() {
        return switch (this) {
            case EXACT -> 1e-5;
            case FAST -> Canary.Bound.FLOAT32.max();
        };
    }

    /**
     * The same where a mismatch rule may correct for the difference: fast precision then has no bound, and what the difference is can be
     * told only.
     *
     * @param corrected whether one does
     */
    public double largestDifference(boolean corrected) {
        return corrected && this == FAST ? Double.POSITIVE_INFINITY : largestDifference();
    }

    /** As it stands in run files and on command lines: {@code exact} or {@code fast}. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
