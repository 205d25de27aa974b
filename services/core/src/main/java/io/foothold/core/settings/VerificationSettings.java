package io.foothold.core.settings;

import io.foothold.core.keys.Inline;
import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * How answers are judged.
 *
 * @param options of the verifier
 * @param servers addresses of verifiers of one's own, by the kind of problem; empty for ours
 * @param function of the user that judges in place of ours
 * @param judge that judges in place of ours
 * @param rewardModel that judges in place of ours
 * @param judgeBudget most responses of the run that judges and reward models are asked about; 0 for no limit
 * @param rewards whose weighted sum is a rollout's reward; empty where that is what the run's rule makes of the verdict
 */
@Section("verification")
public record VerificationSettings(
        @Setting(
                help =
                        "Grading options with commas between them, such as boxed-required, places=2; see docs/evaluation.md.",
                fallback = "")
        String options,

        @Setting(
                help = "HOST:PORT of a verifier of one's own for problems of kind {key}; empty for ours.",
                fallback = "",
                keys = {"math", "numeric", "choice", "text", "countdown", "code", "exact"})
        Map<String, String> servers,

        @Inline RewardFunctionSettings function,

        JudgeSettings judge,

        RewardModelSettings rewardModel,

        @Setting(
                help =
                        "Most responses of the run that its judges and reward models are asked about, after which it ends with an error and can be resumed with a larger "
                                + "one; 0 for no limit.",
                fallback = "0",
                from = 0,
                to = Setting.SUMMED,
                unit = "responses",
                ofMachine = true)
        long judgeBudget,

        @Setting(help = "One of several rewards") List<RewardSettings> rewards) {

    /** Copies. */
    public VerificationSettings {
        servers = Map.copyOf(servers);
        rewards = List.copyOf(rewards);
    }

    /** The rewards as they are summed. */
    public SeveralRewards severalRewards() {
        return new SeveralRewards(rewards);
    }

    /** Who judges in place of ours, if anybody does. */
    public Optional<ScorerSettings> scorer() {
        return ScorerSettings.given(function, judge, rewardModel).stream().findFirst();
    }

    /** Who judges in place of ours or gives one of several rewards, by the whole key that says who it is. */
    public SequencedMap<String, ScorerSettings> scorers() {
        SequencedMap<String, ScorerSettings> out = new LinkedHashMap<>();
        scorer().ifPresent(s -> out.put("verification." + s.key(), s));
        for (int i = 0; i < rewards.size(); i++) {
            String item = "verification.rewards." + (i + 1) + ".";
            rewards.get(i).scorer().ifPresent(s -> out.put(item + s.key(), s));
        }
        return out;
    }
}
