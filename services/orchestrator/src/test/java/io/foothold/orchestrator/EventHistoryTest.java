package io.foothold.orchestrator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.foothold.orchestrator.event.EventBus;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerSchema;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.rest.EventHistory;
import io.smallrye.mutiny.helpers.test.AssertSubscriber;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.LongStream;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Watching a run: slow reader, cancel, reconnection, lost notifications. */
class EventHistoryTest {
    @TempDir
    Path directory;

    private LedgerStore ledger;
    private final EventBus bus = new EventBus(new NoEmitter());

    @BeforeEach
    void open() {
        JdbcDataSource source = new JdbcDataSource();
        source.setURL("jdbc:h2:file:" + directory.resolve("ledger") + ";WRITE_DELAY=0");
        LedgerSchema.migrate(source, "a test");
        ledger = new LedgerStore(source, () -> Instant.EPOCH);
        Ledger.await(ledger.createRun("r", "file", 5));
        Ledger.await(ledger.setRunState("r", "running", ""));
    }

    @AfterEach
    void close() {
        ledger.close();
    }

    private void store(long number, String kind) {
        Ledger.await(ledger.saveEvent("r", new Ledger.EventRow(number, kind, "{}")));
    }

    private void notifyOf(long number) {
        bus.receive("{\"runId\":\"r\",\"number\":" + number + ",\"kind\":\"x\",\"json\":\"{}\"}");
    }

    private AssertSubscriber<RunEvent> watch(long from, long requested) {
        return EventHistory.follow(ledger, bus, "r", from)
                .subscribe()
                .withSubscriber(AssertSubscriber.create(requested));
    }

    private static List<Long> numbers(AssertSubscriber<RunEvent> subscriber) {
        return subscriber.getItems().stream().map(RunEvent::number).toList();
    }

    private static List<Long> upTo(long last) {
        return LongStream.rangeClosed(1, last).boxed().toList();
    }

    @Test
    void aSlowReaderGetsEveryEventOnceAndInOrder() {
        store(1, "run_started");
        AssertSubscriber<RunEvent> slow = watch(1, 1);
        for (long i = 2; i <= 60; i++) {
            store(i, "update_done");
            notifyOf(i);
        }
        assertThat(numbers(slow)).as("no more than was asked for").isEqualTo(List.of(1L));
        for (int i = 0; i < 59; i++) {
            slow.request(1);
            int expected = i + 2;
            await().pollInterval(Duration.ofMillis(2)).until(() -> numbers(slow).size() == expected);
        }
        assertThat(numbers(slow)).isEqualTo(upTo(60));
    }

    @Test
    void theWatchEndsWithTheRunAlsoWhenNobodyHeardOfIt() {
        store(1, "run_started");
        AssertSubscriber<RunEvent> watcher = watch(1, Long.MAX_VALUE);
        store(2, "run_ended");
        Ledger.await(ledger.setRunState("r", "finished", ""));
        watcher.awaitCompletion(Duration.ofSeconds(10));
        assertThat(numbers(watcher)).isEqualTo(upTo(2));
    }

    @Test
    void aRunThatWasResumedIsToldBeyondItsFirstEnd() {
        store(1, "run_started");
        store(2, "run_ended");
        store(3, "run_started");
        AssertSubscriber<RunEvent> watcher = watch(1, Long.MAX_VALUE);
        await().until(() -> numbers(watcher).equals(upTo(3)));
        assertThat(watcher.hasCompleted()).isFalse();
        store(4, "run_ended");
        Ledger.await(ledger.setRunState("r", "finished", ""));
        watcher.awaitCompletion(Duration.ofSeconds(10));
        assertThat(numbers(watcher)).isEqualTo(upTo(4));
    }

    @Test
    void aReaderThatComesBackGoesOnWhereItWas() {
        store(1, "run_started");
        store(2, "update_done");
        AssertSubscriber<RunEvent> first = watch(1, Long.MAX_VALUE);
        await().until(() -> numbers(first).size() == 2);
        first.cancel();
        store(3, "update_done");
        notifyOf(3);
        store(4, "run_ended");
        Ledger.await(ledger.setRunState("r", "stopped", ""));
        AssertSubscriber<RunEvent> second = watch(3, Long.MAX_VALUE);
        second.awaitCompletion(Duration.ofSeconds(10));
        assertThat(numbers(first)).as("nothing came after the cancel").isEqualTo(upTo(2));
        assertThat(numbers(second)).containsExactly(3L, 4L);
        AssertSubscriber<RunEvent> late = watch(99, Long.MAX_VALUE);
        late.awaitCompletion(Duration.ofSeconds(10));
        assertThat(numbers(late)).isEmpty();
    }
}
