package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.cli.demo.DialRuns;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.update.Manifest;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs with resets through every service on loopback. */
class ResetRunTest {
    @TempDir
    Path directory;

    private static String yaml(int updates) {
        return """
                method: srpo-jumps
                seed: 4
                updates: %d
                policy: {base: %s}
                problems:
                  train: {family: dial-jumps, level: late, count: 64, seed: 3, split: train}
                  evaluate:
                    late-test: {family: dial-jumps, level: late, count: 4, seed: 3, split: test}
                evaluation: {every: 100, samples: 2}
                checkpoint: {every: 2}
                """.formatted(
                        updates, Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial-jumps"));
    }

    private static Ledger.RunRow finish(Stack stack, String id) throws Exception {
        return stack.runs.end(id).get(120, TimeUnit.SECONDS);
    }

    private static List<String> digests(Stack stack, String id) {
        return stack.ledger.manifests(id).stream().map(Manifest::digest).toList();
    }

    private static List<JsonNode> updates(Stack stack) throws Exception {
        List<JsonNode> out = new ArrayList<>();
        for (RunEvent e : stack.events) {
            if (e.kind().equals("update_done")) {
                out.add(new ObjectMapper().readTree(e.json()));
            }
        }
        return out;
    }

    /** What the first update trained. */
    private static List<JsonNode> completions(Stack stack, String id) throws Exception {
        List<JsonNode> out = new ArrayList<>();
        for (String line :
                Files.readAllLines(stack.runs.homeOf(id).resolve("completions").resolve("update-000001.jsonl"))) {
            out.add(new ObjectMapper().readTree(line));
        }
        return out;
    }

    @Test
    void aStoppedAndACrashedResetRunEndsWithTheDigestOfAnUninterruptedOne() throws Exception {
        List<String> whole;
        try (Stack stack = new Stack(directory.resolve("whole"), "dial-jumps", false)) {
            stack.runs.create("r", yaml(6), List.of());
            Ledger.RunRow row = finish(stack, "r");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            whole = digests(stack, "r");
            assertThat(stack.ledger.audit("r").sound()).isTrue();
            assertThat(stack.ledger.audit("r").counts())
                    .as("seeds and localizations are consumed, suffixes trained")
                    .containsOnlyKeys(RolloutState.TRAINED, RolloutState.CONSUMED);
            assertThat(stack.ledger.manifests("r"))
                    .as("continued prefixes agree with the learner to the bit")
                    .allSatisfy(m ->
                            assertThat(m.metric("log_prob_difference_max", 0)).isZero());
            assertThat(stack.ledger.tokensByUse("r")).containsKeys("seed", "localization", "train");
            List<JsonNode> updates = updates(stack);
            assertThat(updates).hasSize(6);
            assertThat(stack.prepared)
                    .as("the prompts of every update but the first are encoded while the one before is trained")
                    .filteredOn(prompts -> prompts.size() == 2)
                    .hasSize(5)
                    .allSatisfy(prompts -> assertThat(prompts).allMatch(p -> p.startsWith("<|solve|>")));
            double exact = updates.stream()
                    .mapToDouble(u -> u.path("localization_exact").asDouble(1))
                    .average()
                    .orElseThrow();
            assertThat(exact).as("the base policy restates marks truly").isGreaterThan(.8);
        }
        Path home = directory.resolve("broken");
        try (Stack stack = new Stack(home, "dial-jumps", false)) {
            stack.runs.create("r", yaml(6), List.of());
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> digests(stack, "r").size() >= 1);
            stack.runs.stop("r");
            assertThat(finish(stack, "r").state()).isEqualTo("stopped");
        }
        try (Stack stack = new Stack(home, "dial-jumps", false)) {
            stack.runs.resume("r");
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> digests(stack, "r").size() >= 3);
            // Closing the stack under the run is the crash.
        }
        try (Stack stack = new Stack(home, "dial-jumps", false)) {
            stack.runs.resume("r");
            assertThat(finish(stack, "r").state()).isEqualTo("finished");
            assertThat(digests(stack, "r")).isEqualTo(whole);
            assertThat(stack.ledger.audit("r").sound()).isTrue();
        }
    }

    @Test
    void aFrozenLocalizerKeepsTheFirstPolicyAndIsRefusedWithoutAServer() throws Exception {
        try (Stack stack = new Stack(directory.resolve("frozen"), "dial-jumps", true)) {
            stack.runs.create("f", yaml(3), List.of("localizer.policy=frozen", "optimizer.learning_rate=1e-2"));
            Ledger.RunRow row = finish(stack, "f");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(updates(stack).get(0).path("localizations").asInt()).isPositive();
            assertThat(digests(stack, "f"))
                    .doesNotContain(
                            stack.ledger.preparation("f", "first_policy").orElseThrow());
        }
        try (Stack stack = new Stack(directory.resolve("alone"), "dial-jumps", false)) {
            stack.runs.create("f", yaml(3), List.of("localizer.policy=frozen"));
            Ledger.RunRow row = finish(stack, "f");
            assertThat(row.state()).isEqualTo("failed");
            assertThat(row.reason()).contains("set foothold.sampler.frozen-endpoints");
        }
    }

    @Test
    void anotherPolicyMayLocalizeAndIsNotTakenForTheFirst() throws Exception {
        Path shipped = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial-jumps");
        Path untrained = directory.resolve("untrained");
        PolicyDirectory.write(
                untrained,
                PolicyWeights.random(PolicyDirectory.open(shipped).config(), 1, 0.02),
                Files.readString(shipped.resolve("tokenizer.json")));
        try (Stack stack = new Stack(directory.resolve("other"), "dial-jumps", untrained)) {
            stack.runs.create("frozen", yaml(1), List.of("localizer.policy=frozen"));
            Ledger.RunRow refused = finish(stack, "frozen");
            assertThat(refused.state()).isEqualTo("failed");
            assertThat(refused.reason()).contains("should keep the run's first policy");
            stack.runs.create("other", yaml(3), List.of("localizer.policy=other"));
            Ledger.RunRow row = finish(stack, "other");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(updates(stack).stream()
                            .mapToDouble(u -> u.path("localization_exact").asDouble(1))
                            .average()
                            .orElseThrow())
                    .as("an untrained policy restates nothing truly")
                    .isLessThan(.5);
        }
    }

    @Test
    void aRunThatEndsByTokensTrainsWhatItSampledAndEvaluatesItsLastPolicy() throws Exception {
        try (Stack stack = new Stack(directory, "dial-jumps", false)) {
            stack.runs.create("budget", yaml(100), List.of("max_training_tokens=1500", "evaluation.every_tokens=1000"));
            Ledger.RunRow row = finish(stack, "budget");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(row.updateDone()).isBetween(2L, 20L);
            assertThat(stack.ledger.audit("budget").counts())
                    .containsOnlyKeys(RolloutState.TRAINED, RolloutState.CONSUMED);
            assertThat(stack.ledger.evaluated("budget", row.updateDone(), "late-test"))
                    .isTrue();
            JsonNode last = new ObjectMapper()
                    .readTree(stack.ledger.evaluations("budget").getLast());
            assertThat(last.path("training_tokens").asLong()).isBetween(1500L, 2500L);
        }
    }

    @Test
    void aTreeOfSegmentsTrains() throws Exception {
        try (Stack stack = new Stack(directory, "dial-jumps", false)) {
            stack.runs.create(
                    "tree",
                    yaml(2).replace("srpo-jumps", "spo-tree"),
                    List.of(
                            "tree.segment_tokens=42",
                            "sampling.groups_per_update=2",
                            "sampling.temperature=1",
                            "optimizer.learning_rate=1e-3",
                            "prompts.root=<|solve|>{problem}<|assistant|>"));
            Ledger.RunRow row = finish(stack, "tree");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(stack.ledger.manifests("tree"))
                    .as("two trees of 2 segments and 8 leaves")
                    .allSatisfy(m -> assertThat(m.rollouts()).hasSize(20))
                    .allSatisfy(m ->
                            assertThat(m.metric("log_prob_difference_max", 0)).isZero());
            assertThat(stack.ledger.audit("tree").counts())
                    .containsOnlyKeys(RolloutState.TRAINED, RolloutState.CONSUMED);
        }
    }

    @Test
    void refinementsAreTrainedUnderTheAnswersPromptAlsoAfterACrash() throws Exception {
        List<String> settings = List.of(
                "sampling.groups_per_update=2",
                "sampling.rollouts_per_group=3",
                "optimizer.learning_rate=1e-3",
                "prompts.root=<|solve|>{problem}<|assistant|>",
                "revision.prompt={response}<|solve|>{problem}<|assistant|>",
                "sampling.max_tokens=36",
                "checkpoint.every=100");
        String critique = yaml(4).replace("srpo-jumps", "critique-grpo");
        List<String> whole;
        try (Stack stack = new Stack(directory.resolve("whole"), "dial-jumps", false)) {
            stack.runs.create("c", critique, settings);
            Ledger.RunRow row = finish(stack, "c");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            whole = digests(stack, "c");
            assertThat(whole)
                    .as("the entropy bonus moves the weights in any case")
                    .doesNotHaveDuplicates();
            assertThat(stack.ledger.audit("c").counts()).containsOnlyKeys(RolloutState.TRAINED, RolloutState.CONSUMED);
            List<JsonNode> lines = completions(stack, "c");
            assertThat(lines).hasSize(8);
            assertThat(lines.stream().filter(l -> l.has("refines"))).hasSize(2);
            assertThat(stack.ledger.manifests("c"))
                    .as("a refinement is not compared, the answers are")
                    .allSatisfy(m -> assertThat(m.metric("tokens_compared", 0)).isPositive())
                    .allSatisfy(m ->
                            assertThat(m.metric("log_prob_difference_max", 1)).isZero());
        }
        Path home = directory.resolve("broken");
        try (Stack stack = new Stack(home, "dial-jumps", false)) {
            stack.runs.create("c", critique, settings);
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> digests(stack, "c").size() >= 2);
            // Closing the stack under the run is the crash: no checkpoint holds the updates.
        }
        try (Stack stack = new Stack(home, "dial-jumps", false)) {
            stack.runs.resume("c");
            assertThat(finish(stack, "c").state()).isEqualTo("finished");
            assertThat(digests(stack, "c")).isEqualTo(whole);
        }
    }

    @Test
    void dynamicSamplingFillsPlacesUntilTheyHaveASignal() throws Exception {
        try (Stack stack = new Stack(directory, "dial-jumps", false)) {
            stack.runs.create(
                    "d",
                    yaml(3).replace("srpo-jumps", "grpo-jumps"),
                    List.of("sampling.refills=20", "sampling.groups_per_update=2"));
            Ledger.RunRow row = finish(stack, "d");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            List<JsonNode> updates = updates(stack);
            assertThat(updates)
                    .allSatisfy(u ->
                            assertThat(u.path("groups_without_signal").asInt()).isZero());
            long refills =
                    updates.stream().mapToInt(u -> u.path("refills").asInt()).sum();
            assertThat(refills).isPositive();
            assertThat(stack.ledger.audit("d").sound()).isTrue();
            assertThat(stack.ledger.audit("d").counts())
                    .containsEntry(RolloutState.DROPPED, 8 * refills)
                    .containsEntry(RolloutState.TRAINED, 48L);
        }
    }

    @Test
    void thoughtByThoughtTheTokensAreThoseOfOneStream() throws Exception {
        try (Stack stack = new Stack(directory, "dial-jumps", false)) {
            stack.runs.create("stream", yaml(2), List.of());
            assertThat(finish(stack, "stream").state()).isEqualTo("finished");
        }
        // Another stack: one engine serves one run's policies.
        try (Stack stack = new Stack(directory.resolve("apart"), "dial-jumps", false)) {
            stack.runs.create("apart", yaml(2), List.of("sampling.max_thought_tokens=30", "sampling.max_thoughts=20"));
            Ledger.RunRow row = finish(stack, "apart");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            List<String> apart = digests(stack, "apart");
            try (Stack first = new Stack(directory, "dial-jumps", false)) {
                assertThat(apart).isEqualTo(digests(first, "stream"));
            }
        }
    }

    /** POPE's mixture on the dial, half of its places with resets: the four kinds of groups in one update. */
    @Test
    void rootGuidedAndResetGroupsOfBothTrainTogether() throws Exception {
        Path policy = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");
        try (Stack stack = new Stack(directory)) {
            stack.runs.create(
                    "pope",
                    DialRuns.yaml("pope-dial", 3, policy, "medium8", 16, "medium", 2, 2, 1, 3),
                    List.of(
                            "resets.share=0.5",
                            "resets.localizer=oracle",
                            "resets.base_rollouts=2",
                            "resets.suffixes=3",
                            "resets.draws=4",
                            "prefix_search.rollouts=2",
                            "sampling.groups_per_update=12",
                            "sampling.rollouts_per_group=4"));
            Ledger.RunRow row = finish(stack, "pope");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            JsonNode update = updates(stack).get(0);
            assertThat(update.has("reward_root")).isTrue();
            assertThat(update.has("reward_guided")).isTrue();
            assertThat(update.has("reward_reset")).isTrue();
            assertThat(completions(stack, "pope").stream()
                            .filter(c -> c.path("start").asText().equals("reset"))
                            .map(c -> c.path("prompt").asText().startsWith("<|continue|>"))
                            .distinct())
                    .as("a reset keeps the prompt of its seed, root or guided")
                    .containsExactlyInAnyOrder(true, false);
            assertThat(update.path("log_prob_difference_max").asDouble(1)).isZero();
            assertThat(stack.ledger.audit("pope").sound()).isTrue();
        }
    }

    @Test
    void rootAndResetGroupsMixUnderOneCreditAlgebra() throws Exception {
        try (Stack stack = new Stack(directory, "dial-jumps", false)) {
            stack.runs.create(
                    "mix",
                    yaml(1),
                    List.of(
                            "resets.share=0.5",
                            "resets.base_rollouts=2",
                            "resets.seeds=2",
                            "resets.draws=6",
                            "resets.localizer=random",
                            "sampling.groups_per_update=8",
                            "sampling.rollouts_per_group=4"));
            Ledger.RunRow row = finish(stack, "mix");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            Manifest manifest = stack.ledger.manifests("mix").get(0);
            assertThat(manifest.rollouts()).hasSizeGreaterThan(32);
            JsonNode update = updates(stack).get(0);
            assertThat(update.has("reward_root")).isTrue();
            assertThat(update.has("reward_reset")).isTrue();
            Map<String, Set<String>> starts = new HashMap<>();
            for (JsonNode c : completions(stack, "mix")) {
                starts.computeIfAbsent(c.path("group").asText(), g -> new HashSet<>())
                        .add(c.path("start") + " " + c.path("prompt") + " " + c.path("seed") + " " + c.path("thought"));
            }
            assertThat(starts).hasSizeGreaterThan(8);
            assertThat(starts.values()).as("one start a group").allMatch(s -> s.size() == 1);
        }
    }

    /**
     * Without the mask the tokens before a reset move the weights too where tokens of long and short suffixes weigh differently;
     * otherwise a group's advantages cancel over the prefix that its members share. Noise makes the localizer worse.
     */
    @Test
    void ablationsTrainGivenTokensAndDisturbTheLocalizer() throws Exception {
        List<Double> norms = new ArrayList<>();
        List<Double> exact = new ArrayList<>();
        for (List<String> options : List.of(
                List.<String>of(),
                List.of("loss.train_given=true"),
                List.of("loss.aggregation=sequence_mean"),
                List.of("loss.aggregation=sequence_mean", "loss.train_given=true"),
                List.of("resets.noise=1"))) {
            try (Stack stack = new Stack(directory.resolve("a" + norms.size()), "dial-jumps", false)) {
                stack.runs.create("r", yaml(3), options);
                Ledger.RunRow row = finish(stack, "r");
                assertThat(row.state()).as(row.reason()).isEqualTo("finished");
                assertThat(stack.ledger.manifests("r"))
                        .allSatisfy(m -> assertThat(m.metric("log_prob_difference_max", 0))
                                .isZero());
                norms.add(stack.ledger.manifests("r").stream()
                        .mapToDouble(m -> m.metric("gradient_norm", 0))
                        .filter(norm -> norm > 0)
                        .findFirst()
                        .orElseThrow());
                exact.add(updates(stack).stream()
                        .mapToDouble(u -> u.path("localization_exact").asDouble(1))
                        .average()
                        .orElseThrow());
            }
        }
        assertThat(norms.get(1)).as("constant length").isCloseTo(norms.get(0), withinPercentage(0.01));
        assertThat(Math.abs(norms.get(3) / norms.get(2) - 1))
                .as("sequence mean")
                .isGreaterThan(1e-3);
        assertThat(exact.get(0)).isGreaterThan(.8);
        assertThat(exact.get(4)).isLessThan(.5);
    }
}
