package io.foothold.core.loss;

import java.util.Arrays;
import java.util.Locale;

/**
 * How credit becomes a loss. With t over the sampled tokens of rollout i, w_it its aggregation weight, c_it that weight times its correction
 * ({@link MismatchRule}):
 *
 * <pre>
 * loss = − Σ_it c_it objective_it  +  β Σ_it w_it · k3_it  −  c_H Σ_it w_it · H_it
 * objective: that of the {@link PolicyLoss}; of off-policy rollouts  A_i π_θ / (π_θ + γ)   (policy shaping: LUFFY, Critique-GRPO)
 * k3 = exp(log π_base − log π_θ) − (log π_base − log π_θ) − 1                           (KL to the base policy)
 * </pre>
 *
 * <p>All of it is arithmetic of doubles on the host, one rollout after the other: a tensor backend computes log-probs and entropies, and
 * carries the slopes back.
 *
 * @param aggregation what w is
 * @param constantLength tokens that {@link Aggregation#CONSTANT_LENGTH} divides by
 * @param loss the objective
 * @param klCoefficient β
 * @param entropyCoefficient c_H
 * @param shaping γ; 0 where no rollout is off-policy
 */
public record LossRule(
        Aggregation aggregation,
        int constantLength,
        PolicyLoss loss,
        double klCoefficient,
        double entropyCoefficient,
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
            for (Aggregation e : values()) {
                if (e.name().equalsIgnoreCase(name)) {
                    return e;
                }
            }
            throw new IllegalArgumentException("unknown aggregation '" + name + "' (expected one of "
                    + String.join(
                            ", ",
                            Arrays.stream(values())
                                    .map(e -> e.name().toLowerCase(Locale.ROOT))
                                    .toList())
                    + ")");
        }
    }

    /**
     * Loss of one rollout and its derivatives.
     *
     * @param value contribution to the loss
     * @param byLogProb d value / d log π_θ(token), shape [tokens]
     * @param byEntropy d value / d H, the same at each token
     */
    public record Result(double value, double[] byLogProb, double byEntropy) {}

    /** Checks ranges. */
    public LossRule {
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

    /** A rule without regularisers and off-policy rollouts. */
    public LossRule(Aggregation aggregation, int constantLength, PolicyLoss loss) {
        this(aggregation, constantLength, loss, 0, 0, 0);
    }

    /** This rule with another γ. */
    public LossRule shaped(double gamma) {
        return new LossRule(aggregation, constantLength, loss, klCoefficient, entropyCoefficient, gamma);
    }

    /** This rule with another objective. */
    public LossRule with(PolicyLoss other) {
        return new LossRule(aggregation, constantLength, other, klCoefficient, entropyCoefficient, shaping);
    }

    /** Plain policy gradient. */
    public static LossRule policyGradient(Aggregation aggregation) {
        return new LossRule(aggregation, 1, new PolicyGradient());
    }

    /** Whether rollouts without credit have a gradient too. */
    public boolean isRegularised() {
        return klCoefficient > 0 || entropyCoefficient > 0;
    }

    /** A rollout as the objective sees it. */
    public static Tokens tokens(CreditPlan.Entry entry, double[] logProbs, double[] behaviour) {
        double[] weights = new double[logProbs.length];
        for (int t = 0; t < weights.length; t++) {
            weights[t] = entry.weight() * entry.correction(t);
        }
        return new Tokens(entry.member().advantage(), weights, logProbs, behaviour);
    }

    /**
     * One rollout. All arrays have shape [sampled tokens], natural logs.
     *
     * @param logProbs log π_θ
     * @param behaviour log π of the policy that the ratio is taken to: the one that sampled, or the proximal one where the entry has
     *     corrections ({@link MismatchRule})
     * @param base log π of the base policy; read only with a KL term
     * @param entropies entropy at each token, nats; read only with an entropy bonus
     */
    public Result of(CreditPlan.Entry entry, double[] logProbs, double[] behaviour, double[] base, double[] entropies) {
        Objective objective =
                entry.member().offPolicy() ? shaped(entry, logProbs) : loss.of(tokens(entry, logProbs, behaviour));
        double w = entry.weight();
        double value = -objective.value();
        double[] slope = objective.slopes();
        for (int t = 0; t < slope.length; t++) {
            slope[t] = -slope[t];
            if (klCoefficient > 0) {
                double d = base[t] - logProbs[t];
                value += klCoefficient * w * (Math.exp(d) - d - 1);
                slope[t] += klCoefficient * w * (1 - Math.exp(d));
            }
            if (entropyCoefficient > 0) {
                value -= entropyCoefficient * w * entropies[t];
            }
        }
        return new Result(value, slope, -entropyCoefficient * w);
    }

    /** Behaviour log-probs say nothing under another prompt. */
    private Objective shaped(CreditPlan.Entry entry, double[] logProbs) {
        Objective out = new Objective(logProbs.length);
        for (int t = 0; t < logProbs.length; t++) {
            double p = Math.exp(logProbs[t]);
            double part = p / (p + shaping);
            double credit = entry.credit(t);
            out.add(t, credit * part, credit * part * (1 - part));
        }
        return out;
    }
}
