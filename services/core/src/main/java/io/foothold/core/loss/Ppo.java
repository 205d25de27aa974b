package io.foothold.core.loss;

import com.google.auto.service.AutoService;

/**
 * The clipped surrogate, a ratio a token: objective_t = min(ρ_t A, clip(ρ_t, 1 − ε_low, 1 + ε_high) A), for A &lt; 0 at least dual · A.
 * Its slope is ρ_t A where the first is the smaller, else 0. PPO (arXiv 1707.06347, eq. 7), GRPO (arXiv 2402.03300, eq. 3); with
 * ε_high above ε_low DAPO (arXiv 2503.14476, eq. 8); dual clip arXiv 1912.09729.
 */
public record Ppo(Clips clips) implements PolicyLoss {
    @Override
    public Objective of(Tokens tokens) {
        Objective out = new Objective(tokens.count());
        for (int t = 0; t < tokens.count(); t++) {
            double ratio = tokens.ratio(t);
            double c = tokens.weight(t);
            double a = tokens.advantage();
            out.add(t, c * clips.objective(ratio, a), c * clips.slope(ratio, a));
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
            return "ppo";
        }

        @Override
        public String formerly() {
            return "token";
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
            return new Ppo(clips);
        }
    }
}
