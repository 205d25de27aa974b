package io.foothold.orchestrator.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.foothold.contracts.postgresql.PostgresServer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** An owner that stands still (SIGSTOP) until another process took its run over, and then goes on (SIGCONT). */
class StoppedOwnerTest {
    private static void signal(Process process, String which) throws Exception {
        assertThat(new ProcessBuilder("kill", "-" + which, Long.toString(process.pid()))
                        .start()
                        .waitFor())
                .isZero();
    }

    /** Stands still at any point of a write: between statements, inside of a commit, with rows locked. */
    @Test
    void whatItStillWritesIsRefused() throws Exception {
        String url = PostgresServer.shared().database();
        try (LedgerDatabase database = LedgerDatabase.open(LeaseHolder.address(url));
                LedgerStore ledger = LeaseHolder.store(database)) {
            Ledger.await(ledger.createRun("r", "file", 5));
            Process holder = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-XX:TieredStopAtLevel=1",
                            "-cp",
                            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                            LeaseHolder.class.getName(),
                            url)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            try (BufferedReader said =
                    new BufferedReader(new InputStreamReader(holder.getInputStream(), StandardCharsets.UTF_8))) {
                await().atMost(Duration.ofSeconds(120))
                        .until(() -> ledger.events("r", 0).size() > 50);
                signal(holder, "STOP");
                Lease.Seen seen = await().atMost(Duration.ofSeconds(60))
                        .during(Duration.ofSeconds(2))
                        .until(
                                () -> ledger.leases().getFirst(),
                                s -> s.equals(ledger.leases().getFirst()));
                // While it holds the row of its lease, PostgreSQL ends its transaction within seconds.
                Lease lease = await().atMost(Duration.ofSeconds(60))
                        .until(
                                () -> ledger.claim(
                                                "r",
                                                "next",
                                                "l",
                                                Optional.of(ledger.leases().getFirst()))
                                        .get(),
                                Optional::isPresent)
                        .orElseThrow();
                assertThat(lease.token()).isEqualTo(seen.token() + 1);
                int before = ledger.events("r", 0).size();
                Ledger.await(ledger.inRun(lease).saveEvent("r", new Ledger.EventRow(before + 1, "next", "{}")));
                signal(holder, "CONT");
                List<String> lines = said.lines().toList();
                assertThat(lines.getLast())
                        .startsWith("WRONG_STATE run r is no longer of holder with token 0: it belongs to next with"
                                + " token 1");
                assertThat(ledger.events("r", 0)).hasSize(before + 1);
                assertThat(ledger.events("r", 0).getLast().kind()).isEqualTo("next");
            } finally {
                holder.destroyForcibly();
            }
        }
    }
}
