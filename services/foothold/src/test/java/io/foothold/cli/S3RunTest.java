package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.foothold.cli.demo.DialRuns;
import io.foothold.cli.machine.Workspace;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.update.Manifest;
import io.foothold.store.ArtefactStore;
import io.foothold.store.S3ArtefactStore;
import io.foothold.store.S3Server;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A whole run whose policies and checkpoints lie in an object store that crashes under it. */
class S3RunTest {
    private static final int UPDATES = 8;

    @TempDir
    Path directory;

    private static String yaml() {
        return DialRuns.yaml("grpo-dial", 3, Workspace.dialPolicy(), "medium", 24, "medium", 6, 2, UPDATES, 4)
                + "sampling: {groups_per_update: 4, rollouts_per_group: 4}\n";
    }

    private static List<String> digests(Stack stack) {
        return stack.ledger.manifests("r").stream().map(Manifest::digest).toList();
    }

    private static List<String> finished(Stack stack) throws Exception {
        Ledger.RunRow end = stack.runs.end("r").get(180, TimeUnit.SECONDS);
        assertThat(end.state()).as(end.reason()).isEqualTo("finished");
        assertThat(stack.ledger.audit("r").sound()).isTrue();
        return digests(stack);
    }

    private static void awaitUpdates(Stack stack, int updates) {
        await().pollInterval(Duration.ofMillis(20))
                .atMost(Duration.ofSeconds(120))
                .until(() -> digests(stack).size() >= updates);
    }

    private static void deleteTree(Path path) throws IOException {
        try (Stream<Path> all = Files.walk(path)) {
            for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(p);
            }
        }
    }

    @Test
    void aRunThatLosesItsStoreAndItsLearnersDirectoryEndsAsTheUndisturbedOne() throws Exception {
        List<String> settings = List.of("checkpoint.every=1");
        List<String> whole;
        try (Stack stack = new Stack(directory.resolve("whole"))) {
            stack.runs.create("r", yaml(), settings);
            whole = finished(stack);
        }
        Path home = directory.resolve("home");
        try (S3Server server = new S3Server(directory.resolve("s3"));
                Stack stack = new Stack(home, server.config("s3://artefacts/runs", directory.resolve("cache")))) {
            stack.runs.create("r", yaml(), settings);
            awaitUpdates(stack, 2);
            server.end();
            await().atMost(Duration.ofSeconds(60)).until(() -> stack.events.stream()
                    .anyMatch(e -> e.kind().equals("service_lost") && e.json().contains("object store")));
            server.begin();
            awaitUpdates(stack, 5);
            Path learner = home.resolve("runs/r/learner");
            stack.learner.die();
            deleteTree(learner);
            stack.learner.begin();
            assertThat(finished(stack)).hasSize(UPDATES).isEqualTo(whole);
            assertThat(stack.ledger.manifests("r"))
                    .allSatisfy(m -> assertThat(m.artefact().uri())
                            .isEqualTo("s3://artefacts/runs/r/artefacts/" + m.digest() + ".safetensors"));
            assertThat(learner.resolve("manifests/1.json"))
                    .as("it went on from a checkpoint of the store, and not from the base policy")
                    .doesNotExist();
            try (ArtefactStore store =
                    S3ArtefactStore.of(server.config("s3://artefacts/runs", directory.resolve("other")))) {
                assertThat(store.list("r/checkpoints"))
                        .extracting(ArtefactStore.Stored::name)
                        .contains("r/checkpoints/" + UPDATES + "/state.json", "r/checkpoints/best/state.json")
                        .doesNotContain("r/checkpoints/1/state.json");
            }
        }
    }
}
