package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.core.settings.JudgeSettings;
import io.foothold.core.settings.RewardFunctionSettings;
import io.foothold.core.settings.RewardModelSettings;
import io.foothold.core.settings.RewardSettings;
import io.foothold.core.settings.SeveralRewards;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SeveralRewardsTest {
    private static final JudgeSettings NONE = new JudgeSettings("", "", "", "", 10, 512, 60, 4, 0);
    private static final RewardModelSettings NO_MODEL = new RewardModelSettings(
            "",
            "",
            0,
            new RewardModelSettings.Tensors("prompt", "response", "", "", "", "score"),
            new RewardModelSettings.Scaling(RewardModelSettings.Scale.NONE, 0, 1),
            30,
            8,
            64);

    private static RewardSettings reward(String name, double weight, RewardSettings.Rule rule, String python) {
        return new RewardSettings(
                name, weight, rule, new RewardFunctionSettings(python, "", false, 10, 64, 1), NONE, NO_MODEL);
    }

    private static final SeveralRewards REWARDS = new SeveralRewards(List.of(
            reward("short", -.5, RewardSettings.Rule.VERDICT, "rewards.py:short"),
            reward("right", 2, RewardSettings.Rule.VERDICT, ""),
            reward("ended", .25, RewardSettings.Rule.ENDED, "")));

    @Test
    void eachHasItsValueAndTheSumItsWeights() {
        Map<String, Double> found = REWARDS.values(1, false, Map.of("short", .5));
        assertThat(found.keySet()).containsExactly("short", "right", "ended");
        assertThat(found.values()).containsExactly(.5, 1.0, 1.0);
        assertThat(REWARDS.sum(found)).isEqualTo(-.25 + 2 + .25);
        assertThat(REWARDS.values(0, true, Map.of("short", 1.0)).values()).containsExactly(1.0, 0.0, 0.0);
    }

    @Test
    void whatWasNotJudgedIsNoZero() {
        assertThatThrownBy(() -> REWARDS.values(1, false, Map.of())).hasMessageContaining("short");
    }
}
