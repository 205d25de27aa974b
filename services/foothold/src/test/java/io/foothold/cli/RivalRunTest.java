package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.update.Manifest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every rival of POPE, by its preset, from the first rollout to the last evaluation on two dials: two small updates. */
class RivalRunTest {
    private static final int UPDATES = 2;
    private static final List<String> SMALL = List.of(
            "sampling.groups_per_update=4",
            "sampling.rollouts_per_group=4",
            "sampling.temperature=1",
            "optimizer.learning_rate=1e-4",
            "evaluation.oracle_problems=0");

    @TempDir
    Path directory;

    /**
     * A rival.
     *
     * @param level of the training problems
     * @param steps optimizer steps of an update
     */
    record Rival(String preset, String level, int steps, List<String> settings) {
        @Override
        public String toString() {
            return preset + ", " + level;
        }
    }

    static Stream<Rival> rivals() {
        return Stream.of(
                new Rival("grpo", "turns", 1, List.of()),
                new Rival("grpo-entropy", "turns", 1, List.of()),
                new Rival("clip-higher", "turns", 4, List.of("optimizer.groups_per_step=2")),
                new Rival("kl-cov", "turns", 2, List.of("optimizer.groups_per_step=2")),
                new Rival("pkpo", "turns", 1, List.of("estimator.k=2")),
                new Rival("pkpo-plain", "turns", 1, List.of("estimator.k=2")),
                new Rival("sft-grpo", "turns", 1, List.of("sft.epochs=1")),
                new Rival("rs-sft-grpo", "turns", 1, List.of("sft.epochs=1", "sft.samples=2")),
                new Rival("oracle-grpo", "hard", 1, List.of()),
                new Rival("pope", "turns+hard", 1, List.of("prefix_search.rollouts=2")),
                new Rival("pope-no-restate", "turns", 1, List.of("prefix_search.rollouts=2")));
    }

    private static String yaml(Rival rival) {
        return """
                method: %s
                seed: 0
                updates: %d
                policy: {base: %s}
                problems:
                  train: {family: two-dials-terse, level: %s, count: 8, seed: 10, split: train}
                  evaluate:
                    hard-test: {family: two-dials, level: hard, count: 2, seed: 1, split: test}
                prompts:
                  root: "<|solve|>{problem}<|assistant|>"
                  guided: "<|continue|>{problem};\\n{prefix}<|assistant|>"
                  thought_delimiter: ";\\n"
                evaluation: {every: 100, samples: 2}
                """.formatted(
                        rival.preset(),
                        UPDATES,
                        Path.of(System.getProperty("foothold.root"), "services/foothold/policies/two-dials"),
                        rival.level());
    }

    private static Ledger.RunRow run(Stack stack, Rival rival, String... more) throws Exception {
        List<String> settings = new ArrayList<>(SMALL);
        settings.addAll(rival.settings());
        settings.addAll(List.of(more));
        stack.runs.create("r", yaml(rival), settings);
        return stack.runs.end("r").get(120, TimeUnit.SECONDS);
    }

    @ParameterizedTest
    @MethodSource("rivals")
    void runsFromItsPresetToTheEnd(Rival rival) throws Exception {
        try (Stack stack = new Stack(directory, "two-dials", false)) {
            Ledger.RunRow row = run(stack, rival);
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(stack.ledger.audit("r").sound()).isTrue();
            List<Manifest> manifests = stack.ledger.manifests("r");
            assertThat(manifests).hasSize(UPDATES);
            assertThat(manifests.getFirst().metric("log_prob_difference_max", 1))
                    .isZero();
            assertThat(manifests)
                    .anySatisfy(m -> assertThat(m.steps().optimizerSteps()).isEqualTo(rival.steps()));
            List<JsonNode> evaluations = new ArrayList<>();
            for (String json : stack.ledger.evaluations("r")) {
                evaluations.add(new ObjectMapper().readTree(json));
            }
            assertThat(evaluations.getLast().path("update").asInt()).isEqualTo(UPDATES);
        }
    }

    /** What it imitated is counted, is right, and is found again: nothing is sampled twice. */
    @Test
    void guidedTracesAreSampledFromTheBaseAndCounted() throws Exception {
        Rival rival = new Rival(
                "rs-sft-grpo", "turns", 1, List.of("sft.epochs=1", "sft.samples=3", "prefix_search.rollouts=2"));
        try (Stack stack = new Stack(directory, "two-dials", false)) {
            assertThat(run(stack, rival).state()).isEqualTo("finished");
            Map<String, Long> counts = stack.ledger.countsByPurpose("r");
            assertThat(counts).containsEntry("imitation", 24L).containsKey("search");
            assertThat(directory.resolve("runs/r/learner/warm-start/model.safetensors"))
                    .exists();
            JsonNode told = stack.events.stream()
                    .filter(e -> e.kind().equals("prepared") && e.json().contains("guided_traces"))
                    .map(e -> json(e.json()))
                    .findFirst()
                    .orElseThrow();
            assertThat(told.path("rollouts").asInt()).isEqualTo(24);
            JsonNode kept = json(stack.ledger.preparation("r", "guided_traces").orElseThrow());
            assertThat(kept).hasSize(told.path("accepted").asInt()).isNotEmpty();
            kept.forEach(one -> assertThat(one.path("solution_token_ids")).isNotEmpty());
        }
    }

    @Test
    void aRunWhoseAnswersAllFailHasNothingToImitateAndSaysSo() throws Exception {
        Rival rival = new Rival(
                "rs-sft-grpo", "turns", 1, List.of("sft.epochs=1", "sft.samples=1", "prefix_search.rollouts=1"));
        try (Stack stack = new Stack(directory, "two-dials", false)) {
            Ledger.RunRow row = run(stack, rival, "sampling.max_tokens=1");
            assertThat(row.state()).isEqualTo("failed");
            assertThat(row.reason()).contains("none of 8 answers behind prefixes of 8 solutions passed");
            assertThat(stack.ledger.audit("r").sound()).isTrue();
        }
    }

    /** Of four hard problems none is solved by itself, and each group has its oracle's solution, which ends as the model ends. */
    @Test
    void anOraclesSolutionIsTrainedWithARatioToCertainty() throws Exception {
        Rival rival = new Rival("oracle-grpo", "hard", 1, List.of());
        try (Stack stack = new Stack(directory, "two-dials", false)) {
            assertThat(run(stack, rival).state()).isEqualTo("finished");
            Manifest first = stack.ledger.manifests("r").getFirst();
            assertThat(first.metric("rollouts_with_credit", 0)).isEqualTo(16);
            assertThat(first.metric("reward_mean", 0)).isEqualTo(.25);
            assertThat(first.metric("staleness_max", -1)).isZero();
            assertThat(first.metric("importance_ess_sequence", 1))
                    .as("the weight of a solution that the policy would hardly write is next to nothing")
                    .isLessThan(.9);
            assertThat(first.rollouts())
                    .filteredOn(t -> t.rolloutId().contains("/oracle0"))
                    .hasSize(4)
                    .allSatisfy(t -> assertThat(t.advantage()).isEqualTo(.75));
            JsonNode update = stack.events.stream()
                    .filter(e -> e.kind().equals("update_done"))
                    .map(e -> json(e.json()))
                    .findFirst()
                    .orElseThrow();
            assertThat(update.path("rollouts_root").asInt())
                    .as("of what was sampled")
                    .isEqualTo(12);
            assertThat(update.path("passes_root").asInt()).isZero();
        }
    }

    private static JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text);
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new AssertionError(text, e);
        }
    }
}
