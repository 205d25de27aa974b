package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.foothold.cli.demo.DialRuns;
import io.foothold.contracts.postgresql.PostgresServer;
import io.foothold.orchestrator.ledger.Lease;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerDatabase;
import io.foothold.orchestrator.run.RunManager;
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
        return stack.ledger.inRun(new Lease("r", "who looks", 0)).manifests("r").stream()
                .map(Manifest::digest)
                .toList();
    }

    private static void awaitEnd(Stack stack) throws Exception {
        Ledger.RunRow end = stack.runs.end("r").get(180, TimeUnit.SECONDS);
        assertThat(end.state()).as(end.reason()).isEqualTo("finished");
        assertThat(stack.ledger.audit("r").sound()).isTrue();
    }

    private static Stack stack(PostgresServer server, Path home) throws Exception {
        return new Stack(
                home,
                new LedgerDatabase.Address(
                        server.database(), Optional.of(PostgresServer.USER), Optional.of(PostgresServer.PASSWORD), 16));
    }

    private List<String> undisturbed() throws Exception {
        try (Stack stack = new Stack(directory.resolve("whole"))) {
            stack.runs.create("r", yaml(), List.of());
            awaitEnd(stack);
            assertThat(digests(stack)).hasSize(6);
            return digests(stack);
        }
    }

    private static void awaitUpdates(Stack stack, int updates) {
        await().atMost(Duration.ofSeconds(120)).until(() -> digests(stack).size() >= updates);
    }

    @Test
    void aRunEndsAsItDoesWithAFileOfItsOwn() throws Exception {
        List<String> whole = undisturbed();
        try (PostgresServer server = PostgresServer.start();
                Stack stack = stack(server, directory.resolve("postgres"))) {
            stack.runs.create("r", yaml(), List.of());
            for (int updates = 1; updates <= 3; updates += 2) {
                awaitUpdates(stack, updates);
                server.crash();
                server.begin();
            }
            awaitEnd(stack);
            assertThat(digests(stack)).isEqualTo(whole);
        }
    }

    /** The first orchestrator stands still for longer than its lease, the second goes on with the run, and then the first wakes up. */
    @Test
    void aRunIsTakenOverFromAnOrchestratorThatStandsStill() throws Exception {
        List<String> whole = undisturbed();
        try (Stack stack = stack(PostgresServer.shared(), directory.resolve("two"));
                RunManager second = stack.another("second")) {
            stack.runs.create("r", yaml(), List.of());
            second.watch();
            awaitUpdates(stack, 2);
            assertThatThrownBy(() -> second.resume("r")).hasMessageContaining("run r is under way in first");
            stack.gate.writeLock().lock();
            try {
                await().atMost(Duration.ofSeconds(60)).until(() -> second.underWay() == 1);
            } finally {
                stack.gate.writeLock().unlock();
            }
            assertThatThrownBy(() -> stack.runs.end("r").get(120, TimeUnit.SECONDS))
                    .hasMessageContaining("run r is no longer of first with token 0");
            await().atMost(Duration.ofSeconds(180))
                    .until(() -> second.row("r").state(), state -> !state.equals("running"));
            assertThat(second.row("r").state()).as(second.row("r").reason()).isEqualTo("finished");
            assertThat(digests(stack)).isEqualTo(whole);
            assertThat(stack.ledger.audit("r").sound()).isTrue();
        }
    }

    /** One that is shut down gives its runs up, and a stop reaches a run wherever it is. */
    @Test
    void anOrchestratorThatEndsHandsItsRunsOver() throws Exception {
        try (Stack stack = stack(PostgresServer.shared(), directory.resolve("over"));
                RunManager second = stack.another("second")) {
            stack.runs.create("r", yaml(), List.of());
            awaitUpdates(stack, 1);
            stack.runs.close();
            assertThat(second.adopt()).containsExactly("r");
            awaitUpdates(stack, 3);
            stack.runs.stop("r");
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> second.row("r").state(), state -> state.equals("stopped"));
            assertThat(stack.ledger.audit("r").sound()).isTrue();
        }
    }
}
