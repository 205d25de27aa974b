package io.foothold.orchestrator.runfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.settings.RewardSettings;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RewardRulesTest {
    private static final String BASE = """
            method: %s
            policy: {base: p}
            problems:
              train: {family: dial, level: hard, count: 8}
              evaluate:
                hard-test: {family: dial, level: hard, count: 4, split: test}
            %s
            """;

    private static RunFile resolve(String method, String more, String... overrides) {
        return RunFile.resolve("run.yaml", BASE.formatted(method, more), List.of(overrides));
    }

    private static void refused(String what, String method, String more, String... overrides) {
        assertThatThrownBy(() -> resolve(method, more, overrides))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_INPUT))
                .hasMessageContaining(what);
    }

    private static String rewards(String... items) {
        return "verification:\n  rewards:\n    - " + String.join("\n    - ", items) + "\n";
    }

    private static List<String> names(RunFile file) {
        return file.settings().verification().rewards().stream()
                .map(RewardSettings::name)
                .toList();
    }

    @Test
    void severalRewardsAreAList() {
        RunFile file = resolve(
                "grpo-dial", rewards("{name: right}", "{name: short, python: \"rewards.py:short\", weight: -0.2}"));
        assertThat(names(file)).containsExactly("right", "short");
        assertThat(file.settings().verification().severalRewards().weights()).containsExactly(1.0, -.2);
        assertThat(file.settings().verification().scorers()).containsOnlyKeys("verification.rewards.2.python");
        assertThat(RunFile.restore(file.stored())).isEqualTo(file);
        assertThat(RunFile.resolve("printed", file.print(), List.of())).isEqualTo(file);
    }

    /** Two items of the file beside two of the preset would be a mixture of both. */
    @Test
    void aListOfTheFileTakesThePlaceOfThePresets() {
        assertThat(names(resolve("gdpo", ""))).containsExactly("right", "ended");
        assertThat(names(resolve(
                        "gdpo",
                        rewards("{name: ended, rule: ended}", "{name: a, python: \"r.py:a\"}", "{name: right}"))))
                .containsExactly("ended", "a", "right");
        assertThat(resolve("gdpo", "", "verification.rewards.2.weight=0.5")
                        .settings()
                        .verification()
                        .severalRewards()
                        .weights())
                .as("the command line changes an item of whichever list is there")
                .containsExactly(1.0, .5);
    }

    @Test
    void whatContradictsItselfIsRefusedAtItsLine() {
        refused(
                "run.yaml:10: two rewards are called 'right'",
                "grpo",
                rewards("{name: right}", "{name: right, rule: ended}"));
        refused("run.yaml:10: two rewards are those of the verdict", "grpo", rewards("{name: right}", "{name: also}"));
        refused(
                "'verification.rewards.1.rule' and 'verification.rewards.1.python' exclude each other",
                "grpo",
                rewards("{name: x, rule: ended, python: \"r.py:x\"}"));
        refused("the weights of all rewards are 0", "grpo", rewards("{name: right, weight: 0}"));
        refused(
                "'verification.rewards.1.pass_score' is not used",
                "grpo",
                rewards("{name: x, python: \"r.py:x\", pass_score: 0.5}"));
        refused("'verification.rewards.1.python' must be FILE.py:FUNCTION", "grpo", rewards("{name: x, python: r.py}"));
        refused("'verification.rewards.1.name' is missing", "grpo", rewards("{weight: 1}"));
        refused("run.yaml:9: 'verification.rewards.1.name'", "grpo", rewards("{name: \"a b\"}"));
        refused(
                "'reward: random' and 'verification.rewards' exclude each other",
                "grpo",
                "reward: random\n" + rewards("{name: right}"));
        refused("needs rewards of 0 or 1", "pkpo", rewards("{name: right}", "{name: e, rule: ended}"));
        refused("puts solutions among a group's members", "oracle-grpo", rewards("{name: right}"));
    }

    /** The learner would refuse them only after the first update was sampled. */
    @Test
    void whatDrawsKNeedsRewardsThatSayRightOrWrong() {
        for (String rule : List.of("success", "score", "table")) {
            refused(
                    "run.yaml:7: 'estimator.name: pass_at_k' needs rewards of 0 or 1, and those of 'reward: " + rule
                            + "' may be others (expected reward: correct",
                    "grpo",
                    "estimator: {name: pass_at_k, k: 2}\nreward: " + rule + "\n");
            refused("'reward: " + rule + "' may be others", "pkpo", "", "reward=" + rule);
        }
        refused("'reward_shaping' makes others of them", "pkpo-plain", "", "reward_shaping.overlong_share=0.2");
        for (String rule : List.of("correct", "correct_and_finished", "random")) {
            assertThat(resolve("pkpo", "", "reward=" + rule)
                            .settings()
                            .estimator()
                            .drawsK())
                    .isTrue();
        }
        assertThat(resolve("grpo", "", "reward=score").settings().estimator().drawsK())
                .isFalse();
    }

    private static String judge(String more) {
        return "verification:\n  judge: {url: \"http://127.0.0.1:8000/v1\", model: m, " + more + "}\n";
    }

    @Test
    void aJudgeNeedsAnAddressAModelAndAQuestion() {
        RunFile file = resolve("grpo", judge("prompt: \"{problem} {response}\""));
        assertThat(file.settings().verification().scorers()).containsOnlyKeys("verification.judge.url");
        assertThat(RunFile.restore(file.stored())).isEqualTo(file);
        RunFile item = resolve(
                "grpo",
                rewards(
                        "{name: right}",
                        "{name: kind, judge: {url: \"https://a/v1\", model: m, prompt: \"{response}\"}}"));
        assertThat(item.settings().verification().scorers()).containsOnlyKeys("verification.rewards.2.judge.url");
        assertThat(item.settings().verification().rewards().get(1).judge().best())
                .isEqualTo(10);
        refused("'verification.judge.prompt' must hold {response}", "grpo", judge("prompt: \"{problem}\""));
        refused(
                "run.yaml:8: 'verification.judge.pattern' must be a regular expression whose first group is the mark, got 'score'",
                "grpo",
                judge("pattern: score, prompt: \"{response}\""),
                new String[0]);
        refused("Unclosed group", "grpo", judge("pattern: (, prompt: \"{response}\""));
        refused(
                "must be http:// or https://",
                "grpo",
                judge("prompt: \"{response}\""),
                "verification.judge.url=file:///etc");
        refused(
                "must be http:// or https://",
                "grpo",
                judge("prompt: \"{response}\""),
                "verification.judge.url=http://u@a/");
        refused(
                "needs 'verification.judge.model'",
                "grpo",
                judge("prompt: \"{response}\""),
                "verification.judge.model= ");
        refused("exclude each other", "grpo", judge("prompt: \"{response}\""), "verification.python=r.py:a");
        refused("is not used without 'verification.judge.url'", "grpo", "", "verification.judge.model=m");
        refused(
                "'verification.judge_budget' is not used without a judge or a reward model",
                "grpo",
                "",
                "verification.judge_budget=5");
    }

    private static String model(String more) {
        return "verification:\n  reward_model: {server: \"grpc://127.0.0.1:8001\", model: m" + more + "}\n";
    }

    @Test
    void aRewardModelNeedsAServerAndTensorsThatFitTogether() {
        RunFile file = resolve("grpo", model(", answer_tensor: gold, scale: sigmoid"));
        assertThat(file.settings().verification().scorers()).containsOnlyKeys("verification.reward_model.server");
        assertThat(file.settings().verification().rewardModel().tensors().inputs())
                .containsExactly(
                        Map.entry("prompt", "{problem}"),
                        Map.entry("response", "{response}"),
                        Map.entry("gold", "{answer}"));
        assertThat(RunFile.restore(file.stored())).isEqualTo(file);
        RunFile item = resolve(
                "grpo",
                rewards(
                        "{name: right}",
                        "{name: kind, reward_model: {server: \"grpcs://[::1]:1\", model: m, text_tensor: t, template: \"{response}\"}}"));
        assertThat(item.settings().verification().scorers())
                .containsOnlyKeys("verification.rewards.2.reward_model.server");
        String server = "verification.reward_model.server=";
        refused(
                "run.yaml:8: 'verification.reward_model.text_tensor' needs 'verification.reward_model.template'",
                "grpo",
                model(", text_tensor: t"));
        refused(
                "run.yaml:8: 'verification.reward_model.template' must hold {response}",
                "grpo",
                model(", text_tensor: t, template: \"{problem}\""));
        refused(
                "is not used without 'verification.reward_model.text_tensor'",
                "grpo",
                model(", template: \"{response}\""));
        refused(
                "takes the place of prompt_tensor, response_tensor and answer_tensor",
                "grpo",
                model(", text_tensor: t, template: \"{response}\", prompt_tensor: p"));
        refused("must have another name than the other tensors", "grpo", model(", prompt_tensor: response"));
        refused("'verification.reward_model.low' must be below", "grpo", model(", scale: range, low: 2"));
        refused("is not used without 'verification.reward_model.scale: range'", "grpo", model(", high: 2"));
        refused(
                "'verification.reward_model.scale' cannot be 'rnge' (did you mean 'range'?)",
                "grpo",
                model(", scale: rnge"));
        refused("must be grpc://HOST:PORT", "grpo", model(""), server + "unix:///var/run/s");
        refused("must be grpc://HOST:PORT", "grpo", model(""), server + "grpc://a:70000");
        refused("must be grpc://HOST:PORT", "grpo", model(""), server + "127.0.0.1:8001");
        refused("needs 'verification.reward_model.model'", "grpo", model(""), "verification.reward_model.model= ");
        refused("exclude each other", "grpo", model(""), "verification.python=r.py:a");
        refused(
                "'verification.reward_model.server' and 'verification.judge.url' exclude each other",
                "grpo",
                model(""),
                "verification.judge.url=http://a/v1");
        refused(
                "is not used without 'verification.reward_model.server'",
                "grpo",
                "",
                "verification.reward_model.model=m");
        assertThat(resolve("grpo", model(""), "verification.judge_budget=5")
                        .settings()
                        .verification()
                        .judgeBudget())
                .isEqualTo(5);
    }

    @Test
    void whatNormalisesApartNeedsSeveralRewardsAsTheyWereGiven() {
        refused("needs 'verification.rewards' with two or more", "grpo", "estimator: {name: gdpo}");
        refused("needs 'verification.rewards' with two or more", "gdpo", rewards("{name: right}"));
        refused("needs the rewards of every member one by one", "gdpo", "reward_shaping: {overlong_share: 0.2}");
        refused(
                "needs the rewards of every member one by one",
                "spo-tree",
                "estimator: {name: gdpo}\n" + rewards("{name: right}", "{name: e, rule: ended}"));
        refused("'sampling.refills' looks at sums of rewards", "gdpo", "sampling: {refills: 1}");
        assertThat(resolve("gdpo", "").settings().estimator().decouples()).isTrue();
    }
}
