package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.cli.process.RunInputs;
import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.verifier.code.Sandbox;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs whose rollouts have several rewards. */
class SeveralRewardsRunTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir
    Path directory;

    private static final String YAML = """
            method: gdpo
            seed: 4
            updates: 2
            policy: {base: %s}
            problems:
              train: {family: dial, level: medium, count: 4, seed: 3}
              evaluate:
                test: {family: dial, level: easy, count: 2, seed: 3, split: test}
            prompts: {root: "<|solve|>{problem}<|assistant|>"}
            sampling: {groups_per_update: 3, rollouts_per_group: 4, max_tokens: 8}
            evaluation: {every: 1, samples: 2}
            verification:
              rewards:
                - {name: right, weight: 1}
                - {name: short, python: "%s:score", weight: -0.5}
                - {name: ended, rule: ended, weight: 0}
            """;

    @BeforeEach
    void sandboxed() {
        new Sandbox(Sandbox.Tools.standard()).refusal().ifPresent(why -> assumeTrue(false, "NOT RUN: " + why));
    }

    private String yaml(String source) throws Exception {
        Path file = Files.writeString(directory.resolve("rewards.py"), source);
        return YAML.formatted(Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial"), file);
    }

    private static List<JsonNode> lines(Stack stack, String name) throws Exception {
        List<JsonNode> out = new ArrayList<>();
        for (String line :
                Files.readAllLines(stack.runs.homeOf("r").resolve("completions").resolve(name))) {
            out.add(MAPPER.readTree(line));
        }
        return out;
    }

    private static void finished(Stack stack) throws Exception {
        Ledger.RunRow row = stack.runs.end("r").get(60, TimeUnit.SECONDS);
        assertThat(row.state()).as(row.reason()).isEqualTo("finished");
    }

    private static JsonNode event(Stack stack, String kind) throws Exception {
        return MAPPER.readTree(stack.events.stream()
                .filter(e -> e.kind().equals(kind))
                .findFirst()
                .orElseThrow()
                .json());
    }

    @Test
    void eachIsKeptAndLoggedApartAndTheLearnerNormalisesThemApart() throws Exception {
        String yaml = yaml("def score(problem, response):\n    return sum(map(ord, response)) % 5 / 4\n");
        RunInputs inputs = RunInputs.read("run.yaml", yaml, List.of());
        inputs.check();
        try (Stack stack = new Stack(directory.resolve("home"))) {
            stack.runs.create("r", yaml, inputs.overrides());
            finished(stack);
            List<JsonNode> lines = lines(stack, "update-000001.jsonl");
            assertThat(lines).hasSize(12);
            Map<String, List<JsonNode>> groups = new LinkedHashMap<>();
            double sumOfShort = 0;
            for (JsonNode line : lines) {
                JsonNode rewards = line.path("rewards");
                double expected = line.path("response").asText().chars().sum() % 5 / 4.0;
                assertThat(rewards.path("short").asDouble(-1)).isEqualTo(expected);
                assertThat(rewards.path("right").asDouble(-1))
                        .isEqualTo(line.path("verdict").asText().equals("PASS") ? 1 : 0);
                assertThat(rewards.path("ended").asDouble(-1))
                        .isEqualTo(line.path("finish").asText().equals("stop") ? 1 : 0);
                assertThat(line.path("reward").asDouble())
                        .isEqualTo(rewards.path("right").asDouble() - .5 * expected, within(1e-12));
                sumOfShort += expected;
                groups.computeIfAbsent(line.path("group").asText(), g -> new ArrayList<>())
                        .add(line);
            }
            List<double[]> advantages = AdvantageEstimator.named("gdpo", 1)
                    .together(groups.values().stream()
                            .map(SeveralRewardsRunTest::scored)
                            .toList());
            List<List<JsonNode>> members = List.copyOf(groups.values());
            for (int g = 0; g < members.size(); g++) {
                for (int i = 0; i < members.get(g).size(); i++) {
                    assertThat(members.get(g).get(i).path("advantage").asDouble())
                            .isEqualTo(advantages.get(g)[i], within(1e-9));
                }
            }
            assertThat(advantages).as("some group has something to say").anySatisfy(a -> assertThat(a[0])
                    .isNotZero());
            assertThat(event(stack, "update_done").path("reward/short").asDouble(-1))
                    .isEqualTo(sumOfShort / 12, within(1e-12));
            JsonNode evaluation = event(stack, "evaluation_done");
            assertThat(evaluation.path("reward/right").asDouble(-1))
                    .as("with the rule correct it is pass@1")
                    .isEqualTo(evaluation.path("pass@1").asDouble(-2), within(1e-12));
            assertThat(evaluation.path("reward/short").isNumber()).isTrue();
            assertThat(lines(stack, "evaluation-000000-test.jsonl"))
                    .allSatisfy(line -> assertThat(line.path("rewards").size()).isEqualTo(3));
        }
    }

    private static AdvantageEstimator.Scored scored(List<JsonNode> group) {
        return new AdvantageEstimator.Scored(
                new double[group.size()],
                new int[group.size()],
                new AdvantageEstimator.Several(
                        List.of(1.0, -.5, 0.0),
                        group.stream()
                                .map(line -> List.of(
                                        line.path("rewards").path("right").asDouble(),
                                        line.path("rewards").path("short").asDouble(),
                                        line.path("rewards").path("ended").asDouble()))
                                .toList()));
    }

    @Test
    void aRolloutOneOfWhoseRewardsIsNotKnownIsNoZero() throws Exception {
        String yaml = yaml("calls = 0\n\ndef score(problem, response):\n    global calls\n    calls += 1\n"
                + "    if calls % 9 == 5:\n        return None\n    return 1\n");
        RunInputs inputs =
                RunInputs.read("run.yaml", yaml, List.of("alarms.max_verifier_error_share=0.5", "estimator.name=mean"));
        try (Stack stack = new Stack(directory.resolve("home"))) {
            stack.runs.create("r", yaml, inputs.overrides());
            finished(stack);
            assertThat(event(stack, "no_verdict").toString())
                    .contains("ABSTAIN")
                    .contains("reward 'short': rewards.py:score");
            for (int update = 1; update <= 2; update++) {
                assertThat(lines(stack, "update-00000" + update + ".jsonl"))
                        .hasSize(12)
                        .allSatisfy(line -> assertThat(
                                        line.path("rewards").path("short").asDouble())
                                .isEqualTo(1));
            }
            assertThat(stack.ledger.audit("r").sound()).isTrue();
        }
    }
}
