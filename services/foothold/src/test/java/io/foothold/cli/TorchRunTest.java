package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.foothold.cli.demo.DialRuns;
import io.foothold.contracts.error.FootholdException;
import io.foothold.learner.torch.TorchEnvironment;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.orchestrator.update.Manifest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that torch computes. Not run where the worker's Python environment is not installed. */
class TorchRunTest {
    private static final String ROOT = System.getProperty("foothold.root");

    @TempDir
    Path directory;

    @BeforeAll
    static void find() {
        try {
            var unused = TorchEnvironment.find(Path.of(ROOT, "services/learner/torch"));
        } catch (FootholdException e) {
            System.err.println("NOT RUN: TorchRunTest, no run was computed by torch: " + e.getMessage());
            assumeTrue(false, e.getMessage());
        }
    }

    private static String yaml() {
        return DialRuns.yaml(
                        "pope-dial",
                        3,
                        Path.of(ROOT, "services/foothold/policies/dial"),
                        "medium",
                        24,
                        "medium",
                        6,
                        2,
                        6,
                        9)
                + "sampling: {groups_per_update: 4, rollouts_per_group: 4}\n";
    }

    /** What a run file says with so many processes and tokens of a micro-batch. */
    private static List<String> machine(int processes, int tokens) {
        return List.of(
                "checkpoint.every=1",
                "learner.backend=torch",
                "learner.torch.device=cpu",
                "learner.torch.processes=" + processes,
                "optimizer.micro_batch_tokens=" + tokens);
    }

    @Test
    void aRunGoesOnWithOtherProcessesAndOtherMicroBatches() throws Exception {
        List<List<String>> machines = List.of(machine(2, 512), machine(1, 200), machine(2, 300));
        for (int part = 0; part < machines.size(); part++) {
            boolean last = part == machines.size() - 1;
            int until = 2 * (part + 1);
            try (Stack stack = new Stack(directory)) {
                if (part == 0) {
                    stack.runs.create("r", yaml(), machines.get(part));
                } else {
                    stack.runs.move("r", RunFile.resolve("r.yaml", yaml(), machines.get(part)));
                    stack.runs.resume("r");
                }
                if (!last) {
                    await().atMost(Duration.ofMinutes(5))
                            .until(() -> stack.ledger.manifests("r").size() >= until);
                    stack.runs.stop("r");
                }
                Ledger.RunRow row = stack.runs.end("r").get(5, TimeUnit.MINUTES);
                assertThat(row.state()).as(row.reason()).isEqualTo(last ? "finished" : "stopped");
            }
        }
        try (Stack stack = new Stack(directory)) {
            assertThat(stack.ledger.audit("r").sound()).isTrue();
            List<Manifest> manifests = stack.ledger.manifests("r");
            assertThat(manifests).extracting(Manifest::update).containsExactly(1L, 2L, 3L, 4L, 5L, 6L);
            assertThat(manifests).extracting(Manifest::digest).doesNotHaveDuplicates();
            // What goes on is what was published: another process, or part of the weights, would be nats away.
            assertThat(manifests).allSatisfy(m -> assertThat(m.metric("log_prob_difference_max", 1))
                    .isLessThan(1e-4));
            assertThat(stack.ledger.events("r", 0))
                    .filteredOn(e -> e.kind().equals("machine_changed"))
                    .extracting(Ledger.EventRow::json)
                    .satisfiesExactly(
                            json -> assertThat(json)
                                    .contains("learner.torch.processes: was 2, is 1")
                                    .contains("optimizer.micro_batch_tokens: was 512, is 200"),
                            json -> assertThat(json).contains("learner.torch.processes: was 1, is 2"));
        }
    }
}
