package io.foothold.core.settings;

import io.foothold.core.keys.Inline;
import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import io.foothold.core.loss.LossKind;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.Losses;
import io.foothold.core.loss.MismatchRule;
import java.util.ArrayList;
import java.util.List;

/** How credit becomes a loss; the equations stand at {@link LossRule} and {@link MismatchRule}. */
@Section("loss")
public record LossSettings(
        @Inline Weights weights,

        @Setting(
                help = "The objective; none, token and sequence are what policy_gradient, ppo and gspo were called.",
                fallback = "policy_gradient",
                among = Names.class,
                formerly = "loss.ratio")
        String name,

        @Inline Clips clips,
        @Inline Regularisers regularisers,

        @Setting(
                help = "Gamma of p / (p + gamma), the weight of a revision's tokens (revision.use: best).",
                fallback = "0.1",
                from = 0,
                to = Setting.WEIGHT,
                source = "arXiv 2504.14945")
        double shaping,

        @Inline Ablations ablations,
        Mismatch mismatch) {

    /** What a token counts. */
    public record Weights(
            @Setting(help = "Weight of a token.", fallback = "token_mean")
            LossRule.Aggregation aggregation,

            @Setting(
                    help = "Tokens that constant_length divides by.",
                    fallback = "1",
                    from = 1,
                    to = Setting.COUNTED,
                    unit = "tokens",
                    source = "arXiv 2503.20783")
            int constantLength,

            @Setting(
                    help =
                            "Gives rollouts that the limit of tokens cut off no gradient and no weight (DAPO's overlong filtering); their reward "
                                    + "counts in their group's baseline.",
                    fallback = "false",
                    source = "arXiv 2503.14476, section 3.4")
            boolean maskTruncated) {}

    /** Bounds of the ratio. */
    public record Clips(
            @Setting(help = "Lower clip of the ratio.", fallback = "0.2", from = 0, to = Setting.WEIGHT)
            double clipLow,

            @Setting(help = "Upper clip of the ratio.", fallback = "0.2", from = 0, to = Setting.WEIGHT)
            double clipHigh,

            @Setting(help = "Bound for negative advantages; 0 is off.", fallback = "0", from = 0, to = Setting.WEIGHT)
            double dualClip) {

        /** As a loss has them: 0 where they mean nothing to it. */
        public io.foothold.core.loss.Clips clips(LossKind<?> kind) {
            return new io.foothold.core.loss.Clips(
                    kind.clips() ? clipLow : 0, kind.clips() ? clipHigh : 0, kind.clipsDually() ? dualClip : 0);
        }
    }

    /** What keeps the policy where it is, and what keeps it open. */
    public record Regularisers(
            @Setting(help = "KL to the base policy; 0 is off.", fallback = "0", from = 0, to = Setting.WEIGHT)
            double klCoefficient,

            @Setting(help = "Entropy bonus; 0 is off.", fallback = "0", from = 0, to = Setting.WEIGHT)
            double entropyCoefficient) {}

    /** What is wrong, for comparison. */
    public record Ablations(
            @Setting(
                    help =
                            "Gives the tokens before a reset credit too (the SRPO paper's ablation without a mask). With equal weights a "
                                    + "group's advantages cancel there: it changes something under sequence_mean only.",
                    fallback = "false",
                    source = "arXiv 2605.25507")
            boolean trainGiven,

            @Setting(help = "Lets a loss without a ratio run with staleness or several steps.", fallback = "false")
            boolean allowOffPolicy) {}

    /** The correction for a sampler that is not the learner. */
    public record Mismatch(
            @Setting(
                    help =
                            "How the ratio of the learner's probability of a token, at the beginning of the update, to the sampler's corrects "
                                    + "its credit: truncate multiplies by min(ratio, cap), mask by the ratio between low and high and by 0 outside. "
                                    + "Costs a forward pass an update.",
                    fallback = "none",
                    words = {"none", "truncate", "mask"})
            String rule,

            @Setting(
                    help =
                            "What shares a ratio: a token has its own, a sequence the product of its tokens' or their geometric mean.",
                    fallback = "token")
            MismatchRule.Level level,

            @Setting(help = "Largest ratio that counts (truncate).", fallback = "2.0", from = 1, to = Setting.WEIGHT)
            double cap,

            @Setting(help = "Smallest ratio that counts (mask).", fallback = "0.5", from = 0, to = 1)
            double low,

            @Setting(help = "Largest ratio that counts (mask).", fallback = "5.0", from = 1, to = Setting.WEIGHT)
            double high) {

        /** Whether credit is corrected. */
        public boolean corrects() {
            return !rule.equals("none");
        }
    }

    /** Current words for former ones. */
    public LossSettings {
        name = Losses.kind(name).name();
    }

    /** The names of all losses, and the words that some of them had before. */
    public static final class Names implements Setting.Words {
        @Override
        public List<String> words() {
            List<String> out = new ArrayList<>(Losses.names());
            out.addAll(Losses.formerNames());
            return out;
        }
    }
}
