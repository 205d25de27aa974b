package io.foothold.core.settings;

import io.foothold.core.keys.Inline;
import io.foothold.core.keys.Setting;
import java.util.Optional;

/**
 * One of several rewards of a run.
 *
 * @param name under which it is logged
 * @param weight in the sum that is the rollout's reward; 0 logs it only
 * @param rule what it is where nothing of the next three gives it
 * @param function of the user that gives it, a score in [0, 1]
 * @param judge that gives it
 * @param rewardModel that gives it
 */
public record RewardSettings(
        @Setting(help = "name under which it is logged.") String name,

        @Setting(help = "its weight in the sum of them; 0 only logs it.", fallback = "1", from = -1000, to = 1000)
        double weight,

        @Setting(
                help =
                        "what it is without a function, judge or reward model of its own: verdict, what 'reward' makes of the verdict, or ended, 1 where the response ended "
                                + "by itself and 0 where it was cut off.",
                fallback = "verdict")
        Rule rule,

        @Inline RewardFunctionSettings function,
        JudgeSettings judge,
        RewardModelSettings rewardModel) {

    /** What gives a reward that is not judged apart. */
    public enum Rule {
        /** What the run's reward rule makes of the verdict. */
        VERDICT,
        /** 1 for a response that ended by itself, 0 for one that was cut off. */
        ENDED
    }

    /** Whether it is asked for apart from the verdict. */
    public boolean judgedApart() {
        return scorer().isPresent();
    }

    /** Who judges it apart, if anybody does. */
    public Optional<ScorerSettings> scorer() {
        return ScorerSettings.given(function, judge, rewardModel).stream().findFirst();
    }
}
