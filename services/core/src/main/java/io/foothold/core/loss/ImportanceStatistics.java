package io.foothold.core.loss;

/**
 * What the ratios ρ = π / μ of learner and sampler (see {@link MismatchRule}) say of a batch, whether they are used or not. Owned by one
 * thread.
 *
 * <p>Effective sample size as a share (Kong 1992): (Σ ρ)² / (n Σ ρ²), 1 when all ratios are equal, 1 / n when one has all the weight. By
 * tokens n counts tokens; by sequences a rollout has the product of its tokens' ratios, and n counts rollouts. Ratios are those before
 * they are truncated or masked.
 */
public final class ImportanceStatistics {
    private final MismatchRule rule;
    private final Weights tokens = new Weights();
    private final Weights sequences = new Weights();
    private long truncated;
    private long masked;
    private double corrections;

    /** Statistics of an empty batch under a rule. */
    public ImportanceStatistics(MismatchRule rule) {
        this.rule = rule;
    }

    /** Sums of weights exp(x), scaled by the largest x so far: a product over a long sequence is beyond any double. */
    private static final class Weights {
        private long count;
        private double largest = Double.NEGATIVE_INFINITY;
        private double sum;
        private double squares;

        void add(double logWeight) {
            count++;
            if (logWeight > largest) {
                double scale = Math.exp(largest - logWeight);
                sum *= scale;
                squares *= scale * scale;
                largest = logWeight;
            }
            // A token that the learner deems impossible weighs nothing, also where nothing else was seen yet.
            double weight = logWeight == Double.NEGATIVE_INFINITY
                    ? 0
                    : logWeight == largest ? 1 : Math.exp(logWeight - largest);
            sum += weight;
            squares += weight * weight;
        }

        /** 0 when no weight is left, 1 for an empty batch. */
        double effective() {
            return count == 0 ? 1 : squares == 0 ? 0 : sum * sum / (count * squares);
        }
    }

    /**
     * Adds a rollout.
     *
     * @param proximal log-probs of its sampled tokens under the learner at the beginning of the update, nats
     * @param behaviour log-probs when they were drawn, nats, of the same shape
     */
    public void add(double[] proximal, double[] behaviour) {
        double[] own = MismatchRule.Level.TOKEN.logRatios(proximal, behaviour);
        if (own.length == 0) {
            return;
        }
        double sum = 0;
        for (double logRatio : own) {
            tokens.add(logRatio);
            sum += logRatio;
        }
        sequences.add(sum);
        for (double logRatio : rule.level().logRatios(proximal, behaviour)) {
            double ratio = Math.exp(logRatio);
            double correction = rule.corrected(ratio);
            corrections += correction;
            switch (rule) {
                case MismatchRule.None none -> {}
                case MismatchRule.Truncate truncate -> truncated += correction < ratio ? 1 : 0;
                case MismatchRule.Mask mask -> masked += correction == 0 ? 1 : 0;
            }
        }
    }

    /** Tokens that were added. */
    public long tokens() {
        return tokens.count;
    }

    /** Effective sample size of the tokens' ratios, in [0, 1]; 1 for an empty batch. */
    public double tokenEffectiveSize() {
        return tokens.effective();
    }

    /** Effective sample size of the rollouts' ratios, in [0, 1]; 1 for an empty batch. */
    public double sequenceEffectiveSize() {
        return sequences.effective();
    }

    /** The largest ratio of a token; 1 for an empty batch. */
    public double largestRatio() {
        return tokens.count == 0 ? 1 : Math.exp(tokens.largest);
    }

    /** Share of tokens whose ratio the cap held back; 0 for an empty batch. */
    public double truncatedShare() {
        return tokens.count == 0 ? 0 : (double) truncated / tokens.count;
    }

    /** Share of tokens that are masked; 0 for an empty batch. */
    public double maskedShare() {
        return tokens.count == 0 ? 0 : (double) masked / tokens.count;
    }

    /** Mean of what multiplies the tokens' credit; 1 for an empty batch. */
    public double meanCorrection() {
        return tokens.count == 0 ? 1 : corrections / tokens.count;
    }
}
