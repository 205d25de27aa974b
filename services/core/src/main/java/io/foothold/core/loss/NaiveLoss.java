package io.foothold.core.loss;

/**
 * The loss of {@link LossRule} in plain double arithmetic, one token after the other. Slow and readable: the twin that the
 * learner's tensor code is tested against.
 */
public final class NaiveLoss {
    private NaiveLoss() {}

    /**
     * Loss of one rollout and its derivative by each token's log-probability (the entropy term has none by log-probability and
     * is left out of the derivative).
     *
     * @param value contribution to the loss
     * @param byLogProb d value / d log π_θ(token), shape [tokens]
     */
    public record Result(double value, double[] byLogProb) {}

    /**
     * One rollout. All arrays have shape [sampled tokens], natural logs.
     *
     * @param logProbs log π_θ
     * @param behaviour log π of the policy that the ratio is taken to: the one that sampled, or the proximal one where the entry has
     *     corrections ({@link MismatchRule})
     * @param base log π of the base policy; read only with a KL term
     * @param entropies entropy at each token, nats; read only with an entropy bonus
     */
    public static Result of(
            LossRule rule,
            CreditPlan.Entry entry,
            double[] logProbs,
            double[] behaviour,
            double[] base,
            double[] entropies) {
        int tokens = logProbs.length;
        double a = entry.member().advantage();
        double w = entry.weight();
        double[] slope = new double[tokens];
        double value = 0;
        double meanLogRatio = 0;
        for (int t = 0; t < tokens; t++) {
            meanLogRatio += (logProbs[t] - behaviour[t]) / tokens;
        }
        for (int t = 0; t < tokens; t++) {
            double wc = w * entry.correction(t);
            if (entry.member().offPolicy()) {
                double p = Math.exp(logProbs[t]);
                double shaped = p / (p + rule.shaping());
                value -= wc * a * shaped;
                slope[t] -= wc * a * shaped * (1 - shaped);
            } else
                switch (rule.ratio()) {
                    case NONE -> {
                        value -= wc * a * logProbs[t];
                        slope[t] -= wc * a;
                    }
                    case TOKEN -> {
                        double ratio = Math.exp(logProbs[t] - behaviour[t]);
                        double[] o = clipped(rule, ratio, a);
                        value -= wc * o[0];
                        slope[t] -= wc * o[1] * ratio;
                    }
                    case SEQUENCE -> {
                        double ratio = Math.exp(meanLogRatio);
                        double[] o = clipped(rule, ratio, a);
                        value -= wc * o[0];
                        for (int s = 0; s < tokens; s++) {
                            slope[s] -= wc * o[1] * ratio / tokens;
                        }
                    }
                }
            if (rule.klCoefficient() > 0) {
                double d = base[t] - logProbs[t];
                value += rule.klCoefficient() * w * (Math.exp(d) - d - 1);
                slope[t] += rule.klCoefficient() * w * (1 - Math.exp(d));
            }
            if (rule.entropyCoefficient() > 0) {
                value -= rule.entropyCoefficient() * w * entropies[t];
            }
        }
        return new Result(value, slope);
    }

    /** The clipped objective and its derivative by the ratio. */
    private static double[] clipped(LossRule rule, double ratio, double a) {
        double plain = ratio * a;
        double cut = Math.clamp(ratio, 1 - rule.clipLow(), 1 + rule.clipHigh()) * a;
        double value = Math.min(plain, cut);
        double slope = plain <= cut ? a : 0;
        if (rule.dualClip() > 0 && a < 0 && value < rule.dualClip() * a) {
            return new double[] {rule.dualClip() * a, 0};
        }
        return new double[] {value, slope};
    }
}
