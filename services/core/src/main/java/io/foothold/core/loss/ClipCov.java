package io.foothold.core.loss;

import com.google.auto.service.AutoService;
import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import io.foothold.core.keys.SettingsException;
import io.foothold.core.random.Seeds;
import java.util.List;

/**
 * Clip-Cov (arXiv 2505.22617): {@link Ppo}'s objective, without value and slope for a share of the step's tokens that are
 * drawn from those whose {@link Covariances} lie between two bounds and which the ratio does not clip. Drawn by a number that is made of the
 * token's behaviour log-prob and advantage, so that the same step draws the same tokens.
 *
 * @param clips bounds of the ratio
 * @param share of the step's tokens that are cut, one at least
 * @param lower bound of the covariances
 * @param upper the same
 * @param covariances of the step
 * @param threshold that the numbers of tokens which are cut exceed
 */
public record ClipCov(Clips clips, double share, double lower, double upper, Covariances covariances, double threshold)
        implements PolicyLoss {
    /** Of no step yet: nothing is cut. */
    ClipCov(Clips clips, double share, double lower, double upper) {
        this(clips, share, lower, upper, new Covariances(0, 0, 0), Double.POSITIVE_INFINITY);
    }

    @Override
    public boolean looksAtStep() {
        return true;
    }

    @Override
    public PolicyLoss over(List<Tokens> step) {
        ClipCov own = new ClipCov(clips, share, lower, upper, Covariances.of(step), threshold);
        double cut = own.covariances.threshold(
                step, share, (tokens, t) -> own.isCandidate(tokens, t) ? drawn(tokens, t) : Double.NaN);
        return new ClipCov(clips, share, lower, upper, own.covariances, cut);
    }

    private boolean isCandidate(Tokens tokens, int token) {
        double covariance = covariances.of(tokens, token);
        double ratio = tokens.ratio(token);
        double a = tokens.advantage();
        return covariance > lower
                && covariance < upper
                && ratio * a <= Math.clamp(ratio, 1 - clips.low(), 1 + clips.high()) * a;
    }

    private static double drawn(Tokens tokens, int token) {
        return Seeds.of(Double.doubleToLongBits(tokens.behaviour()[token]))
                .split(Double.doubleToLongBits(tokens.advantage()))
                .generator()
                .nextDouble();
    }

    @Override
    public Objective of(Tokens tokens) {
        Objective out = new Objective(tokens.count());
        for (int t = 0; t < tokens.count(); t++) {
            if (threshold == Double.POSITIVE_INFINITY || !isCandidate(tokens, t) || drawn(tokens, t) <= threshold) {
                double ratio = tokens.ratio(t);
                double c = tokens.weight(t);
                double a = tokens.advantage();
                out.add(t, c * clips.objective(ratio, a), c * clips.slope(ratio, a));
            }
        }
        return out;
    }

    @Override
    public boolean hasRatio() {
        return true;
    }

    @Override
    public boolean isOutside(double ratio) {
        return clips.isOutside(ratio);
    }

    /** Its settings. */
    @Section("clip_cov")
    public record Settings(
            @Setting(
                    help =
                            "Share of a step's tokens whose gradient is cut, drawn from those between the bounds; one at least.",
                    source = "arXiv 2505.22617",
                    fallback = "0.0002",
                    above = 0,
                    to = 1)
            double share,

            @Setting(
                    help = "Covariance of log-prob and advantage that a token must exceed to be drawn.",
                    source = "arXiv 2505.22617",
                    fallback = "1",
                    from = -Setting.WEIGHT,
                    to = Setting.WEIGHT)
            double lower,

            @Setting(
                    help = "Covariance that it must stay below.",
                    source = "arXiv 2505.22617",
                    fallback = "5",
                    from = -Setting.WEIGHT,
                    to = Setting.WEIGHT)
            double upper) {}

    /** What a run file says of it. */
    @AutoService(LossKind.class)
    public static final class Kind implements LossKind<Settings> {
        @Override
        public String name() {
            return "clip_cov";
        }

        @Override
        public Class<Settings> settings() {
            return Settings.class;
        }

        @Override
        public boolean clips() {
            return true;
        }

        @Override
        public void check(Settings own) {
            if (own.lower() >= own.upper()) {
                throw new SettingsException(
                        "clip_cov.lower",
                        "'clip_cov.lower' must be below 'clip_cov.upper', is " + own.lower() + " and " + own.upper());
            }
        }

        @Override
        public PolicyLoss loss(Settings own, Clips clips) {
            return new ClipCov(clips, own.share(), own.lower(), own.upper());
        }
    }
}
