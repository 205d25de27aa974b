package io.foothold.core.loss;

/**
 * How credit becomes a loss. With t over the sampled tokens of rollout i, A_i its advantage, w_it its aggregation weight,
 * ρ = exp(log π_θ − log π_behaviour), or against the proximal policy with a {@link MismatchRule}, which also multiplies the objective of
 * each token:
 *
 * <pre>
 * loss = − Σ_it w_it · objective_it  +  β Σ_it w_it · k3_it  −  c_H Σ_it w_it · H_it
 * objective: none      A_i log π_θ
 *            token     min(ρ_it A_i, clip(ρ_it, 1 − ε_low, 1 + ε_high) A_i), and for A_i &lt; 0 at least dual · A_i
 *            sequence  the same with ρ_i = exp(mean_t log ρ_it)                         (GSPO)
 *            whatever the form, of off-policy rollouts  A_i π_θ / (π_θ + γ)              (policy shaping: LUFFY, Critique-GRPO)
 * k3 = exp(log π_base − log π_θ) − (log π_base − log π_θ) − 1                           (KL to the base policy)
 * </pre>
 *
 * @param aggregation what w is
 * @param ratio form of the objective
 * @param clipLow ε_low; at least 1 + bound of ρ is never clipped from below
 * @param clipHigh ε_high
 * @param dualClip bound for negative advantages, above 1; 0 is off
 * @param klCoefficient β
 * @param entropyCoefficient c_H
 * @param constantLength tokens that {@link Aggregation#CONSTANT_LENGTH} divides by
 * @param shaping γ; 0 where no rollout is off-policy
 */
public record LossRule(
        Aggregation aggregation,
        Ratio ratio,
        double clipLow,
        double clipHigh,
        double dualClip,
        double klCoefficient,
        double entropyCoefficient,
        int constantLength,
        double shaping) {

    /** The weight w of a token; N rollouts, T_i tokens in rollout i. */
    public enum Aggregation {
        /** 1 / Σ T_i: every token counts the same (DAPO; the dial laboratory). */
        TOKEN_MEAN,
        /** 1 / (N T_i): mean over rollouts of their token means (GRPO, SRPO). */
        SEQUENCE_MEAN,
        /** 1 / N: sum over tokens, mean over rollouts (the POPE authors' fork). */
        SEQUENCE_SUM,
        /** 1 / (N L) with a constant L (Dr. GRPO). */
        CONSTANT_LENGTH;

        /** The aggregation of that name, in lower snake case. */
        public static Aggregation named(String name) {
            return byName(Aggregation.class, "aggregation", name);
        }
    }

    /** Which importance ratio the objective has. */
    public enum Ratio {
        /** Plain policy gradient: on-policy data and one step a batch only. */
        NONE,
        /** One a token (PPO, GRPO). */
        TOKEN,
        /** One a rollout: geometric mean (GSPO). */
        SEQUENCE;

        /** The ratio of that name, in lower snake case. */
        public static Ratio named(String name) {
            return byName(Ratio.class, "ratio", name);
        }
    }

    /** Checks ranges. */
    public LossRule {
        if (ratio != Ratio.NONE && !(clipLow >= 0 && clipHigh >= 0)) {
            throw new IllegalArgumentException("clip bounds must not be negative: " + clipLow + ", " + clipHigh);
        }
        if (dualClip != 0 && !(dualClip > 1)) {
            throw new IllegalArgumentException("dual clip must be above 1, or 0 for off: " + dualClip);
        }
        if (aggregation == Aggregation.CONSTANT_LENGTH && constantLength < 1) {
            throw new IllegalArgumentException("constant_length needs a length of at least 1: " + constantLength);
        }
        if (!(klCoefficient >= 0 && entropyCoefficient >= 0)) {
            throw new IllegalArgumentException(
                    "coefficients must not be negative: " + klCoefficient + ", " + entropyCoefficient);
        }
        if (!(shaping >= 0)) {
            throw new IllegalArgumentException("shaping must not be negative: " + shaping);
        }
    }

    /** A rule without off-policy rollouts. */
    public LossRule(
            Aggregation aggregation,
            Ratio ratio,
            double clipLow,
            double clipHigh,
            double dualClip,
            double klCoefficient,
            double entropyCoefficient,
            int constantLength) {
        this(aggregation, ratio, clipLow, clipHigh, dualClip, klCoefficient, entropyCoefficient, constantLength, 0);
    }

    /** This rule with another γ. */
    public LossRule shaped(double gamma) {
        return new LossRule(
                aggregation,
                ratio,
                clipLow,
                clipHigh,
                dualClip,
                klCoefficient,
                entropyCoefficient,
                constantLength,
                gamma);
    }

    /** Plain policy gradient. */
    public static LossRule policyGradient(Aggregation aggregation) {
        return new LossRule(aggregation, Ratio.NONE, 0, 0, 0, 0, 0, 0);
    }

    private static <E extends Enum<E>> E byName(Class<E> type, String what, String name) {
        for (E e : type.getEnumConstants()) {
            if (e.name().equalsIgnoreCase(name)) {
                return e;
            }
        }
        throw new IllegalArgumentException("unknown " + what + " '" + name + "' (expected one of "
                + String.join(
                        ", ",
                        java.util.Arrays.stream(type.getEnumConstants())
                                .map(e -> e.name().toLowerCase(java.util.Locale.ROOT))
                                .toList())
                + ")");
    }
}
