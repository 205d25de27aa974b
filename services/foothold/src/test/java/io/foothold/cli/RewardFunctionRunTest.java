package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.foothold.cli.process.RunInputs;
import io.foothold.contracts.digest.TextDigest;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.event.Happening;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.run.RunManager;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.verifier.code.Sandbox;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that a function of their user judges. */
class RewardFunctionRunTest {
    @TempDir
    Path directory;

    private static final String YAML = """
            method: grpo-dial
            seed: 4
            updates: 2
            policy: {base: %s}
            problems:
              train: {family: dial, level: easy, count: 4, seed: 3}
              evaluate:
                test: {family: dial, level: easy, count: 2, seed: 3, split: test}
            prompts: {root: "<|solve|>{problem}<|assistant|>"}
            sampling: {groups_per_update: 2, rollouts_per_group: 4, max_tokens: 8}
            evaluation: {every: 100, samples: 2}
            reward: score
            verification: {python: "%s:score"}
            """;

    @BeforeEach
    void sandboxed() {
        new Sandbox(Sandbox.Tools.standard()).refusal().ifPresent(why -> assumeTrue(false, "NOT RUN: " + why));
    }

    private String yaml(String source) throws IOException {
        Path file = Files.writeString(directory.resolve("rewards.py"), source);
        return YAML.formatted(Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial"), file);
    }

    @Test
    void itsScoresAreTheRewardsAndItsDigestIsRecorded() throws Exception {
        String source = "def score(problem, response):\n"
                + "    assert problem['statement'] and problem['id'] and problem['kind'] == 'exact', problem\n"
                + "    return 0.5 if response.endswith(problem['answer']) else 0.25\n";
        String yaml = yaml(source);
        RunInputs inputs = RunInputs.read("run.yaml", yaml, List.of());
        inputs.check();
        try (Stack stack = new Stack(directory.resolve("home"))) {
            stack.runs.create("r", yaml, inputs.overrides());
            Ledger.RunRow row = stack.runs.end("r").get(60, TimeUnit.SECONDS);
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(Files.readAllLines(
                            stack.runs.homeOf("r").resolve("completions").resolve("update-000001.jsonl")))
                    .hasSize(8)
                    .allSatisfy(line -> assertThat(line)
                            .contains("\"rule\":\"rewards.py:score\"")
                            .containsPattern("\"score\":0\\.(25|5)\\b"));
            assertThat(stack.events)
                    .anySatisfy(e ->
                            assertThat(e.json()).contains("rewards.py:score").contains(TextDigest.sha256(source)));
        }
    }

    /** The example, judged by its own function from the working directory of whoever starts it. */
    @Test
    void theExampleLoadsAndIsWhatItsPageShows() throws Exception {
        assertThat(Documents.fenced(Files.readString(Documents.ROOT.resolve("docs/rewards.md")), "python"))
                .containsExactly(
                        Files.readString(Documents.ROOT.resolve("services/foothold/examples/rewards/rewards.py")),
                        Files.readString(Documents.ROOT.resolve(
                                "services/foothold/examples/reward-model/repository/length/1/model.py")));
        assertThat(Files.readString(Documents.ROOT.resolve("docs/rewards.md")))
                .contains(Files.readString(Documents.ROOT.resolve(
                        "services/foothold/examples/reward-model/repository/length/config.pbtxt")));
        Path example = Documents.ROOT.resolve("services/foothold/examples/rewards");
        RunInputs inputs = RunInputs.read(
                "run.yaml",
                Files.readString(example.resolve("run.yaml")),
                List.of("verification.python=" + example.resolve("rewards.py") + ":score"));
        inputs.check();
        assertThat(inputs.plan().settings().verification().function().pythonSource())
                .isEqualTo(Files.readString(example.resolve("rewards.py")));
    }

    @Test
    void anotherFileUnderTheSameNameIsAConflict() throws Exception {
        String yaml = yaml("def score(problem, response):\n    return 1\n");
        RunInputs first = RunInputs.read("run.yaml", yaml, List.of());
        try (Stack stack = new Stack(directory.resolve("home"))) {
            stack.runs.create("r", yaml, first.overrides());
            Ledger.RunRow row = stack.runs.end("r").get(60, TimeUnit.SECONDS);
            RunFile changed = RunInputs.read(
                            "run.yaml", yaml("def score(problem, response):\n    return 0\n"), List.of())
                    .plan();
            assertThatThrownBy(() -> RunManager.checkSame(row, changed))
                    .isInstanceOfSatisfying(
                            FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT))
                    .hasMessageContaining("verification.python_source: the file of ")
                    .hasMessageContaining("rewards.py:score was sha256 ")
                    .hasMessageNotContaining("return 0");
        }
    }

