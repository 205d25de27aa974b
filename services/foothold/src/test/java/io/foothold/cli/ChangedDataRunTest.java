package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.orchestrator.ledger.Ledger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run goes on with the problems that it was started with, or somebody said that it may use others. */
class ChangedDataRunTest {
    @TempDir
    Path directory;

    private String yaml(Path train, Path evaluation) {
        return """
                method: grpo-dial
                seed: 4
                updates: 1
                policy: {base: %s}
                problems:
                  train: {jsonl: %s}
                  evaluate:
                    test: {jsonl: %s}
                prompts: {root: "<|solve|>{problem}<|assistant|>"}
                mining: {samples: 1, max_passes: 1}
                sampling: {groups_per_update: 2, rollouts_per_group: 4, max_tokens: 8}
                evaluation: {every: 100, samples: 2}
                """.formatted(
                Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial"), train, evaluation);
    }

    private static String row(String id, int number) {
        return "{\"id\":\"" + id + "\",\"problem\":\"" + number + "+1\",\"answer\":\"" + (number + 1) + "\"}";
    }

    private Path file(String name, List<String> rows) throws Exception {
        return Files.write(directory.resolve(name), rows);
    }

    private static List<Ledger.EventRow> accepted(Stack stack) {
        return stack.ledger.events("r", 0).stream()
                .filter(e -> e.kind().equals("changed_data_accepted"))
                .toList();
    }

    @Test
    void changedProblemsAreRefusedUntilTheyAreAccepted() throws Exception {
        List<String> rows = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            rows.add(row("p" + i, i));
        }
        Path train = file("train.jsonl", rows);
        Path test = file("test.jsonl", rows);
        try (Stack stack = new Stack(directory.resolve("home"), "dial", false)) {
            stack.runs.prepare("r", yaml(train, test), List.of());
            assertThat(stack.runs.end("r").get(60, TimeUnit.SECONDS).reason()).isEqualTo("prepared only");
            List<String> changed = new ArrayList<>(rows.subList(0, 3));
            Collections.reverse(changed);
            changed.set(0, row("p2", 7));
            file("train.jsonl", changed);
            assertThatThrownBy(() -> stack.runs.resume("r", false))
                    .hasMessageContaining(
                            "problems.train: 1 problems changed, 0 added, 1 removed; first difference at problem 1")
                    .hasMessageContaining("--accept-changed-data");
            assertThat(stack.runs.row("r").state())
                    .as("nothing was changed by the refusal")
                    .isEqualTo("stopped");

            stack.runs.resume("r");
            Ledger.RunRow failed = stack.runs.end("r").get(60, TimeUnit.SECONDS);
            assertThat(failed.state())
                    .as("not in silence where nobody was asked either")
                    .isEqualTo("failed");
            assertThat(failed.reason()).contains("problems.train: 1 problems changed");
            assertThat(accepted(stack)).isEmpty();

            stack.runs.resume("r", true);
            Ledger.RunRow end = stack.runs.end("r").get(120, TimeUnit.SECONDS);
            assertThat(end.state()).as(end.reason()).isEqualTo("finished");
            assertThat(accepted(stack)).singleElement().satisfies(event -> assertThat(event.json())
                    .contains("\"prepared_again\":true")
                    .contains("problems.train: 1 problems changed"));
            assertThat(stack.runs.solveRates("r").keySet())
                    .as("mined again: nothing of the problem that is gone")
                    .containsExactly("p0", "p1", "p2");
        }
    }

    /** An id in the evaluation set is longest where it is made part of a rollout's. */
    @Test
    void problemsWithLongIdsAreTrainedAndEvaluated() throws Exception {
        String id = "x".repeat(499);
        Path train = file("train.jsonl", List.of(row(id + "1", 1), row(id + "2", 2)));
        Path test = file("test.jsonl", List.of(row(id + "3", 3)));
        String run = "r".repeat(100);
        try (Stack stack = new Stack(directory.resolve("home"), "dial", false)) {
            stack.runs.create(run, yaml(train, test).replace("    test:", "    " + "t".repeat(100) + ":"), List.of());
            Ledger.RunRow end = stack.runs.end(run).get(120, TimeUnit.SECONDS);
            assertThat(end.state()).as(end.reason()).isEqualTo("finished");
            assertThat(stack.ledger.audit(run).sound()).isTrue();
            file("test.jsonl", List.of(row("fine", 1), row(id + "34", 3)));
            stack.runs.create("r", yaml(train, test), List.of());
            Ledger.RunRow refused = stack.runs.end("r").get(60, TimeUnit.SECONDS);
            assertThat(refused.state()).isEqualTo("failed");
            assertThat(refused.reason()).contains("problems.evaluate.test, problem 2: an id may have 500 characters");
        }
    }

    @Test
    void aRefusedRunFileLeavesNoTrace() throws Exception {
        Path rows = file("rows.jsonl", List.of(row("p", 1)));
        try (Stack stack = new Stack(directory.resolve("home"), "dial", false)) {
            for (String wrong : List.of("staleness=-5", "updates=1000000000000000000", "mining.samples=10000000000")) {
                assertThatThrownBy(() -> stack.runs.create("r", yaml(rows, rows), List.of(wrong)))
                        .hasMessageContaining("must be a whole number");
            }
            assertThat(stack.runs.rows()).isEmpty();
            assertThat(stack.runs.homeOf("r")).doesNotExist();
        }
    }
}
