package io.foothold.core.loss;

/**
 * The sampled tokens of one rollout as a {@link PolicyLoss} sees them.
 *
 * @param advantage A of the rollout
 * @param weights c_t: aggregation weight times correction of each token, shape [tokens]
 * @param logProbs log π_θ, nats, shape [tokens]
 * @param behaviour log-probs that ratios are taken to, nats, shape [tokens]
 */
public record Tokens(double advantage, double[] weights, double[] logProbs, double[] behaviour) {
    /** As many of each. */
    public Tokens {
        if (weights.length != logProbs.length || behaviour.length != logProbs.length) {
            throw new IllegalArgumentException(logProbs.length + " log-probs, " + weights.length + " weights, "
                    + behaviour.length + " behaviour log-probs");
        }
    }

    /** Count of tokens. */
    public int count() {
        return logProbs.length;
    }

    /** c_t. */
    public double weight(int token) {
        return weights[token];
    }

    /** ρ_t = π_θ / π_behaviour. */
    public double ratio(int token) {
        return Math.exp(logProbs[token] - behaviour[token]);
    }

    /** The geometric mean of all ratios: exp(mean_t log ρ_t). */
    public double sequenceRatio() {
        double mean = 0;
        for (int t = 0; t < count(); t++) {
            mean += (logProbs[t] - behaviour[t]) / count();
        }
        return Math.exp(mean);
    }
}
