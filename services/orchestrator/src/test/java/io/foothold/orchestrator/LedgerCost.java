package io.foothold.orchestrator;

import io.foothold.contracts.postgresql.PostgresServer;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerDatabase;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.remote.WaitClock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/**
 * What the ledger costs in either database: groups of eight rollouts, 64 groups at a time, each with three writes that it waits for. A main, to be
 * run by hand; prints rollouts per second of three rounds after one that does not count.
 */
final class LedgerCost {
    private static final int GROUP = 8;
    private static final int GROUPS = 1500;
    private static final int ABREAST = 64;

    private LedgerCost() {}

    /** Measures both. */
    public static void main(String[] args) throws Exception {
        Path directory = Files.createTempDirectory("ledger-cost");
        measure(new LedgerDatabase.Address(
                "jdbc:h2:file:" + directory.resolve("ledger") + ";WRITE_DELAY=0",
                Optional.empty(),
                Optional.empty(),
                16));
        measure(new LedgerDatabase.Address(
                PostgresServer.shared().database(),
                Optional.of(PostgresServer.USER),
                Optional.of(PostgresServer.PASSWORD),
                16));
    }

    private static void measure(LedgerDatabase.Address address) throws Exception {
        try (LedgerDatabase database = LedgerDatabase.open(address);
                LedgerStore ledger = store(database)) {
            for (int round = 0; round < 4; round++) {
                int own = round;
                long from = System.nanoTime();
                try (ExecutorService groups = Executors.newFixedThreadPool(ABREAST)) {
                    IntStream.range(0, GROUPS).forEach(g -> groups.execute(() -> live(ledger, own + "/" + g)));
                    groups.shutdown();
                    boolean unused = groups.awaitTermination(10, TimeUnit.MINUTES);
                }
                double seconds = (System.nanoTime() - from) / 1e9;
                if (round > 0) {
                    System.out.printf("%s: %.0f rollouts/s%n", address.told(), GROUPS * GROUP / seconds);
                }
            }
        }
    }

    private static LedgerStore store(LedgerDatabase database) {
        return database.address().shared()
                ? new LedgerStore(
                        database.source(),
                        "postgresql",
                        Duration.ofMinutes(1),
                        WaitClock.system(),
                        () -> Instant.EPOCH,
                        (end, number) -> {})
                : new LedgerStore(database.source(), () -> Instant.EPOCH);
    }

    private static void live(Ledger ledger, String group) {
        List<String> ids =
                IntStream.range(0, GROUP).mapToObj(i -> group + "/" + i).toList();
        Ledger.await(ledger.reserve("r", new Ledger.Group(group, "train", "p", "root"), ids));
        Ledger.await(ledger.record(ids.stream()
                .map(id -> new Ledger.Outcome(
                        id, List.of(RolloutState.SAMPLED, RolloutState.VERIFIED), "PASS", 1, 100, ""))
                .toList()));
        Ledger.await(ledger.record(ids.stream()
                .map(id -> new Ledger.Outcome(id, RolloutState.CONSUMED, "PASS", 1, 100, "evaluation"))
                .toList()));
    }
}
