package io.foothold.orchestrator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.postgresql.PostgresServer;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.ledger.Lease;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerDatabase;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.remote.WaitClock;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

/** A PostgreSQL that crashes, comes back, or loses its answers while runs write to it. */
class PostgresOutageTest {
    private static final Lease OWN = new Lease("r", "test", 0);

    private static LedgerDatabase open(PostgresServer server) {
        return LedgerDatabase.open(new LedgerDatabase.Address(
                server.database(), Optional.of(PostgresServer.USER), Optional.of(PostgresServer.PASSWORD), 4));
    }

    private static LedgerStore store(DataSource source, Duration patience, WaitClock clock, AtomicInteger ended) {
        return new LedgerStore(
                source, "X", patience, clock, () -> Instant.EPOCH, (end, number) -> ended.addAndGet(number));
    }

    /** One rollout's life, a write at a time. */
    private static CompletableFuture<Void> life(Ledger ledger, String id) {
        return ledger.reserve("r", new Ledger.Group("g", "train", "p", "root"), List.of(id))
                .thenCompose(n -> ledger.record(List.of(new Ledger.Outcome(id, RolloutState.SAMPLED, "", 0, 3, ""))))
                .thenCompose(
                        n -> ledger.record(List.of(new Ledger.Outcome(id, RolloutState.DROPPED, "", 0, 3, "why"))));
    }

    @Test
    void aCrashInMidRunLosesNothingAndDoesNothingTwice() throws Exception {
        AtomicInteger ended = new AtomicInteger();
        try (PostgresServer server = PostgresServer.start();
                LedgerDatabase database = open(server);
                LedgerStore ledger = store(database.source(), Duration.ofMinutes(2), WaitClock.system(), ended)) {
            Ledger.await(ledger.createRun("r", "file", 5));
            List<CompletableFuture<Void>> lives = new ArrayList<>();
            for (int crash = 0; crash < 3; crash++) {
                for (int i = 0; i < 400; i++) {
                    lives.add(life(ledger, "x" + lives.size()));
                }
                lives.get(lives.size() - 390).get(60, TimeUnit.SECONDS);
                server.crash();
                assertThatThrownBy(() -> ledger.run("r"))
                        .as("who only looks does not wait")
                        .isInstanceOfSatisfying(FootholdException.class, e -> assertThat(e.code())
                                .isEqualTo(ErrorCode.PEER_UNAVAILABLE));
                CompletableFuture<Optional<Ledger.RunRow>> patient =
                        CompletableFuture.supplyAsync(() -> ledger.inRun(OWN).run("r"));
                server.begin();
                assertThat(patient.get(60, TimeUnit.SECONDS)).isPresent();
            }
            CompletableFuture.allOf(lives.toArray(CompletableFuture[]::new)).get(60, TimeUnit.SECONDS);
            assertThat(ledger.audit("r").counts()).containsOnlyKeys(RolloutState.DROPPED);
            assertThat(ledger.audit("r").counts()).containsEntry(RolloutState.DROPPED, 1200L);
            await().atMost(Duration.ofSeconds(30))
                    .untilAsserted(
                            () -> assertThat(ended).as("every end is told once").hasValue(1200));
        }
    }

    /** Commits now and then lose their answer after they took effect, or before. */
    private static DataSource losing(DataSource source, SplittableRandom random, AtomicInteger lost) {
        return proxy(DataSource.class, source, (name, call) -> {
            Object out = call.call();
            return name.equals("getConnection")
                    ? proxy(Connection.class, (Connection) out, (method, inner) -> {
                        boolean commit = method.equals("commit");
                        if (commit && random.nextInt(5) == 0) {
                            lost.incrementAndGet();
                            throw new SQLException("lost before", "08006");
                        }
                        Object answer = inner.call();
                        if (commit && random.nextInt(5) == 0) {
                            lost.incrementAndGet();
                            throw new SQLException("lost after", "08006");
                        }
                        return answer;
                    })
                    : out;
        });
    }

    private interface Call {
        Object call() throws Throwable;
    }

    private interface Around {
        Object call(String method, Call call) throws Throwable;
    }

    private static <T> T proxy(Class<T> type, T of, Around around) {
        return type.cast(Proxy.newProxyInstance(
                PostgresOutageTest.class.getClassLoader(),
                new Class<?>[] {type},
                (self, method, arguments) -> around.call(method.getName(), () -> {
                    try {
                        return method.invoke(of, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                })));
    }

    /** Pauses take no time. */
    private static WaitClock hurried(AtomicLong nanos) {
        return new WaitClock() {
            @Override
            public long nanos() {
                return nanos.get();
            }

            @Override
            public CompletableFuture<Void> after(Duration pause) {
                nanos.addAndGet(pause.toNanos());
                return CompletableFuture.completedFuture(null);
            }
        };
    }

    private static void assertOnce(DataSource source) throws Exception {
        AtomicInteger lost = new AtomicInteger();
        AtomicInteger ended = new AtomicInteger();
        DataSource losing = losing(source, new SplittableRandom(7), lost);
        try (LedgerStore ledger = store(losing, Duration.ofMinutes(5), hurried(new AtomicLong()), ended)) {
            Ledger.await(ledger.createRun("r", "file", 5));
            for (int i = 0; i < 60; i++) {
                life(ledger, "x" + i).get(60, TimeUnit.SECONDS);
            }
            assertThat(ledger.audit("r").counts()).containsEntry(RolloutState.DROPPED, 60L);
            await().atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> assertThat(ended).hasValue(60));
            assertThat(lost.get()).isGreaterThan(40);
        }
    }

    @Test
    void aCommitWhoseAnswerIsLostTakesEffectOnce() throws Exception {
        try (LedgerDatabase database = open(PostgresServer.shared())) {
            assertOnce(database.source());
            try (Connection c = database.source().getConnection();
                    var rows = c.createStatement().executeQuery("select count(*) from ledger_writer")) {
                assertThat(rows.next()).isTrue();
                assertThat(rows.getInt(1)).as("rows of writers that are gone").isZero();
            }
        }
    }

    @Test
    void soItDoesInTheOtherDatabase() throws Exception {
        assertOnce(TestDatabase.inMemory());
    }

    @Test
    void patienceIsBounded() throws Exception {
        AtomicLong nanos = new AtomicLong();
        try (PostgresServer server = PostgresServer.start();
                LedgerDatabase database = open(server);
                LedgerStore ledger =
                        store(database.source(), Duration.ofMinutes(5), hurried(nanos), new AtomicInteger())) {
            Ledger.await(ledger.createRun("r", "file", 5));
            server.crash();
            assertThatThrownBy(() -> Ledger.await(ledger.setRunState("r", "running", "")))
                    .hasMessageContaining("the ledger's database X was away for more than 300 s")
                    .hasMessageContaining("foothold.ledger.url");
            assertThat(Duration.ofNanos(nanos.get())).isBetween(Duration.ofMinutes(5), Duration.ofMinutes(6));
            server.begin();
            Ledger.await(ledger.setRunState("r", "running", ""));
            assertThat(ledger.inRun(OWN).run("r").orElseThrow().state()).isEqualTo("running");
        }
    }
}
