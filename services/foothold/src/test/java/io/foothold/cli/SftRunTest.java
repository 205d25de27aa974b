package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.orchestrator.ledger.Ledger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Fine-tuning alone, on solutions in the policy's own style and in one that it reads and has never written. */
class SftRunTest {
    @TempDir
    Path directory;

    private static String yaml(String problems) {
        return """
                method: sft
                seed: 0
                policy: {base: %s}
                problems:
                  train: %s
                  evaluate:
                    hard-test: {family: two-dials, level: hard, count: 32, seed: 1, split: test}
                prompts: {root: "<|solve|>{problem}<|assistant|>", thought_delimiter: ";\\n"}
                sft: {epochs: 5, solutions_per_step: 32, learning_rate: 3e-4}
                evaluation: {samples: 16}
                """.formatted(
                        Path.of(System.getProperty("foothold.root"), "services/foothold/policies/two-dials"), problems);
    }

    private static String generated(String family) {
        return "{family: " + family + ", level: hard, count: 64, seed: 10, split: train}";
    }

    private Ledger.RunRow run(Stack stack, String problems) throws Exception {
        stack.runs.create("r", yaml(problems), List.of());
        return stack.runs.end("r").get(120, TimeUnit.SECONDS);
    }

    private double passAt1(String family) throws Exception {
        Path home = directory.resolve(family);
        try (Stack stack = new Stack(home, "two-dials", false)) {
            Ledger.RunRow row = run(stack, generated(family));
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(stack.ledger.manifests("r")).as("no update").isEmpty();
            assertThat(stack.ledger.audit("r").sound()).isTrue();
            assertThat(home.resolve("runs/r/learner/checkpoints/0/model.safetensors"))
                    .as("a policy to go on with")
                    .exists();
            List<JsonNode> evaluations = new ArrayList<>();
            for (String json : stack.ledger.evaluations("r")) {
                evaluations.add(new ObjectMapper().readTree(json));
            }
            assertThat(evaluations).hasSize(1);
            return evaluations.getFirst().path("pass@1").asDouble();
        }
    }

    /** A laboratory's three bases of this recipe: .21 to .33 in the own style, 0 to .006 in the terse one; .002 before. */
    @Test
    void theOwnStyleIsLearnedAndTheForeignOneCannotBeCarriedOut() throws Exception {
        assertThat(passAt1("two-dials")).isGreaterThan(.1);
        assertThat(passAt1("two-dials-terse")).isLessThan(.03);
    }

    @Test
    void problemsWithoutAnOracleSolutionAreRefusedBeforeAnythingIsSampled() throws Exception {
        Path file = Files.writeString(
                directory.resolve("problems.jsonl"),
                "{\"id\": \"a\", \"problem\": \"Dial at 4 (1)+1 (2)+1\", \"answer\": \"6\", \"kind\": \"exact\"}\n");
        try (Stack stack = new Stack(directory.resolve("refused"), "two-dials", false)) {
            Ledger.RunRow row = run(stack, "{jsonl: '" + file + "'}");
            assertThat(row.state()).isEqualTo("failed");
            assertThat(row.reason())
                    .contains("1 of 1 problems of problems.train have none, the first is 'a'")
                    .contains("expected 'thoughts' or 'solution'");
            assertThat(stack.ledger.countsByPurpose("r")).isEmpty();
        }
    }
}
