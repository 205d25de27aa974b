package io.foothold.core.settings;

import io.foothold.core.keys.Inline;
import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How answers are judged.
 *
 * @param options of the verifier
 * @param servers addresses of verifiers of one's own, by the kind of problem; empty for ours
 * @param function of the user that judges in place of ours
 * @param judge that judges in place of ours
 * @param judgeBudget most responses of the run that judges are asked about; 0 for no limit
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

        @Setting(
                help =
                        "Most responses of the run that its judges are asked about, after which it ends with an error and can be resumed with a larger "
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

    /** The judges that are given, by the key of the address of each. */
    public Map<String, JudgeSettings> judges() {
        Map<String, JudgeSettings> out = new LinkedHashMap<>();
        if (judge.given()) {
            out.put("verification.judge.url", judge);
        }
        for (int i = 0; i < rewards.size(); i++) {
            if (rewards.get(i).judge().given()) {
                out.put(
                        "verification.rewards." + (i + 1) + ".judge.url",
                        rewards.get(i).judge());
            }
        }
        return out;
    }

    /** The functions that are given, by the key that names each. */
    public Map<String, RewardFunctionSettings> functions() {
        Map<String, RewardFunctionSettings> out = new LinkedHashMap<>();
        if (function.given()) {
            out.put("verification.python", function);
        }
        for (int i = 0; i < rewards.size(); i++) {
            if (rewards.get(i).function().given()) {
                out.put(
                        "verification.rewards." + (i + 1) + ".python",
                        rewards.get(i).function());
            }
        }
        return out;
    }
}
