package io.foothold.core.settings;

import io.foothold.core.keys.Inline;
import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import io.foothold.core.verdict.RewardRule;
import java.util.OptionalDouble;

/** Settings of no group. */
@Section("")
public record GeneralSettings(
        @Setting(help = "Name of the run; its id when none is given.", fallback = "")
        String name,

        @Setting(help = "Preset that the run starts from.") String method,

        @Setting(help = "Seed of everything random.", fallback = "0", from = -1e18, to = 1e18)
        long seed,

        @Setting(
                help = "Updates to do; 0, with sft.epochs, fine-tunes and evaluates only.",
                fallback = "50",
                from = 0,
                to = Setting.COUNTED,
                unit = "updates")
        long updates,

        @Setting(
                help =
                        "Ends the run after the update that reaches so many sampled tokens (seeds and localization count); 0 is off.",
                fallback = "0",
                from = 0,
                to = Setting.SUMMED,
                unit = "tokens")
        long maxTrainingTokens,

        @Setting(
                help =
                        "Rule from verdict to reward; correct asks for nothing but the answer, and a policy forgets to end.",
                fallback = "correct_and_finished")
        RewardRule reward,

        @Setting(
                help = "Versions that a trained token may be behind; 0 is synchronous.",
                fallback = "0",
                from = 0,
                to = 10_000,
                unit = "policy versions")
        long staleness,

        @Inline Agreement agreement) {

    /** How closely learner and sampler agree. */
    public record Agreement(
            @Setting(
                    help =
                            "Attention: exact agrees with the sampler to the bit, fast rounds; auto is exact for models below 10 million "
                                    + "parameters.",
                    fallback = Setting.AUTO,
                    words = {Setting.AUTO, "exact", "fast"})
            String precision,

            @Setting(
                    help =
                            "Largest difference of sampler and learner, nats; auto is 1e-5 for exact and 1e-2 for fast precision, and none "
                                    + "for fast precision with loss.mismatch.rule.",
                    fallback = Setting.AUTO,
                    from = 0,
                    to = Setting.COUNTED,
                    unit = "nats")
            OptionalDouble maxLogProbDifference) {}
}
