package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.cli.demo.DialRuns;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.outbox.MlflowSettings;
import io.foothold.orchestrator.outbox.MlflowTopic;
import io.foothold.orchestrator.outbox.Outbox;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run in a real MLflow that goes away and comes back, as MLflow's own client reads it. */
class MlflowRunTest {
    @TempDir
    Path directory;

    private static String yaml() {
        Path policy = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");
        return DialRuns.yaml("grpo-dial", 0, policy, "medium", 24, "medium", 4, 2, 3, 2)
                + "sampling: {groups_per_update: 4, rollouts_per_group: 4}\n";
    }

    private static MlflowTopic topic(Stack stack, MlflowProcess server) {
        MlflowSettings settings = MlflowSettings.of(server.address() + "/", "dials and more", Optional.empty());
        return new MlflowTopic(settings, stack.ledger, stack.runs::homeOf);
    }

    private static Outbox outbox(Stack stack, MlflowTopic topic, SimpleMeterRegistry metrics) {
        return new Outbox(
                stack.ledger.cursors(), topic, false, Outbox.Pace.standard(), InstantSource.system(), metrics);
    }

    private static double waiting(SimpleMeterRegistry metrics) {
        return metrics.get("foothold.events.waiting").gauge().value();
    }

    private static void through(Stack stack, MlflowTopic topic) {
        await().atMost(Duration.ofSeconds(60))
                .until(() -> stack.ledger.cursors().waiting(topic.name()).isEmpty());
    }

    private static List<Long> steps(JsonNode run, String metric) {
        List<Long> out = new ArrayList<>();
        run.path("metrics").path(metric).forEach(point -> out.add(point.path(0).asLong()));
        return out;
    }

    /** MLflow dies while a run trains, which goes on; another orchestrator resumes the run and brings what waited into the same one. */
    @Test
    void aResumedRunIsOneRunThereWhateverStopsInBetween() throws Exception {
        Optional<MlflowProcess> installed = MlflowProcess.of(directory.resolve("mlflow"));
        Assumptions.assumeTrue(
                installed.isPresent(),
                "NOT RUN: k8s/triton/python-env.sh mlflow load-tests/mlflow/requirements.txt --install was not done");
        Path home = directory.resolve("home");
        try (MlflowProcess server = installed.orElseThrow()) {
            server.begin();
            SimpleMeterRegistry metrics = new SimpleMeterRegistry();
            try (Stack stack = new Stack(home);
                    MlflowTopic topic = topic(stack, server);
                    Outbox outbox = outbox(stack, topic, metrics)) {
                AtomicInteger updates = new AtomicInteger();
                stack.onEvent = event -> {
                    outbox.tell();
                    if (event.kind().equals("update_done") && updates.incrementAndGet() == 2) {
                        through(stack, topic);
                        end(server);
                        stack.runs.stop("r");
                    }
                };
                stack.runs.create("r", yaml(), List.of());
                Ledger.RunRow end = stack.runs.end("r").get(120, TimeUnit.SECONDS);
                assertThat(end.state()).as(end.reason()).isEqualTo("stopped");
                await().atMost(Duration.ofSeconds(20)).until(() -> waiting(metrics) > 0);
            }
            server.begin();
            SimpleMeterRegistry again = new SimpleMeterRegistry();
            try (Stack stack = new Stack(home);
                    MlflowTopic topic = topic(stack, server);
                    Outbox outbox = outbox(stack, topic, again)) {
                stack.onEvent = event -> outbox.tell();
                stack.runs.resume("r", false);
                Ledger.RunRow end = stack.runs.end("r").get(120, TimeUnit.SECONDS);
                assertThat(end.state()).as(end.reason()).isEqualTo("finished");
                outbox.tell();
                through(stack, topic);
            }
            JsonNode runs = server.read("dials and more");
            assertThat(runs).as(runs.toPrettyString()).hasSize(1);
            JsonNode run = runs.get(0);
            assertThat(run.path("name").asText()).isEqualTo("r");
            assertThat(run.path("status").asText()).isEqualTo("FINISHED");
            assertThat(run.path("params").path("sampling.groups_per_update").asText())
                    .isEqualTo("4");
            assertThat(run.path("params").path("updates").asText()).isEqualTo("3");
            assertThat(steps(run, "reward_mean")).containsExactly(1L, 2L, 3L);
            assertThat(steps(run, "evaluation/medium-test/pass_at_1"))
                    .startsWith(0L)
                    .endsWith(3L);
            assertThat(run.path("artifacts").toString())
                    .contains("run.yaml")
                    .contains("completions/evaluation-000003-medium-test.jsonl");
        }
    }

    private static void end(MlflowProcess server) {
        try {
            server.end();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
