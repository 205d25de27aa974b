package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import io.foothold.core.loss.Distillation;

/** What a policy that is shown a solution teaches the one that is not, see {@link Distillation}. */
@Section("distillation")
public record DistillationSettings(
        @Setting(
                help =
                        "Weight of log π(token | solution shown) - log π(token) in the credit of every sampled token of unguided rollouts; 0 is off.",
                fallback = "0",
                from = 0,
                to = Setting.WEIGHT,
                source = "arXiv 2601.18734")
        double weight,

        @Setting(
                help = "Weight of the advantage beside it; 0 learns from the solution alone.",
                fallback = "1",
                from = 0,
                to = Setting.WEIGHT,
                source = "arXiv 2606.04036")
        double rewards,

        @Setting(
                help =
                        "Prompt under which the policy teaches, with {problem} and {solution}, the whole oracle solution.",
                fallback = "",
                source = "arXiv 2601.18734")
        String prompt) {

    /** The rule. */
    public Distillation distillation() {
        return new Distillation(weight, rewards);
    }
}
