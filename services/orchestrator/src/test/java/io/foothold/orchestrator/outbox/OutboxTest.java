package io.foothold.orchestrator.outbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.TestDatabase;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.stream.LongStream;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What arrives, and in which order, when topic and processes come and go. */
class OutboxTest {
    private static final Outbox.Pace QUICK =
            new Outbox.Pace(Duration.ofMillis(20), Duration.ofMillis(5), Duration.ofSeconds(30), Duration.ofSeconds(5));

    /** A topic that fails when it is told to; a failed event may have arrived nevertheless. */
    private static class ScriptedTopic implements EventTopic {
        final List<RunEvent> arrived = Collections.synchronizedList(new ArrayList<>());
        volatile Predicate<RunEvent> fails = event -> false;
        volatile BooleanSupplier keepsWhatFails = () -> false;

        @Override
        public String kind() {
            return "test";
        }

        @Override
        public String name() {
            return "topic";
        }

        @Override
        public CompletableFuture<Void> send(RunEvent event) {
            boolean failed = fails.test(event);
            if (!failed || keepsWhatFails.getAsBoolean()) {
                arrived.add(event);
            }
            return failed
                    ? CompletableFuture.failedFuture(new FootholdException(ErrorCode.PEER_UNAVAILABLE, "away"))
                    : CompletableFuture.completedFuture(null);
        }

        List<Long> firsts(String run) {
            synchronized (arrived) {
                return arrived.stream()
                        .filter(e -> e.runId().equals(run))
                        .map(RunEvent::number)
                        .distinct()
                        .toList();
            }
        }

        @Override
        public void close() {}
    }

    private final DataSource source = TestDatabase.inMemory();
    private final LedgerStore ledger = new LedgerStore(source, () -> Instant.EPOCH);
    /** Of the outbox that was opened last. */
    private SimpleMeterRegistry metrics = new SimpleMeterRegistry();

    private final ScriptedTopic topic = new ScriptedTopic();

    @AfterEach
    void close() {
        ledger.close();
    }

    private Outbox outbox() {
        return outbox(ledger, topic, false, InstantSource.system());
    }

    private Outbox outbox(LedgerStore over, ScriptedTopic to, boolean shared, InstantSource clock) {
        metrics = new SimpleMeterRegistry();
        return new Outbox(over.cursors(), to, shared, QUICK, clock, metrics);
    }

    private void run(String id) {
        Ledger.await(ledger.createRun(id, "file", 5));
    }

    private void events(String run, long from, long to) {
        LongStream.rangeClosed(from, to)
                .forEach(n -> Ledger.await(ledger.saveEvent(run, new Ledger.EventRow(n, "warning", "{}"))));
    }

    private static List<Long> upTo(long last) {
        return LongStream.rangeClosed(1, last).boxed().toList();
    }

    private double waiting() {
        return metrics.get("foothold.events.waiting").gauge().value();
    }

    @Test
    void whatIsStoredArrivesOnceAndInOrderAndIsNotBroughtAgain() {
        run("a");
        run("b");
        events("a", 1, 300);
        events("b", 1, 3);
        try (Outbox outbox = outbox()) {
            await().until(() -> topic.arrived.size() == 303);
            events("b", 4, 5);
            outbox.tell();
            await().until(() -> topic.arrived.size() == 305 && waiting() == 0);
        }
        try (Outbox again = outbox()) {
            events("a", 301, 301);
            again.tell();
            await().until(() -> topic.arrived.size() == 306);
        }
        assertThat(topic.firsts("a")).isEqualTo(upTo(301));
        assertThat(topic.firsts("b")).isEqualTo(upTo(5));
        assertThat(topic.arrived).hasSize(306);
        assertThat(metrics.get("foothold.events.published").counter().count()).isEqualTo(1);
    }

    /** Any of the attempts fails, with or without a trace of it in the topic, and processes end in between. */
    @Test
    void theFirstCopiesStandInOrderWhateverFails() {
        Random random = new Random(7);
        run("a");
        run("b");
        topic.keepsWhatFails = random::nextBoolean;
        topic.fails = event -> random.nextInt(4) == 0;
        for (int part = 0; part < 5; part++) {
            events("a", 20 * part + 1, 20 * part + 20);
            events("b", 5 * part + 1, 5 * part + 5);
            try (Outbox outbox = outbox()) {
                outbox.tell();
                await().until(() ->
                        topic.firsts("a").size() > 20 * (topic.firsts("b").size() / 6));
            }
        }
        topic.fails = event -> false;
        try (Outbox outbox = outbox()) {
            await().until(() -> waiting() == 0 && topic.firsts("a").size() == 100);
        }
        assertThat(topic.firsts("a")).isEqualTo(upTo(100));
        assertThat(topic.firsts("b")).isEqualTo(upTo(25));
    }

    @Test
    void aRunWhoseEventIsRefusedHoldsNoOtherBack() {
        run("bad");
        run("good");
        events("bad", 1, 2);
        events("good", 1, 50);
        AtomicBoolean mended = new AtomicBoolean();
        ScriptedTopic late = new ScriptedTopic() {
            @Override
            public CompletableFuture<Void> send(RunEvent event) {
                return event.runId().equals("bad") && !mended.get()
                        ? CompletableFuture.supplyAsync(() -> {
                            throw new FootholdException(ErrorCode.INVALID_INPUT, "refused");
                        })
                        : super.send(event);
            }
        };
        try (Outbox outbox = outbox(ledger, late, false, InstantSource.system())) {
            await().until(() -> late.firsts("good").equals(upTo(50)));
            assertThat(late.firsts("bad")).isEmpty();
            mended.set(true);
            await().until(() -> late.firsts("bad").equals(upTo(2)));
            assertThat(outbox).isNotNull();
        }
    }

    @Test
    void whatWaitsAtTheEndIsBroughtUnlessTheTopicIsAway() {
        run("a");
        events("a", 1, 40);
        outbox().close();
        assertThat(topic.firsts("a")).isEqualTo(upTo(40));
        topic.fails = event -> true;
        events("a", 41, 50);
        long begun = System.nanoTime();
        outbox().close();
        assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(QUICK.last());
        assertThat(topic.firsts("a")).hasSize(40);
        assertThat(waiting()).isEqualTo(10);
    }

    /** Of two processes one brings, and the other one goes on when nothing is heard of the first for its lease. */
    @Test
    void oneOfSeveralProcessesBringsAtATime() throws Exception {
        AtomicLong now = new AtomicLong(1_000_000);
        InstantSource clock = () -> Instant.ofEpochMilli(now.get());
        ScriptedTopic second = new ScriptedTopic();
        LedgerStore other = new LedgerStore(source, () -> Instant.EPOCH);
        run("a");
        events("a", 1, 5);
        Outbox first = outbox(ledger, topic, true, clock);
        await().until(() -> topic.firsts("a").equals(upTo(5)));
        // As if the first stood still: it cannot send.
        topic.fails = event -> true;
        try (Outbox next = outbox(other, second, true, clock)) {
            events("a", 6, 8);
            next.tell();
            Thread.sleep(200);
            assertThat(second.arrived).isEmpty();
            now.addAndGet(QUICK.lease().toMillis() + 1);
            await().until(() -> {
                now.addAndGet(QUICK.lease().toMillis() + 1);
                return second.firsts("a").equals(List.of(6L, 7L, 8L));
            });
        }
        first.close();
        other.close();
    }
}
