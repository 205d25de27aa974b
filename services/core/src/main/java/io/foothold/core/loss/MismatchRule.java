package io.foothold.core.loss;

import java.util.Arrays;
import java.util.Locale;

/**
 * How a token's credit is corrected for a sampler that is not the learner: another engine, another precision, or older weights.
 *
 * <p>Of a rollout with sampled tokens t = 1 … T: μ_t is the probability that the sampler gave token t when it drew it (behaviour), π_t
 * the one that the learner gives it at the beginning of the update, before any optimizer step of it (proximal policy), temperature and
 * support being those that were sampled with. Their ratio, by {@link Level}:
 *
 * <pre>
 * token             ρ_t = π_t / μ_t
 * sequence          ρ_t = Π_s π_s / μ_s                   for every t
 * geometric_mean    ρ_t = (Π_s π_s / μ_s)^(1 / T)         for every t
 *
 * none              c_t = 1
 * truncate          c_t = min(ρ_t, C)
 * mask              c_t = ρ_t where low ≤ ρ_t ≤ high, 0 elsewhere
 * </pre>
 *
 * c_t is a constant of the update: no gradient goes through it. It multiplies the objective of token t, not the regularisers:
 *
 * <pre>
 * loss = − Σ_it w_it · c_it · objective_it  +  β Σ_it w_it · k3_it  −  c_H Σ_it w_it · H_it
 * </pre>
 *
 * <p><b>With a ratio</b> ({@link PolicyLoss}) the objective is the decoupled one (Hilton et al. 2021, arXiv 2110.00641; AReaL,
 * arXiv 2505.24298): the ratio that is clipped is π_θ / π and no longer π_θ / μ, so that the trust region lies around the policy that the
 * update begins with. With the rule none it stays π_θ / μ. Where nothing is cut, c_t · π_θ / π = π_θ / μ: the decoupled and the coupled
 * objective have the same value and gradient. Without a ratio, c_t ∇ log π_θ at the first step is the truncated importance-sampled policy gradient.
 *
 * <p>Sources: truncate by tokens is Truncated Importance Sampling (Ionides 2008; Yao et al. 2025, "Your Efficient RL Framework Secretly
 * Brings You Off-Policy RL Training"), mask by tokens IcePop (Ling team 2025), by sequences masked importance sampling (Liu, Li et al.
 * 2025, "When Speed Kills Stability"); the geometric mean is the ratio of GSPO (Zheng et al. 2025, arXiv 2507.18071). The product over a
 * sequence makes the gradient unbiased but for what is cut, at a variance that grows with T; by tokens and by geometric mean the
 * correction is biased, with a variance that does not.
 *
 * <p>Pure functions, usable from any thread.
 */
public sealed interface MismatchRule {

    /** What shares a ratio. */
    enum Level {
        /** Nothing: one ratio a token. */
        TOKEN,
        /** All sampled tokens of a rollout: the product of their ratios. */
        SEQUENCE,
        /** All sampled tokens of a rollout: the geometric mean of their ratios. */
        GEOMETRIC_MEAN;

        /** log ρ_t of every token, nats, shape [sampled tokens]. */
        double[] logRatios(double[] proximal, double[] behaviour) {
            if (proximal.length != behaviour.length) {
                throw new IllegalArgumentException(
                        proximal.length + " proximal log-probs against " + behaviour.length + " of the sampler");
            }
            double[] out = new double[proximal.length];
            double sum = 0;
            for (int t = 0; t < out.length; t++) {
                out[t] = proximal[t] - behaviour[t];
                if (Double.isNaN(out[t])) {
                    throw new IllegalArgumentException("log-probs of sampled token " + t + " are " + proximal[t]
                            + " (learner) and " + behaviour[t] + " (sampler): they have no ratio");
                }
                sum += out[t];
            }
            switch (this) {
                case TOKEN -> {}
                case SEQUENCE -> Arrays.fill(out, sum);
                case GEOMETRIC_MEAN -> Arrays.fill(out, sum / out.length);
            }
            return out;
        }
    }

    /** No correction: c_t = 1, and the ratio of the loss is taken to the sampler. */
    record None() implements MismatchRule {
        @Override
        public Level level() {
            return Level.TOKEN;
        }

        @Override
        public double corrected(double ratio) {
            return 1;
        }
    }

    /**
     * c_t = min(ρ_t, C).
     *
     * @param level what shares a ratio
     * @param cap C, at least 1
     */
    record Truncate(Level level, double cap) implements MismatchRule {
        /** A cap below 1 would change tokens that both sides agree on. */
        public Truncate {
            if (!(cap >= 1)) {
                throw new IllegalArgumentException("the cap of ratios must be at least 1: " + cap);
            }
        }

        @Override
        public double corrected(double ratio) {
            return Math.min(ratio, cap);
        }
    }

    /**
     * c_t = ρ_t inside [low, high], 0 outside.
     *
     * @param level what shares a ratio
     * @param low smallest ratio that is used, from 0 to 1
     * @param high largest, at least 1
     */
    record Mask(Level level, double low, double high) implements MismatchRule {
        /** An interval without 1 would mask tokens that both sides agree on. */
        public Mask {
            if (!(low >= 0 && low <= 1 && high >= 1)) {
                throw new IllegalArgumentException(
                        "the interval of ratios must hold 1 and begin at 0 or above: [" + low + ", " + high + "]");
            }
        }

        @Override
        public double corrected(double ratio) {
            return ratio >= low && ratio <= high ? ratio : 0;
        }
    }

    /** What shares a ratio; says nothing of {@link None}. */
    Level level();

    /** c of a token whose ratio that is. */
    double corrected(double ratio);

    /** Whether it asks for the learner's log-probs at the beginning of the update. */
    default boolean corrects() {
        return !(this instanceof None);
    }

    /**
     * c_t of every sampled token of a rollout, shape [sampled tokens].
     *
     * @param proximal log π_t, nats, shape [sampled tokens]
     * @param behaviour log μ_t, nats, shape [sampled tokens]
     * @throws IllegalArgumentException when a token has no ratio: one of its log-probs is not a number
     */
    default double[] corrections(double[] proximal, double[] behaviour) {
        double[] out = level().logRatios(proximal, behaviour);
        for (int t = 0; t < out.length; t++) {
            out[t] = corrected(Math.exp(out[t]));
        }
        return out;
    }

    /**
     * The rule of that name.
     *
     * @param rule none, truncate or mask
     * @param level token, sequence or geometric_mean
     * @param cap of truncate
     * @param low of mask
     * @param high of mask
     */
    static MismatchRule named(String rule, String level, double cap, double low, double high) {
        return switch (rule) {
            case "none" -> new None();
            case "truncate" -> new Truncate(levelNamed(level), cap);
            case "mask" -> new Mask(levelNamed(level), low, high);
            default ->
                throw new IllegalArgumentException(
                        "unknown mismatch rule '" + rule + "' (expected none, truncate or mask)");
        };
    }

    private static Level levelNamed(String name) {
        for (Level l : Level.values()) {
            if (l.name().toLowerCase(Locale.ROOT).equals(name)) {
                return l;
            }
        }
        throw new IllegalArgumentException("unknown level '" + name + "' (expected token, sequence or geometric_mean)");
    }
}
