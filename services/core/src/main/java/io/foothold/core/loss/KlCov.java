package io.foothold.core.loss;

import com.google.auto.service.AutoService;
import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import java.util.List;

/**
 * KL-Cov (arXiv 2505.22617): objective_t = ρ_t A, and ρ_t A − β |log ρ_t| for the share of the step's tokens whose
 * {@link Covariances} are largest. Its slope is ρ_t A, less β sign(log ρ_t) for those.
 *
 * @param share of the step's tokens that are held back, one at least
 * @param coefficient β
 * @param covariances of the step
 * @param threshold that those of tokens which are held back exceed
 */
public record KlCov(double share, double coefficient, Covariances covariances, double threshold) implements PolicyLoss {
    /** Of no step yet: nothing is held back. */
    KlCov(double share, double coefficient) {
        this(share, coefficient, new Covariances(0, 0, 0), Double.POSITIVE_INFINITY);
    }

    @Override
    public boolean looksAtStep() {
        return true;
    }

    @Override
    public PolicyLoss over(List<Tokens> step) {
        Covariances own = Covariances.of(step);
        return new KlCov(share, coefficient, own, own.threshold(step, share, own::of));
    }

    @Override
    public Objective of(Tokens tokens) {
        Objective out = new Objective(tokens.count());
        for (int t = 0; t < tokens.count(); t++) {
            double c = tokens.weight(t);
            double ratio = tokens.ratio(t);
            out.add(t, c * ratio * tokens.advantage(), c * ratio * tokens.advantage());
            if (covariances.of(tokens, t) > threshold) {
                double logRatio = tokens.logProbs()[t] - tokens.behaviour()[t];
                out.add(t, -c * coefficient * Math.abs(logRatio), -c * coefficient * Math.signum(logRatio));
            }
        }
        return out;
    }

    @Override
    public boolean hasRatio() {
        return true;
    }

    /** Its settings. */
    @Section("kl_cov")
    public record Settings(
            @Setting(
                    help =
                            "Share of a step's tokens, those whose log-prob and advantage go together most, that are held back; one at least.",
                    source = "arXiv 2505.22617",
                    fallback = "0.0002",
                    above = 0,
                    to = 1)
            double share,

            @Setting(
                    help = "What their distance from the policy that sampled costs.",
                    source = "arXiv 2505.22617",
                    fallback = "1",
                    from = 0,
                    to = Setting.WEIGHT)
            double coefficient) {}

    /** What a run file says of it. */
    @AutoService(LossKind.class)
    public static final class Kind implements LossKind<Settings> {
        @Override
        public String name() {
            return "kl_cov";
        }

        @Override
        public Class<Settings> settings() {
            return Settings.class;
        }

        @Override
        public boolean clips() {
            return false;
        }

        /** Its price is on ratios other than 1, and has no slope there. */
        @Override
        public boolean needsRatiosToMove() {
            return true;
        }

        @Override
        public PolicyLoss loss(Settings own, Clips clips) {
            return new KlCov(own.share(), own.coefficient());
        }
    }
}