    @Test
    void anExceptionIsToldWithItsTracebackAndItsRolloutsAreNoZeros() throws Exception {
        String yaml = yaml("calls = 0\n\ndef score(problem, response):\n    global calls\n    calls += 1\n"
                + "    if calls % 9 == 5:\n        return problem['gold']\n    return 1\n");
        RunInputs inputs = RunInputs.read("run.yaml", yaml, List.of("alarms.max_verifier_error_share=0.5"));
        try (Stack stack = new Stack(directory.resolve("home"))) {
            stack.runs.create("r", yaml, inputs.overrides());
            Ledger.RunRow row = stack.runs.end("r").get(60, TimeUnit.SECONDS);
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(stack.events)
                    .filteredOn(e -> e.kind().equals(new Happening.NoVerdict("", "", "", "").kind()))
                    .isNotEmpty()
                    .allSatisfy(e -> assertThat(e.json())
                            .contains("VERIFIER_ERROR")
                            .contains("line 7, in score")
                            .contains("KeyError: 'gold'"));
            for (Path file : List.of(Path.of("update-000001.jsonl"), Path.of("update-000002.jsonl"))) {
                assertThat(Files.readAllLines(
                                stack.runs.homeOf("r").resolve("completions").resolve(file)))
                        .allSatisfy(line -> assertThat(line).contains("\"score\":1.0"));
            }
            assertThat(stack.ledger.audit("r").sound()).isTrue();
        }
    }

    @Test
    void whatDoesNotLoadIsRefusedWithTheLineOfTheRunFileAndOfTheFunction() throws Exception {
        RunInputs inputs = RunInputs.read("run.yaml", yaml("import os\n\nx = undefined\n"), List.of());
        assertThatThrownBy(inputs::check)
                .hasMessageContaining("run.yaml:13: 'verification.python': rewards.py:score does not load")
                .hasMessageContaining("File \"rewards.py\", line 3, in <module>")
                .hasMessageContaining("NameError: name 'undefined' is not defined");
    }

    @Test
    void aRunWhoseFunctionDoesNotLoadWhereItIsJudgedEndsBeforeAnythingIsSampled() throws Exception {
        String yaml = yaml("raise ValueError('not here')\n");
        RunInputs inputs = RunInputs.read("run.yaml", yaml, List.of());
        try (Stack stack = new Stack(directory.resolve("home"))) {
            stack.runs.create("r", yaml, inputs.overrides());
            Ledger.RunRow row = stack.runs.end("r").get(60, TimeUnit.SECONDS);
            assertThat(row.state()).isEqualTo("failed");
            assertThat(row.reason()).contains("verification.python: rewards.py:score does not load", "not here");
            assertThat(stack.ledger.countsByPurpose("r")).isEmpty();
        }
    }

    @Test
    void whatIsNotThereOrNotGivenIsNamed() throws Exception {
        String yaml = yaml("def score(problem, response): return 1\n");
        assertThatThrownBy(() ->
                        RunInputs.read("run.yaml", yaml, List.of("verification.python=/nowhere/rewards.py:score")))
                .hasMessageContaining(
                        "--set verification.python=/nowhere/rewards.py:score: 'verification.python': the file ")
                .hasMessageContaining("does not exist");
        assertThatThrownBy(() -> RunInputs.read("run.yaml", yaml, List.of("verification.python=rewards.py")))
                .hasMessageContaining("must be FILE.py:FUNCTION, such as rewards.py:score, got 'rewards.py'");
        try (Stack stack = new Stack(directory.resolve("home"))) {
            assertThatThrownBy(() -> stack.runs.create("r", yaml, List.of()))
                    .hasMessageContaining("whose text must come in 'verification.python_source'");
            assertThat(stack.runs.rows()).isEmpty();
        }
    }
}
