package io.foothold.core.settings;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import java.util.List;

/** What members of a group are compared by. */
@Section("estimator")
public record EstimatorSettings(
        @Setting(help = "Advantages.", fallback = "mean", among = Names.class)
        String name,

        @Setting(
                help = "k of pass_at_k, pass_at_k_plain and pass_at_k_leave_one_out.",
                fallback = "1",
                from = 1,
                to = Setting.AT_ONCE,
                unit = "rollouts",
                source = "arXiv 2505.15201")
        int k) {

    /** The estimator itself. */
    public AdvantageEstimator estimator() {
        return AdvantageEstimator.named(name, k);
    }

    /** Whether it is a pass@k objective, so that a group must have k members at least. */
    public boolean drawsK() {
        return estimator() instanceof AdvantageEstimator.PassAtKWeights
                || estimator() instanceof AdvantageEstimator.PassAtKPlain
                || estimator() instanceof AdvantageEstimator.PassAtKLeaveOneOut;
    }

    /** Whether it looks at several rewards one by one. */
    public boolean decouples() {
        return estimator() instanceof AdvantageEstimator.Decoupled;
    }

    /** The names of all estimators. */
    public static final class Names implements Setting.Words {
        @Override
        public List<String> words() {
            return AdvantageEstimator.names();
        }
    }
}
