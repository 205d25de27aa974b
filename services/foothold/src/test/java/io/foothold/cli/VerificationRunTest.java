package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.v1.Verdict;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who judges the rollouts of a run, and by what. */
class VerificationRunTest {
    @TempDir
    Path directory;

    private static final String YAML = """
            method: grpo-dial
            seed: 4
            updates: 1
            policy: {base: %s}
            problems:
              train: %s
              evaluate:
                test: {family: dial, level: easy, count: 2, seed: 3, split: test}
            prompts: {root: "<|solve|>{problem}<|assistant|>"}
            sampling: {groups_per_update: 2, rollouts_per_group: 4, max_tokens: 8}
            evaluation: {every: 100, samples: 2}
            """;

    private static String yaml(String train) {
        return YAML.formatted(Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial"), train);
    }

    private static Ledger.RunRow end(Stack stack, String yaml, String... settings) throws Exception {
        stack.runs.create("r", yaml, List.of(settings));
        return stack.runs.end("r").get(60, TimeUnit.SECONDS);
    }

    @Test
    void aGoldAnswerThatCannotBeJudgedByEndsTheRunBeforeAnythingIsSampled() throws Exception {
        Path file = Files.writeString(
                directory.resolve("problems.jsonl"),
                "{\"id\":\"good\",\"problem\":\"1+1\",\"answer\":\"2\"}\n"
                        + "{\"id\":\"bad\",\"problem\":\"1/2\",\"answer\":\"\\\\frac{1}{\"}\n"
                        + "{\"id\":\"worse\",\"problem\":\"p\",\"kind\":\"code\",\"answer\":\"{}\"}\n");
        try (Stack stack = new Stack(directory.resolve("home"), "dial", false)) {
            Ledger.RunRow row = end(stack, yaml("{jsonl: " + file + "}"));
            assertThat(row.state()).isEqualTo("failed");
            assertThat(row.reason())
                    .contains("problems.train: 2 of 3 problems")
                    .contains("problem 'bad': the gold answer '\\frac{1}{' does not read as mathematics")
                    .contains("problem 'worse': tests of a programming problem: expected 1 to 1000 tests, found 0");
            assertThat(stack.ledger.tokensByUse("r")).isEmpty();
        }
    }

    @Test
    void anUnknownGradingOptionEndsTheRun() throws Exception {
        try (Stack stack = new Stack(directory.resolve("home"), "dial", false)) {
            Ledger.RunRow row = end(
                    stack,
                    yaml("{family: dial, level: easy, count: 2, seed: 3}"),
                    "verification.options=boxed-require");
            assertThat(row.state()).isEqualTo("failed");
            assertThat(row.reason())
                    .contains("unknown grading option 'boxed-require' (did you mean 'boxed-required'?)");
        }
    }

    @Test
    void aVerifierOfOnesOwnJudgesTheKindThatTheRunFileGivesIt() throws Exception {
        Set<String> judged = ConcurrentHashMap.newKeySet();
        Verdict mine = ScriptedVerifier.PASS.toBuilder().setRule("mine").build();
        try (ScriptedVerifier verifier = new ScriptedVerifier(work -> {
                    judged.add(work.getOptions());
                    return Optional.of(mine);
                });
                Stack stack = new Stack(directory.resolve("home"), "dial", false)) {
            Ledger.RunRow row = end(
                    stack,
                    yaml("{family: dial, level: easy, count: 4, seed: 3}"),
                    "verification.servers.exact=" + verifier.address(),
                    "verification.options=places=2");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(Files.readAllLines(
                            stack.runs.homeOf("r").resolve("completions").resolve("update-000001.jsonl")))
                    .hasSize(8)
                    .allSatisfy(line -> assertThat(line).contains("\"rule\":\"mine\""));
            assertThat(judged).containsExactly("places=2");
        }
    }
}
