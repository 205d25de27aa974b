package io.foothold.orchestrator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.core.method.Plain;
import io.foothold.core.method.Reset;
import io.foothold.core.method.ResetSettings;
import io.foothold.core.method.Tree;
import io.foothold.core.reset.ResetSplit;
import io.foothold.core.reset.ResetSplit.SeedRule;
import io.foothold.core.reset.ResetSplit.WithoutSeeds;
import io.foothold.core.settings.PromptSettings;
import io.foothold.orchestrator.runfile.Methods;
import io.foothold.orchestrator.runfile.RunFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class RunFileTest {
    private static final String BASE = """
            method: grpo-dial
            policy: {base: p}
            problems:
              train: {family: dial, level: hard, count: 8}
              evaluate:
                hard-test: {family: dial, level: hard, count: 4, split: test}
            """;

    private static RunFile resolve(String text, String... overrides) {
        return RunFile.resolve("run.yaml", text, List.of(overrides));
    }

    @Test
    void defaultsPresetFileAndOverridesWinInThatOrder() {
        RunFile file = resolve(BASE + "optimizer: {beta1: 0.8}\n", "updates=7");
        assertThat(file.settings().optimizer().adamw().beta1()).isEqualTo(.8);
        assertThat(file.settings().optimizer().adamw().learningRate())
                .as("from the preset")
                .isEqualTo(6e-4);
        assertThat(file.settings().optimizer().adamw().epsilon())
                .as("from the schema")
                .isEqualTo(1e-8);
        assertThat(file.settings().general().updates()).isEqualTo(7);
        assertThat(file.evaluationSets()).containsExactly("hard-test");
    }

    @Test
    void aRunOfAnEarlierVersionGoesOnWithTheDefaultsOfNewerKeys() {
        RunFile file = resolve(BASE);
        String earlier = file.stored()
                .replaceFirst("\"sampling.refills\":\"\\d+\",", "")
                .replaceFirst("\"revision.use\":\"\\w+\",", "");
        assertThat(earlier).isNotEqualTo(file.stored());
        assertThat(RunFile.restore(earlier)).isEqualTo(file);
    }

    @Test
    void storedSettingsThatThisVersionDoesNotKnowAreRefused() {
        String stored = resolve(BASE).stored();
        assertThatThrownBy(() -> RunFile.restore(stored.replace("\"seed\":", "\"sampling.later\":")))
                .hasMessageContaining("unknown key 'sampling.later'");
        assertThatThrownBy(() -> RunFile.restore(stored.replace("\"updates\":\"50\"", "\"updates\":\"-1\"")))
                .hasMessageContaining("'updates' must be a whole number from 0");
        assertThatThrownBy(() -> RunFile.restore(stored.replace("\"form\":1", "\"form\":2")))
                .hasMessageContaining("not of the form");
        assertThatThrownBy(() -> RunFile.restore("method: grpo\nprompts.root: {problem} \\neq\n"))
                .as("text of an earlier version, from which a line break cannot be told")
                .hasMessageContaining("start the run again under another id");
    }

    @Test
    void allProjectionsByTheirFormerNamesAreTheDefaultOfToday() {
        String former = "optimizer.lora.targets=q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj";
        RunFile begun =
                RunFile.restore(resolve(BASE, "optimizer.lora.rank=4", former).stored());
        assertThat(begun.differences(resolve(BASE, "optimizer.lora.rank=4"))).isEmpty();
        assertThat(resolve(BASE, "optimizer.lora.rank=4")
                        .settings()
                        .optimizer()
                        .lora()
                        .targets())
                .as("whatever the model calls them")
                .isEmpty();
        assertThat(begun.differences(resolve(BASE, "optimizer.lora.rank=4", "optimizer.lora.targets=q_proj")))
                .hasSize(1);
    }

    @Test
    void differencesNameTheKeyAndBothValues() {
        assertThat(resolve(BASE).differences(resolve(BASE))).isEmpty();
        assertThat(resolve(BASE).differences(resolve(BASE, "updates=7", "prompts.root=a: \n{problem}")))
                .containsExactly("prompts.root: was \"{problem}\", is \"a: \\n{problem}\"", "updates: was 50, is 7");
        assertThat(resolve(BASE).differences(resolve(BASE.replace("hard-test", "soft"))))
                .contains("problems.evaluate.hard-test.family: was dial, is not there")
                .contains("problems.evaluate.soft.family: was not there, is dial");
    }

    @Test
    void onWhatARunIsComputedMayChange() {
        String[] two = {"learner.torch.processes=2", "optimizer.micro_batch_tokens=512", "updates=7"};
        assertThat(resolve(BASE).moves(resolve(BASE, two))).containsExactly("learner.torch.processes: was 1, is 2");
        assertThat(resolve(BASE).differences(resolve(BASE, two)))
                .as("the embedded backend resumes to the bit")
                .containsExactly("optimizer.micro_batch_tokens: was auto, is 512", "updates: was 50, is 7");
        assertThat(resolve(BASE).differences(resolve(BASE, "learner.djl.device=cuda:1")))
                .isEmpty();
        assertThat(resolve(BASE).moves(resolve(BASE, "learner.djl.device=cuda:1")))
                .containsExactly("learner.djl.device: was cpu, is \"cuda:1\"");
        RunFile torch = resolve(BASE, "learner.backend=torch");
        RunFile other =
                resolve(BASE, "learner.backend=torch", "learner.torch.device=cuda", "optimizer.micro_batch_tokens=512");
        assertThat(torch.differences(other)).isEmpty();
        assertThat(torch.moves(other))
                .containsExactly(
                        "learner.torch.device: was auto, is cuda", "optimizer.micro_batch_tokens: was auto, is 512");
        assertThat(torch.differences(resolve(BASE, "learner.backend=torch", "learner.torch.dtype=bfloat16")))
                .containsExactly("learner.torch.dtype: was auto, is bfloat16");
    }

    @Test
    void severalHostsAreRefusedWithTheReason() {
        assertRefused(
                BASE + "learner: {torch: {hosts: 2}}\n",
                "'learner.torch.hosts' is no setting: the ranks of a run are processes of one host");
    }

    @Test
    void wrongFilesAreRefusedWithLineAndNearestName() {
        assertRefused(BASE + "udpates: 4\n", "run.yaml:7: unknown key 'udpates' (did you mean 'updates'?)");
        assertRefused(
                BASE + "updates: many\n",
                "run.yaml:7: 'updates' must be a whole number from 0 to 1000000000 updates, got 'many'");
        assertRefused(BASE + "reward: corect\n", "run.yaml:7: 'reward' cannot be 'corect' (did you mean 'correct'?)");
        assertRefused(BASE + "loss:\n  nmae: ppo\n", "run.yaml:8: unknown key 'loss.nmae' (did you mean 'loss.name'?)");
        assertRefused(BASE + "updates: [1]\n", "must be a value or a mapping");
        assertRefused(BASE + "updates: -1\n", "run.yaml:7: 'updates' must be a whole number from 0");
        assertRefused(BASE + "a: b: c\n", "run.yaml:7");
        assertRefused(BASE.replace("grpo-dial", "gropo"), "unknown method 'gropo' (did you mean 'grpo'?)");
        assertRefused("policy: {base: p}\n", "'method' is missing");
        assertRefused("method: grpo\npolicy: {base: p}\n", "needs either 'family' or 'jsonl'");
        assertThatThrownBy(() -> resolve(BASE, "seed")).hasMessageContaining("expected key=value");
    }

    @Test
    void moreDrawsThanAGroupHasAreRefused() {
        assertRefused(
                BASE + "sampling: {rollouts_per_group: 4}\nestimator: {name: pass_at_k, k: 5}\n",
                "'estimator.k' is 5, groups have 4 rollouts (sampling.rollouts_per_group): pass@k needs at least k");
        assertThat(resolve(BASE + "sampling: {rollouts_per_group: 4}\nestimator: {name: pass_at_k, k: 4}\n")
                        .settings()
                        .estimator()
                        .k())
                .isEqualTo(4);
        assertThat(resolve(BASE + "sampling: {rollouts_per_group: 4}\nestimator: {name: mean, k: 5}\n")
                        .settings()
                        .estimator()
                        .drawsK())
                .isFalse();
    }

    @Test
    void aValueIsBlamedWhereItWasGiven() {
        String ofPreset = BASE.replace("grpo-dial", "pkpo-plain");
        String tooFew = "'estimator.k' is 4, groups have 3 rollouts";
        assertThatThrownBy(() -> resolve(ofPreset + "sampling: {rollouts_per_group: 3}\n"))
                .hasMessageContaining("run.yaml, preset pkpo-plain:5: " + tooFew);
        assertThatThrownBy(() -> resolve(ofPreset + "sampling: {rollouts_per_group: 3}\nestimator: {k: 4}\n"))
                .hasMessageContaining("run.yaml:8: " + tooFew);
        assertThatThrownBy(() -> resolve(ofPreset, "sampling.rollouts_per_group=3", "estimator.k=4"))
                .hasMessageContaining("--set estimator.k=4: " + tooFew);
        RunFile file = resolve(ofPreset);
        assertThat(file.at("policy.base")).isEqualTo("run.yaml:2");
        assertThat(file.at("updates")).isEqualTo("run.yaml");
    }

    @Test
    void whatMeansNothingToTheLossIsRefusedWhereTheFileSaysIt() {
        assertRefused(
                BASE + "loss: {name: policy_gradient, clip_high: 0.28}\n",
                "run.yaml:7: 'loss.clip_high' means nothing to loss.name: policy_gradient (it clips no ratio; expected one of ");
        assertRefused(BASE + "loss: {dual_clip: 3}\n", "'loss.dual_clip' means nothing to loss.name: policy_gradient");
        // What a preset has for another loss is not the file's.
        String grpo = BASE.replace("grpo-dial", "grpo");
        assertThat(RunFile.resolve("run.yaml", grpo + "loss: {name: policy_gradient}\n", List.of())
                        .settings()
                        .lossRule(false)
                        .loss())
                .hasToString("PolicyGradient[]");
        assertThat(RunFile.resolve("run.yaml", grpo + "loss: {clip_high: 0.28}\n", List.of())
                        .settings()
                        .lossRule(false)
                        .loss())
                .hasToString("Ppo[clips=Clips[low=0.2, high=0.28, dual=0.0]]");
    }

    /** The price of KL-Cov has no slope where ratios are 1, as they are at the first step of an update of today's rollouts. */
    @Test
    void aLossThatNeedsSeveralStepsIsRefusedWithOne() {
        String file = BASE.replace("grpo-dial", "kl-cov");
        assertThat(resolve(file).settings().optimizer().steps().groupsPerStep()).isEqualTo(3);
        assertRefused(
                file + "optimizer: {groups_per_step: 0}\n",
                "loss.name: kl_cov needs several steps an update: at the first one every ratio is 1");
        assertRefused(
                file + "optimizer: {groups_per_step: 12}\n",
                "run.yaml:7: loss.name: kl_cov needs several steps an update");
        assertRefused(BASE + "loss: {name: kl_cov}\n", "run.yaml:7: loss.name: kl_cov needs several steps");
        for (String moving : List.of(
                "optimizer: {groups_per_step: 0, epochs: 2}\n", "optimizer: {groups_per_step: 0}\nstaleness: 1\n")) {
            assertThat(resolve(file + moving).settings().loss().name()).isEqualTo("kl_cov");
        }
        assertThat(resolve(BASE.replace("grpo-dial", "clip-cov"))
                        .settings()
                        .loss()
                        .name())
                .as("what it cuts is cut at the first step, too")
                .isEqualTo("clip_cov");
    }

    @Test
    void givenSolutionsNeedARatioAndRoomForRollouts() {
        String file = BASE.replace("grpo-dial", "oracle-grpo");
        assertThat(resolve(file).settings().sampling().rolloutsPerGroup()).isEqualTo(8);
        assertRefused(
                file + "oracle_traces: {given: 8}\n",
                "run.yaml:7: 'oracle_traces.given' must be below 'sampling.rollouts_per_group', which is 8, is 8");
        assertRefused(
                file + "loss: {name: policy_gradient}\n",
                "'oracle_traces.given' needs a loss with a ratio, such as loss.name: ppo");
        assertRefused(
                BASE + "oracle_traces: {given: 1}\n", "run.yaml:7: 'oracle_traces.given' needs a loss with a ratio");
    }

    @Test
    void tracesToImitateNeedAGuidedPrompt() {
        String file = BASE.replace("grpo-dial", "rs-sft-grpo");
        assertRefused(file, "'sft.from: guided_traces' needs 'prompts.guided', or guidance.form: prefill");
        assertThat(resolve(file + "prompts: {guided: \"{problem}{prefix}\"}\n")
                        .settings()
                        .searchesPrefixes())
                .isTrue();
        assertThat(resolve(file + "sft: {epochs: 0}\n").settings().searchesPrefixes())
                .as("nothing is imitated")
                .isFalse();
    }

    @Test
    void aRunOfAnEarlierVersionGoesOnWithTodaysWordsForLosses() {
        RunFile now = RunFile.resolve("run.yaml", BASE.replace("grpo-dial", "grpo"), List.of());
        String then = now.stored().replace("\"loss.name\":\"ppo\"", "\"loss.ratio\":\"token\"");
        assertThat(then).contains("loss.ratio");
        assertThat(now.differences(RunFile.restore(then))).isEmpty();
    }

    @Test
    void lossesWithoutARatioAreRefusedOffPolicyUnlessTheFileSaysSo() {
        assertRefused(BASE + "staleness: 1\n", "a loss without a ratio");
        assertRefused(BASE + "optimizer: {epochs: 2}\n", "a loss without a ratio");
        assertThat(resolve(BASE + "staleness: 1\nloss: {allow_off_policy: true}\n")
                        .settings()
                        .general()
                        .staleness())
                .isEqualTo(1);
        assertThat(resolve(BASE + "staleness: 1\nloss: {ratio: token}\n")
                        .settings()
                        .general()
                        .staleness())
                .isEqualTo(1);
    }

    @Test
    void aMismatchRuleCorrectsForOlderWeightsButNotForStepsOfTheUpdate() {
        assertThat(resolve(BASE + "staleness: 1\nloss: {mismatch: {rule: truncate}}\n")
                        .settings()
                        .loss()
                        .mismatch()
                        .cap())
                .isEqualTo(2);
        assertRefused(
                BASE + "optimizer: {epochs: 2}\nloss: {mismatch: {rule: truncate}}\n",
                "a loss without a ratio is right");
        assertRefused(BASE + "staleness: 1\n", "loss.mismatch.rule: truncate or mask");
        assertRefused(
                BASE + "loss: {train_given: true, mismatch: {rule: mask}}\n",
                "'loss.mismatch.rule' and 'loss.train_given' exclude each other");
    }

    @Test
    void whatCannotBeAMismatchRuleIsRefused() {
        assertRefused(BASE + "loss: {mismatch: {rule: truncated}}\n", "did you mean 'truncate'");
        assertRefused(BASE + "loss: {mismatch: {cap: 0.5}}\n", "'loss.mismatch.cap' must be a number from 1");
        assertRefused(BASE + "loss: {mismatch: {low: 1.5}}\n", "'loss.mismatch.low' must be a number from 0 to 1");
        assertRefused(BASE + "loss: {mismatch: {level: rollout}}\n", "'loss.mismatch.level' cannot be 'rollout'");
    }

    @Test
    void fineTuningAloneTrainsNothingElseAndAdaptersAreNotFineTuned() {
        assertThat(resolve(BASE + "updates: 0\nsft: {epochs: 1}\n")
                        .settings()
                        .sft()
                        .asked())
                .isTrue();
        assertRefused(BASE + "updates: 0\n", "'updates: 0' trains nothing: it needs 'sft.epochs' of at least 1");
        assertRefused(
                BASE + "sft: {epochs: 1}\noptimizer: {lora: {rank: 4}}\n",
                "'sft' trains all weights: it cannot be had with 'optimizer.lora'");
        assertRefused(BASE + "sft: {epoch: 1}\n", "did you mean 'sft.epochs'");
    }

    /** Papers and the dial reward the right answer, ended or not; who names nothing asks for both. */
    @Test
    void aRunFileThatDoesNotSayAsksForAnEndToo() {
        for (String preset : RunFile.presets()) {
            String guided = "prompts: {guided: \"{problem}{prefix}\"}\n";
            String reward = resolve(BASE.replace("grpo-dial", preset) + guided).text("reward");
            assertThat(reward)
                    .as(preset)
                    .isEqualTo(
                            switch (preset) {
                                case "grpo", "dr-grpo", "rloo" -> "correct_and_finished";
                                case "grpo-shaped" -> "table";
                                default -> "correct";
                            });
        }
        assertThat(resolve(BASE.replace("grpo-dial", "grpo") + "reward: correct\n")
                        .text("reward"))
                .isEqualTo("correct");
    }

    @Test
    void evaluationDrawsAsTrainingDoesUnlessTheFileSaysOtherwise() {
        RunFile plain = resolve(BASE + "sampling: {temperature: 0.7, max_tokens: 40}\n");
        assertThat(plain.settings().evaluationTemperature()).isEqualTo(0.7);
        assertThat(plain.settings().evaluationTokens()).isEqualTo(40);
        RunFile own = resolve(BASE + "sampling: {temperature: 0.7, max_tokens: 40}\n"
                + "evaluation: {sampling: {temperature: 0, max_tokens: 0, top_p: 0.9, top_k: 20}}\n");
        assertThat(own.settings().evaluationTemperature()).isZero();
        assertThat(own.settings().evaluationTokens()).isZero();
        assertThat(own.settings().evaluation().sampling().topP()).isEqualTo(0.9);
        assertThat(own.settings().evaluation().sampling().topK()).isEqualTo(20);
        assertRefused(
                BASE + "evaluation: {sampling: {top_p: 0}}\n", "'evaluation.sampling.top_p' must be a number above 0");
        assertRefused(BASE + "evaluation: {sampling: {top_p: 1.1}}\n", "at most 1, got '1.1'");
        assertRefused(
                BASE + "evaluation: {sampling: {top_k: -1}}\n",
                "'evaluation.sampling.top_k' must be a whole number from 0");
    }

    @Test
    void theFormerNameOfAKeyStillMeansTheSame() {
        RunFile file = resolve(BASE + "evaluation: {temperature: 0.25}\n");
        assertThat(file.settings().evaluationTemperature()).isEqualTo(0.25);
        assertThat(resolve(BASE, "evaluation.temperature=0.25")).isEqualTo(file);
        assertThat(RunFile.restore(file.stored().replace("evaluation.sampling.temperature", "evaluation.temperature")))
                .isEqualTo(file);
        assertRefused(
                BASE + "evaluation: {temperature: 0.25, sampling: {temperature: 1}}\n",
                "'evaluation.sampling.temperature' is given twice");
    }

    /** The learner cannot know what was left out, so that its log-probs would be of another distribution. */
    @Test
    void trainingFromARestrictedSupportIsRefusedWithTheReason() {
        for (String key : List.of("top_p", "top_k", "min_p")) {
            assertRefused(
                    BASE + "sampling: {" + key + ": 0.5}\n",
                    "run.yaml:7: 'sampling." + key + "' restricts what training samples from");
            assertThatThrownBy(() -> resolve(BASE, "sampling." + key + "=1"))
                    .hasMessageContaining("set it under 'evaluation.sampling'");
        }
    }

    @Test
    void aSecondLookNeedsAFirst() {
        assertRefused(BASE + "mining: {second_samples: 8}\n", "'mining.second_samples' needs 'mining.samples'");
        assertThat(resolve(BASE + "mining: {samples: 8, second_samples: 32}\n")
                        .settings()
                        .mining()
                        .secondSamples())
                .isEqualTo(32);
    }

    @Test
    void hintsForGroupsThatAreAllWrongNeedHintsAndThePlaceForThemselves() {
        String hinted = BASE + "guidance: {when: all_wrong}\n";
        assertRefused(hinted, "'guidance.when: all_wrong' needs 'mixture.guided' above 0");
        String guided = hinted + "mixture: {guided: 1}\nprompts: {guided: \"{problem}{prefix}\"}\n";
        assertThat(new Methods(resolve(guided)).chosen().choosesHints()).isTrue();
        for (String other :
                List.of("resets: {share: 1}", "tree: {branches: 2x2}", "revision: {prompt: \"{response}\"}")) {
            assertRefused(
                    guided + other + "\n",
                    "set one of guidance.when: all_wrong, oracle_traces.given, resets.share, revision.prompt and tree.branches");
        }
    }

    @Test
    void resetsFillTheirShareOfThePlacesAndPlainTheOthers() {
        String text = BASE + "prompts: {thought_delimiter: ;}\n";
        Methods half = new Methods(resolve(text + "resets: {share: 0.5}\n"));
        assertThat(half.chosen().share()).isEqualTo(0.5);
        assertThat(half.chosen().localizes()).isTrue();
        assertThat(half.own()).isInstanceOf(Reset.class).isSameAs(half.own());
        assertThat(half.plain()).isEqualTo(new Plain(8));
        Methods none = new Methods(resolve(text + "resets: {share: 0}\n"));
        assertThat(none.chosen().share()).isEqualTo(1);
        assertThat(none.chosen().localizes()).isFalse();
        assertThat(none.own()).isEqualTo(new Plain(8));
        assertRefused(BASE + "resets: {share: 1}\n", "resets need 'prompts.thought_delimiter'");
    }

    @Test
    void everyPresetResolves() {
        for (String preset : RunFile.presets()) {
            String guided = "prompts: {guided: \"{problem}{prefix}\"}\n";
            assertThat(resolve(BASE.replace("grpo-dial", preset) + guided).text("method"))
                    .isEqualTo(preset);
        }
        RunFile srpo = resolve(BASE.replace("grpo-dial", "srpo"));
        assertThat(srpo.settings().of(ResetSettings.class).split().split())
                .as("1x4 and a base group")
                .isEqualTo(new ResetSplit(4, 1, 4, 12, SeedRule.PAPER, WithoutSeeds.PLAIN));
        assertThat(srpo.settings().evaluationTemperature())
                .as("the paper evaluates greedily")
                .isZero();
        assertThat(new Methods(resolve(BASE.replace("grpo-dial", "spo-tree")))
                        .chosen()
                        .method())
                .isEqualTo(new Tree(List.of(2, 4), 600));
        assertThat(resolve(BASE.replace("grpo-dial", "pope-authors-fork")
                                + "prompts: {guided: \"{problem}{prefix}\"}\n")
                        .settings()
                        .loss()
                        .regularisers()
                        .entropyCoefficient())
                .isEqualTo(1e-4);
    }

    private static void assertRefused(String text, String message) {
        assertThatThrownBy(() -> resolve(text)).hasMessageContaining(message);
    }

    /** The shipped examples resolve. */
    @Test
    void theExamplesResolve() throws Exception {
        Path examples = Path.of(System.getProperty("foothold.root"), "services/foothold/examples");
        try (var files = Files.list(examples)) {
            List<Path> all = files.filter(f -> f.toString().endsWith(".yaml")).toList();
            assertThat(all).hasSizeGreaterThan(2);
            for (Path file : all) {
                assertThat(RunFile.resolve(file.toString(), Files.readString(file), List.of())
                                .text("policy.base"))
                        .isNotEmpty();
            }
        }
    }

    @Test
    void ablationsAreChecked() {
        String grpo = "method: grpo\npolicy: {base: p}\nproblems: {train: {jsonl: x}, evaluate: {e: {jsonl: y}}}\n";
        assertThatThrownBy(() -> RunFile.resolve("r.yaml", grpo, List.of("loss.train_given=true", "loss.ratio=token")))
                .hasMessageContaining("'loss.train_given' needs a loss without a ratio");
        assertThatThrownBy(() -> RunFile.resolve(
                        "r.yaml",
                        grpo,
                        List.of("resets.share=1", "resets.noise=2", "prompts.thought_delimiter=;", "loss.ratio=none")))
                .hasMessageContaining("'resets.noise' must be a number from 0 to 1, got '2'");
    }

    @Test
    void chatSettingsNeedChat() {
        assertThatThrownBy(() -> RunFile.resolve(
                        "r.yaml",
                        "method: grpo\npolicy: {base: p}\nproblems: {train: {jsonl: x}, evaluate: {e: {jsonl: y}}}\n",
                        List.of("prompts.system=hi")))
                .hasMessageContaining("need prompts.chat: true");
        assertThatThrownBy(() -> RunFile.resolve(
                        "r.yaml",
                        "method: grpo\npolicy: {base: p}\nproblems: {train: {jsonl: x}, evaluate: {e: {jsonl: y}}}\n",
                        List.of("prompts.chat=true", "prompts.chat_options=fast")))
                .hasMessageContaining("needs NAME=VALUE");
    }

    private static final String TURNS = """
            prompts:
              chat: true
              turns:
                - {user: "Add 3, 6, 2.", assistant: "3 + 6 = 9\\n9 + 2 = 11"}
                - user: Add 1, 1, 1.
                  assistant: |-
                    1 + 1 = 2
                    2 + 1 = 3
            """;

    @Test
    void earlierTurnsAreAListAndComeBack() {
        RunFile file = resolve(BASE + TURNS);
        assertThat(file.settings().prompting().turns())
                .containsExactly(
                        new PromptSettings.Turn("Add 3, 6, 2.", "3 + 6 = 9\n9 + 2 = 11"),
                        new PromptSettings.Turn("Add 1, 1, 1.", "1 + 1 = 2\n2 + 1 = 3"));
        assertThat(resolve(file.print())).isEqualTo(file);
        assertThat(RunFile.restore(file.stored())).isEqualTo(file);
        assertThat(resolve(BASE + TURNS, "prompts.turns.2.user=Add 2, 2, 2.")
                        .settings()
                        .prompting()
                        .turns()
                        .get(1)
                        .user())
                .isEqualTo("Add 2, 2, 2.");
        assertThat(resolve(BASE).settings().prompting().turns()).isEmpty();
    }

    @Test
    void wrongTurnsAreRefusedWithTheirLine() {
        assertThatThrownBy(() -> resolve(BASE + "prompts:\n  chat: true\n  turns:\n    - {user: a}\n"))
                .hasMessageContaining("'prompts.turns.1.assistant' is missing");
        assertThatThrownBy(() -> resolve(BASE + "prompts:\n  chat: true\n  turns:\n    - {user: a, asistant: b}\n"))
                .hasMessageContaining("run.yaml:10: unknown key 'prompts.turns.1.asistant'");
        assertThatThrownBy(() -> resolve(BASE + "prompts:\n  chat: true\n  turns: [a, b]\n"))
                .hasMessageContaining("run.yaml:9: an item of 'prompts.turns' must be a mapping");
        assertThatThrownBy(() -> resolve(BASE + "prompts:\n  chat: true\n  turns: []\n"))
                .hasMessageContaining("'prompts.turns' is empty");
        assertThatThrownBy(() -> resolve(BASE + "prompts:\n  chat: true\n  turns:\n    - {}\n"))
                .hasMessageContaining("an item of 'prompts.turns' is empty");
        assertThatThrownBy(() -> resolve(BASE + "prompts: {turns: [{user: a, assistant: b}]}\n"))
                .hasMessageContaining("'prompts.turns' needs prompts.chat: true");
        assertThatThrownBy(() -> resolve(BASE, "prompts.turns.2.user=a", "prompts.turns.2.assistant=b"))
                .hasMessageContaining("'prompts.turns.1.user' is missing");
        assertThatThrownBy(() -> resolve(BASE, "prompts.turns.#.user=a")).hasMessageContaining("unknown key");
        assertThatThrownBy(() -> resolve(BASE + "prompts:\n  root: [a]\n"))
                .hasMessageContaining("'prompts.root' must be a value or a mapping, not a list");
    }

    @Test
    void prefilledGuidanceStandsBehindTheRootPrompt() {
        RunFile plain = resolve(BASE, "guidance.form=prefill", "mixture.guided=1", "prompts.root=<q>{problem}<a>");
        assertThat(plain.settings().prompts().guided()).isEqualTo("<q>{problem}<a>{prefix}");
        assertThat(plain.settings().answerSeparator()).isEmpty();
        RunFile chat = resolve(BASE, "guidance.form=prefill", "mixture.guided=1", "prompts.chat=true");
        assertThat(chat.settings().answerSeparator()).hasSize(1);
        assertThat(chat.settings().prompts().guided())
                .isEqualTo("{problem}" + chat.settings().answerSeparator() + "{prefix}");
        RunFile user = resolve(BASE, "mixture.guided=1", "prompts.guided={problem} {prefix}");
        assertThat(user.settings().prompts().guided()).isEqualTo("{problem} {prefix}");
        assertThat(user.settings().answerSeparator()).isEmpty();
        assertThatThrownBy(() -> resolve(BASE, "guidance.form=prefill", "prompts.guided={problem} {prefix}"))
                .hasMessageContaining("'prompts.guided' is not used with guidance.form: prefill");
        assertThatThrownBy(() -> resolve(BASE, "mixture.guided=1")).hasMessageContaining("or guidance.form: prefill");
    }

    @Test
    void whatFollowsFromTheModelIsANumberOrAuto() {
        RunFile file = resolve(BASE);
        for (String key : List.of("precision", "max_log_prob_difference", "optimizer.micro_batch_tokens")) {
            assertThat(file.text(key)).as(key).isEqualTo("auto");
        }
        RunFile given = resolve(BASE, "max_log_prob_difference=0", "optimizer.micro_batch_tokens=512");
        assertThat(given.settings().general().agreement().maxLogProbDifference())
                .hasValue(0);
        assertThat(given.settings().optimizer().steps().microBatchTokens()).hasValue(512);
        assertThatThrownBy(() -> resolve(BASE, "optimizer.micro_batch_tokens=0"))
                .hasMessageContaining("'optimizer.micro_batch_tokens' must be a whole number from 1")
                .hasMessageContaining("or auto");
        assertThatThrownBy(() -> resolve(BASE, "max_log_prob_difference=automatic"))
                .hasMessageContaining("or auto, got 'automatic'");
    }

    @Test
    void rewardsThatAreNotUsedOrNotTheMethodsAreRefused() {
        assertThatThrownBy(() -> resolve(BASE, "reward_table.wrong=-2"))
                .hasMessageContaining("'reward_table' is not used without 'reward: table'");
        assertThatThrownBy(() -> resolve(BASE, "reward_shaping.difficulty_power=1"))
                .hasMessageContaining("'reward_shaping.overlong_share', which is 0");
        assertThatThrownBy(() -> resolve(BASE, "tree.branches=2x4", "reward_shaping.length_discount=0.9"))
                .hasMessageContaining(
                        "'reward_shaping' changes the rewards of verdicts by lengths, and with 'tree.branches'");
        assertThat(resolve(BASE, "reward=table", "reward_table.wrong=-2", "reward_shaping.overlong_share=0.2")
                        .settings()
                        .rewardTable()
                        .wrong())
                .isEqualTo(-2);
    }

    @Test
    void aTeacherNeedsAPromptAndALossWithoutARatio() {
        String prompt = "distillation.prompt={problem} {solution}";
        assertThatThrownBy(() -> resolve(BASE, prompt))
                .hasMessageContaining("'distillation.prompt' needs 'distillation.weight' above 0");
        assertThatThrownBy(() -> resolve(BASE, "distillation.weight=1", "distillation.prompt={problem}"))
                .hasMessageContaining("'distillation.prompt' with {problem} and {solution}");
        assertThatThrownBy(() -> resolve(BASE, "distillation.weight=1", prompt, "loss.name=ppo"))
                .hasMessageContaining("needs a loss without a ratio");
        assertThat(resolve(BASE, "distillation.weight=1", prompt)
                        .settings()
                        .distillation()
                        .distillation()
                        .rewards())
                .isEqualTo(1);
    }
}
