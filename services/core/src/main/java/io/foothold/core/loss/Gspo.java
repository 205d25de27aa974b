package io.foothold.core.loss;

import com.google.auto.service.AutoService;
import java.util.Arrays;

/**
 * The clipped surrogate with one ratio a rollout, s = exp(mean_t log ρ_t): objective_t = min(s A, clip(s, 1 − ε_low, 1 + ε_high) A), and
 * dual clip as in {@link Ppo}. Every token of the rollout moves s: d s / d log π_θ(t) = s / T. GSPO (arXiv 2507.18071, eq. 5 to 7).
 */
public record Gspo(Clips clips) implements PolicyLoss {
    @Override
    public Objective of(Tokens tokens) {
        int count = tokens.count();
        Objective out = new Objective(count);
        double ratio = count == 0 ? 1 : tokens.sequenceRatio();
        double objective = clips.objective(ratio, tokens.advantage());
        double slope = clips.slope(ratio, tokens.advantage());
        double weight = Arrays.stream(tokens.weights()).sum();
        out.add(weight * objective);
        for (int t = 0; t < count; t++) {
            out.addSlope(t, weight * slope / count);
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

    /** What a run file says of it. */
    @AutoService(LossKind.class)
    public static final class Kind implements LossKind<LossKind.None> {
        @Override
        public String name() {
            return "gspo";
        }

        @Override
        public String formerly() {
            return "sequence";
        }

        @Override
        public Class<None> settings() {
            return None.class;
        }

        @Override
        public boolean clips() {
            return true;
        }

        @Override
        public PolicyLoss loss(None own, Clips clips) {
            return new Gspo(clips);
        }
    }
}
