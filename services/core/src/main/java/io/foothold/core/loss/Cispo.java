package io.foothold.core.loss;

import com.google.auto.service.AutoService;

/**
 * CISPO (MiniMax-M1, arXiv 2506.13585, eq. 4 and 5): objective_t = sg(clip(ρ_t, 1 − ε_low, 1 + ε_high)) A log π_θ, whose slope is the
 * clipped ratio times A. What is clipped is the weight of a token, and no token loses its gradient. The paper has no lower bound: ε_low of 1.
 */
public record Cispo(Clips clips) implements PolicyLoss {
    @Override
    public Objective of(Tokens tokens) {
        Objective out = new Objective(tokens.count());
        for (int t = 0; t < tokens.count(); t++) {
            double factor = Math.clamp(tokens.ratio(t), 1 - clips.low(), 1 + clips.high());
            double credit = tokens.weight(t) * factor * tokens.advantage();
            out.add(t, credit * tokens.logProbs()[t], credit);
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
            return "cispo";
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
        public boolean clipsDually() {
            return false;
        }

        @Override
        public PolicyLoss loss(None own, Clips clips) {
            return new Cispo(clips);
        }
    }
}
