package io.foothold.core.loss;

import com.google.auto.service.AutoService;

/**
 * The policy gradient (Williams 1992): objective_t = A log π_θ, whose slope is A. Right for rollouts of the policy itself and one step a
 * batch. RLOO, GPG (arXiv 2504.02546) and SRPO (arXiv 2605.25507) are this loss with estimators of theirs.
 */
public record PolicyGradient() implements PolicyLoss {
    @Override
    public Objective of(Tokens tokens) {
        Objective out = new Objective(tokens.count());
        for (int t = 0; t < tokens.count(); t++) {
            double credit = tokens.weight(t) * tokens.advantage();
            out.add(t, credit * tokens.logProbs()[t], credit);
        }
        return out;
    }

    @Override
    public boolean hasRatio() {
        return false;
    }

    /** What a run file says of it. */
    @AutoService(LossKind.class)
    public static final class Kind implements LossKind<LossKind.None> {
        @Override
        public String name() {
            return "policy_gradient";
        }

        @Override
        public String formerly() {
            return "none";
        }

        @Override
        public Class<None> settings() {
            return None.class;
        }

        @Override
        public boolean clips() {
            return false;
        }

        @Override
        public PolicyLoss loss(None own, Clips clips) {
            return new PolicyGradient();
        }
    }
}
