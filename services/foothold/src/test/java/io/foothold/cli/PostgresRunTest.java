package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.foothold.cli.demo.DialRuns;
import io.foothold.contracts.postgresql.PostgresServer;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerDatabase;
import io.foothold.orchestrator.update.Manifest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A whole run whose ledger is a PostgreSQL that crashes under it. */
class PostgresRunTest {
    @TempDir
    Path directory;

    private static String yaml() {
        Path policy = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");
        return DialRuns.yaml("grpo-dial", 3, policy, "medium", 24, "medium", 6, 2, 6, 3)
                + "sampling: {groups_per_update: 4, rollouts_per_group: 4}\n";
    }

    private static List<String> digests(Stack stack) {
        return stack.ledger.inRun().manifests("r").stream()
                .map(Manifest::digest)
                .toList();
    }

    private static void awaitEnd(Stack stack) throws Exception {
        Ledger.RunRow end = stack.runs.end("r").get(180, TimeUnit.SECONDS);
        assertThat(end.state()).as(end.reason()).isEqualTo("finished");
        assertThat(stack.ledger.audit("r").sound()).isTrue();
    }

    @Test
    void aRunEndsAsItDoesWithAFileOfItsOwn() throws Exception {
        List<String> whole;
        try (Stack stack = new Stack(directory.resolve("whole"))) {
            stack.runs.create("r", yaml(), List.of());
            awaitEnd(stack);
            whole = digests(stack);
        }
        assertThat(whole).hasSize(6);
        try (PostgresServer server = PostgresServer.start();
                Stack stack = new Stack(
                        directory.resolve("postgres"),
                        new LedgerDatabase.Address(
                                server.database(),
                                Optional.of(PostgresServer.USER),
                                Optional.of(PostgresServer.PASSWORD),
                                16))) {
            stack.runs.create("r", yaml(), List.of());
            for (int updates = 1; updates <= 3; updates += 2) {
                int wanted = updates;
                await().atMost(Duration.ofSeconds(120))
                        .until(() -> digests(stack).size() >= wanted);
                server.crash();
                server.begin();
            }
            awaitEnd(stack);
            assertThat(digests(stack)).isEqualTo(whole);
        }
    }
}
