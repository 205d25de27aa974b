package io.foothold.contracts.flow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.v1.Credit;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.operators.multi.processors.UnicastProcessor;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The calling side by itself: work is its key, a result is the key with a word behind it, credit is {@code "credit n"}. */
@Timeout(60)
class CreditedStreamTest {
    private static final StreamShape<String, String> SHAPE = StreamShape.of(
            credit -> "credit " + credit.getItems(),
            response -> Credit.newBuilder().setItems(credit(response)).build(),
            response -> response.split(" ")[0]);

    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    /** What came to the peer, in order. */
    private final List<String> came = Collections.synchronizedList(new ArrayList<>());

    private final List<CreditedService.Results<String>> results = Collections.synchronizedList(new ArrayList<>());
    private final List<UnicastProcessor<String>> connections = Collections.synchronizedList(new ArrayList<>());
    private final AtomicBoolean there = new AtomicBoolean(true);
    private CreditedStream<String, String> stream = open(Duration.ofMinutes(5));

    private static int credit(String message) {
        return message.startsWith("credit ") ? Integer.parseInt(message.substring("credit ".length())) : 0;
    }

    /** A stream that queues two pieces, to a peer that takes one at a time and answers when a test says so. */
    private CreditedStream<String, String> open(Duration patience) {
        CreditedService<String, String> peer = new CreditedService<>(
                "test",
                CreditedService.Shape.of(
                        message -> Credit.newBuilder().setItems(credit(message)).build(),
                        credit -> "credit " + credit.getItems(),
                        (work, failure) -> List.of()),
                1,
                (work, out) -> {
                    results.add(out);
                    came.add(work);
                    return () -> {};
                });
        Function<Multi<String>, Multi<String>> call = up -> there.get()
                ? Multi.createBy().merging().streams(peer.serve(up), connection())
                : Multi.createFrom().failure(new FootholdException(ErrorCode.PEER_UNAVAILABLE, "nobody"));
        return new CreditedStream<>(
                "peer",
                SHAPE,
                call,
                new StreamLimits(
                        8,
                        2,
                        Duration.ofMinutes(10),
                        Duration.ofMillis(10),
                        Duration.ofMillis(10),
                        patience,
                        Duration.ofMinutes(10)));
    }

    /** Says nothing, and breaks the stream when a test fails it. */
    private Multi<String> connection() {
        UnicastProcessor<String> connection = UnicastProcessor.create();
        connections.add(connection);
        return connection;
    }

    @AfterEach
    void close() {
        stream.close();
        threads.shutdownNow();
    }

    private CompletableFuture<Map<String, String>> submit(String key) {
        return stream.submit(key, List.of(key), result -> {});
    }

    private Future<Map<String, String>> blocked(String key, Runnable check) {
        return threads.submit(
                () -> stream.submit(key, List.of(key), result -> {}, check::run).get());
    }

    private void answer(int number) {
        await().until(() -> results.size() > number);
        results.get(number).emit(came.get(number) + " done");
        results.get(number).done();
    }

    private static void assertFailed(Future<?> call, String reason) {
        assertThatThrownBy(() -> call.get(20, TimeUnit.SECONDS))
                .isInstanceOf(ExecutionException.class)
                .hasMessageContaining(reason);
    }

    @Test
    void anAnswerMayTakeTheWholeDeadlineUnlessItHasATimeOfItsOwn() {
        StreamLimits half = StreamLimits.standard().withDeadline(Duration.ofMinutes(30));
        assertThat(half.answer()).isEqualTo(Duration.ofMinutes(30));
        assertThat(half.patience()).isEqualTo(Duration.ofMinutes(5));
        StreamLimits minute = StreamLimits.standard().withAnswer(Duration.ofMinutes(1));
        assertThat(minute.withDeadline(Duration.ofMinutes(30)).answer()).isEqualTo(Duration.ofMinutes(1));
    }

    @Test
    void theCheckOfWhoIsBlockedEndsItsWaitAndSendsNothing() throws Exception {
        CompletableFuture<?> first = submit("a");
        await().until(() -> came.contains("a"));
        List<CompletableFuture<?>> queued = List.of(submit("b"), submit("c"));
        AtomicBoolean over = new AtomicBoolean();
        Future<?> forSpace = blocked("d", () -> {
            if (over.get()) {
                throw new FootholdException(ErrorCode.STORAGE, "no more");
            }
        });
        Future<?> patient = blocked("e", () -> {});
        over.set(true);
        assertFailed(forSpace, "no more");
        for (int i = 0; i < 4; i++) {
            answer(i);
        }
        first.get(20, TimeUnit.SECONDS);
        queued.forEach(f -> assertThat(f).succeedsWithin(Duration.ofSeconds(20)));
        assertThat(patient.get(20, TimeUnit.SECONDS)).isEqualTo(Map.of("e", "e done"));
        assertThat(came).containsExactly("a", "b", "c", "e");
    }

    @Test
    void workThatIsGivenUpFreesItsSpaceAndItsKeyAndIsNotSent() throws Exception {
        CompletableFuture<?> first = submit("a");
        await().until(() -> came.contains("a"));
        CompletableFuture<?> second = submit("b");
        CompletableFuture<?> third = submit("c");
        Future<?> blocked = blocked("d", () -> {});
        second.cancel(false);
        answer(0);
        answer(1);
        answer(2);
        assertThat(first).succeedsWithin(Duration.ofSeconds(20));
        assertThat(third).succeedsWithin(Duration.ofSeconds(20));
        blocked.get(20, TimeUnit.SECONDS);
        CompletableFuture<?> again = submit("b");
        answer(3);
        assertThat(again).succeedsWithin(Duration.ofSeconds(20));
        assertThat(came).containsExactly("a", "c", "d", "b");
    }

    @Test
    void workThatWasSentAndGivenUpKeepsItsKeyUntilItIsAnsweredAndNobodyHearsOfIt() throws Exception {
        List<String> heard = Collections.synchronizedList(new ArrayList<>());
        CompletableFuture<?> first = stream.submit("a", List.of("a"), heard::add);
        await().until(() -> came.contains("a"));
        first.cancel(false);
        Future<?> again = threads.submit(
                () -> stream.submit("a", List.of("a"), heard::add).get());
        AtomicBoolean over = new AtomicBoolean();
        assertFailed(
                blocked("a", () -> {
                    over.set(true);
                    throw new FootholdException(ErrorCode.STORAGE, "no more");
                }),
                "no more");
        assertThat(over).isTrue();
        assertThat(came).containsExactly("a");
        answer(0);
        answer(1);
        again.get(20, TimeUnit.SECONDS);
        assertThat(came).containsExactly("a", "a");
        assertThat(heard).containsExactly("a done");
    }

    @Test
    void workThatWasGivenUpIsNotSentAgainAfterTheStreamBroke() {
        CompletableFuture<?> first = submit("a");
        await().until(() -> came.contains("a"));
        CompletableFuture<?> second = submit("b");
        first.cancel(false);
        connections.get(0).onError(new FootholdException(ErrorCode.PEER_UNAVAILABLE, "broke"));
        answer(1);
        assertThat(second).succeedsWithin(Duration.ofSeconds(20));
        assertThat(came).containsExactly("a", "b");
        CompletableFuture<?> third = submit("a");
        answer(2);
        assertThat(third).as("its key is free").succeedsWithin(Duration.ofSeconds(20));
    }

    @Test
    void aConsumerThatFailsEndsItsOwnWorkAndNoOther() {
        CompletableFuture<?> first = stream.submit("a", List.of("a"), result -> {
            throw new StackOverflowError("scripted");
        });
        answer(0);
        assertFailed(first, "StackOverflowError: scripted");
        CompletableFuture<?> second = submit("b");
        answer(1);
        assertThat(second).succeedsWithin(Duration.ofSeconds(20));
        assertThat(connections).hasSize(1);
    }

    /** Writes down what it is told. */
    private record Told(List<String> news) implements StreamCaller {
        Told() {
            this(Collections.synchronizedList(new ArrayList<>()));
        }

        @Override
        public void check() {}

        @Override
        public void lost(String service, String reason) {
            news.add("lost " + service + ": " + reason);
        }

        @Override
        public void found(String service, Duration after) {
            news.add("found " + service);
        }
    }

    @Test
    void whoWaitsIsToldOnceThatThePeerIsLostAndFoundAgainAndWhoDoesNotIsNot() {
        Told waits = new Told();
        Told answered = new Told();
        Told late = new Told();
        CompletableFuture<?> before = stream.submit("a", List.of("a"), result -> {}, answered);
        answer(0);
        assertThat(before).succeedsWithin(Duration.ofSeconds(20));
        CompletableFuture<?> first = stream.submit("b", List.of("b"), result -> {}, waits);
        await().until(() -> came.contains("b"));
        there.set(false);
        connections.get(0).onError(new FootholdException(ErrorCode.PEER_UNAVAILABLE, "broke"));
        await().until(() -> waits.news().size() == 1);
        CompletableFuture<?> second = stream.submit("e", List.of("e"), result -> {}, late);
        await().until(() -> late.news().size() == 1);
        there.set(true);
        for (int i = 1; i < 4; i++) {
            answer(i);
        }
        for (CompletableFuture<?> work : List.of(first, second)) {
            assertThat(work).succeedsWithin(Duration.ofSeconds(20));
        }
        await().until(() -> waits.news().size() == 2 && late.news().size() == 2);
        assertThat(waits.news()).containsExactly("lost peer: broke", "found peer");
        assertThat(late.news()).containsExactly("lost peer: nobody", "found peer");
        assertThat(answered.news()).isEmpty();
    }

    @Test
    void whoIsBlockedIsToldThatThePeerStaysAwayWithThoseThatAreQueued() {
        stream.close();
        there.set(false);
        stream = open(Duration.ofMillis(400));
        List<Future<?>> calls = new ArrayList<>();
        for (int i = 0; i < 9; i++) {
            calls.add(blocked("k" + i, () -> {}));
        }
        calls.forEach(call -> assertFailed(call, "it was away for more than 0.4s; last failure: nobody"));
    }

    /** A clock that stands; what is due is done when a test says so. */
    private static final class Standing implements StreamTimer {
        private final Deque<Runnable> due = new ArrayDeque<>();
        private final List<Runnable> ticks = new ArrayList<>();
        private long now;

        @Override
        public long nanoTime() {
            return now;
        }

        @Override
        public void after(Duration delay, Runnable task) {
            due.add(task);
        }

        @Override
        public void every(Duration pause, Runnable task) {
            ticks.add(task);
        }

        @Override
        public void close() {
            due.clear();
        }

        void passes(Duration time) {
            now += time.toNanos();
            ticks.forEach(Runnable::run);
            run();
        }

        void run() {
            for (Runnable task = due.poll(); task != null; task = due.poll()) {
                task.run();
            }
        }
    }

    private static CreditedStream<String, String> standing(Standing clock) {
        return new CreditedStream<>(
                "peer",
                SHAPE,
                new StreamLimits(8, 8, Duration.ofMinutes(10), Duration.ofMillis(10), Duration.ofMillis(10)),
                clock);
    }

    /** A replica that takes a call and is silent. */
    private static Multi<String> silent(List<String> cancelled) {
        return Multi.createFrom().<String>nothing().onCancellation().invoke(() -> cancelled.add("call"));
    }

    @Test
    void aStreamWithoutItsFirstCreditIsOpenedAgainLongBeforeItsServiceCountsAsAway() {
        Standing clock = new Standing();
        List<String> cancelled = new ArrayList<>();
        List<String> calls = new ArrayList<>();
        CreditedStream<String, String> own = standing(clock);
        own.replicas(Map.of("a", up -> {
            calls.add("call");
            return calls.size() < 3
                    ? silent(cancelled)
                    : up.onItem().transform(sent -> credit(sent) > 0 ? "credit 1" : sent + " done");
        }));
        CompletableFuture<?> work = own.submit("x", List.of("x"), result -> {});
        clock.run();
        clock.passes(Duration.ofSeconds(29));
        assertThat(calls).hasSize(1);
        clock.passes(Duration.ofSeconds(2));
        assertThat(calls).hasSize(2);
        assertThat(cancelled).hasSize(1);
        clock.passes(Duration.ofSeconds(31));
        assertThat(calls).hasSize(3);
        assertThat(work).isCompleted();
        own.close();
    }

    @Test
    void aStreamWithItsFirstCreditMayBeSilentForAsLongAsItHasNoWork() {
        Standing clock = new Standing();
        List<String> calls = new ArrayList<>();
        CreditedStream<String, String> own = standing(clock);
        own.replicas(Map.of("a", up -> {
            calls.add("call");
            return up.onItem().transform(sent -> credit(sent) > 0 ? "credit 1" : sent + " done");
        }));
        assertThat(own.submit("x", List.of("x"), result -> {})).isNotCancelled();
        clock.run();
        for (int i = 0; i < 20; i++) {
            clock.passes(Duration.ofSeconds(31));
        }
        assertThat(calls).hasSize(1);
        own.close();
    }

    @Test
    void aCallThatIsToEndIsCancelledThoughTheStreamIsClosedBeforeThat() {
        Standing clock = new Standing();
        List<String> cancelled = new ArrayList<>();
        CreditedStream<String, String> own = standing(clock);
        own.replicas(Map.of("a", up -> silent(cancelled)));
        CompletableFuture<?> work = own.submit("k", List.of("k"), result -> {});
        clock.run();
        own.replicas(Map.of());
        assertThat(cancelled).isEmpty();
        own.close();
        assertThat(cancelled).hasSize(1);
        assertThat(work).isCompletedExceptionally();
    }

    @Test
    void aCallThatBeginsWhileTheStreamIsClosedIsCancelled() {
        Standing clock = new Standing();
        List<String> cancelled = new ArrayList<>();
        CreditedStream<String, String> own = standing(clock);
        own.replicas(Map.of("a", up -> {
            own.close();
            return silent(cancelled);
        }));
        CompletableFuture<?> work = own.submit("k", List.of("k"), result -> {});
        clock.run();
        assertThat(cancelled).hasSize(1);
        assertThat(work).isCompletedExceptionally();
    }

    @Test
    void aCallThatWasCancelledIsNotCancelledAgain() {
        Standing clock = new Standing();
        List<String> cancelled = new ArrayList<>();
        CreditedStream<String, String> own = standing(clock);
        own.replicas(Map.of("a", up -> silent(cancelled)));
        var unused = own.submit("k", List.of("k"), result -> {});
        clock.run();
        own.replicas(Map.of());
        clock.run();
        own.close();
        assertThat(cancelled).hasSize(1);
    }

    /** Three replicas that take eight at a time and answer when a test says so; what each has, by its name. */
    private final class Three implements AutoCloseable {
        final Map<String, List<String>> has = new ConcurrentHashMap<>();
        final Map<String, List<CreditedService.Results<String>>> answers = new ConcurrentHashMap<>();
        final Map<String, UnicastProcessor<String>> connections = new ConcurrentHashMap<>();
        final CreditedStream<String, String> stream = new CreditedStream<>(
                "peer",
                SHAPE,
                new StreamLimits(64, 64, Duration.ofMinutes(10), Duration.ofMillis(10), Duration.ofMillis(10)),
                StreamTimer.system("three-"));

        void are(String... names) {
            Map<String, Function<Multi<String>, Multi<String>>> calls = new LinkedHashMap<>();
            for (String name : names) {
                calls.put(name, up -> call(name, up));
            }
            stream.replicas(calls);
        }

        private Multi<String> call(String name, Multi<String> up) {
            has.put(name, Collections.synchronizedList(new ArrayList<>()));
            answers.put(name, Collections.synchronizedList(new ArrayList<>()));
            connections.put(name, UnicastProcessor.create());
            return Multi.createBy()
                    .merging()
                    .streams(
                            new CreditedService<>(
                                            "test",
                                            CreditedService.Shape.<String, String>of(
                                                    m -> Credit.newBuilder()
                                                            .setItems(credit(m))
                                                            .build(),
                                                    c -> "credit " + c.getItems(),
                                                    (work, failure) -> List.of()),
                                            8,
                                            (work, out) -> {
                                                answers.get(name).add(out);
                                                has.get(name).add(work);
                                                return () -> {};
                                            })
                                    .serve(up),
                            connections.get(name));
        }

        CompletableFuture<Map<String, String>> submit(String key) {
            return stream.submit(key, List.of(key), result -> {});
        }

        /** All are open: work that ends at once went through. */
        void open(int count) {
            CompletableFuture<?> first = submit("first");
            await().until(() -> has.size() == count && has.values().stream().anyMatch(h -> !h.isEmpty()));
            answerAll();
            assertThat(first).succeedsWithin(Duration.ofSeconds(20));
            has.values().forEach(List::clear);
            answers.values().forEach(List::clear);
        }

        void answerAll() {
            has.forEach((name, works) -> {
                for (int i = 0; i < works.size(); i++) {
                    answers.get(name).get(i).emit(works.get(i) + " " + name);
                    answers.get(name).get(i).done();
                }
            });
        }

        int sent() {
            return has.values().stream().mapToInt(List::size).sum();
        }

        @Override
        public void close() {
            stream.close();
        }
    }

    @Test
    void workGoesToTheReplicaWithTheLeastUnderWay() {
        try (Three three = new Three()) {
            three.are("a", "b", "c");
            three.open(3);
            for (int i = 0; i < 6; i++) {
                three.submit("k" + i);
            }
            await().until(() -> three.sent() == 6);
            assertThat(three.has.values()).allSatisfy(works -> assertThat(works).hasSize(2));
        }
    }

    @Test
    void whatALostReplicaHadIsGivenToTheOthersAtOnce() {
        try (Three three = new Three()) {
            three.are("a", "b", "c");
            three.open(3);
            Told told = new Told();
            List<CompletableFuture<Map<String, String>>> all = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                String key = "k" + i;
                all.add(three.stream.submit(key, List.of(key), result -> {}, told));
            }
            await().until(() -> three.sent() == 6);
            three.are("b", "c");
            List<String> lost = List.copyOf(three.has.get("a"));
            three.connections.get("a").onError(new FootholdException(ErrorCode.PEER_UNAVAILABLE, "broke"));
            three.has.remove("a");
            await().until(() -> three.sent() == 6);
            three.answerAll();
            all.forEach(f -> assertThat(f).succeedsWithin(Duration.ofSeconds(20)));
            assertThat(lost).hasSize(2);
            assertThat(told.news()).as("the service was never away").isEmpty();
        }
    }

    @Test
    void aReplicaThatLeavesEndsWhatItHasAndOneThatComesIsGivenWork() {
        try (Three three = new Three()) {
            three.are("a");
            three.open(1);
            CompletableFuture<Map<String, String>> old = three.submit("old");
            await().until(() -> three.sent() == 1);
            three.are("b");
            CompletableFuture<Map<String, String>> young = three.submit("young");
            await().until(() -> three.has.containsKey("b") && three.sent() == 2);
            three.answerAll();
            assertThat(old).succeedsWithin(Duration.ofSeconds(20)).isEqualTo(Map.of("old", "old a"));
            assertThat(young).succeedsWithin(Duration.ofSeconds(20)).isEqualTo(Map.of("young", "young b"));
        }
    }

    @Test
    void aServiceWithoutReplicasIsAwayUntilOneComes() {
        try (Three three = new Three()) {
            three.are();
            CompletableFuture<Map<String, String>> waits = three.submit("k");
            await().until(three.stream::away);
            assertThat(waits).isNotDone();
            three.are("a");
            await().until(() -> three.has.containsKey("a") && three.sent() == 1);
            three.answerAll();
            assertThat(waits).succeedsWithin(Duration.ofSeconds(20));
            assertThat(three.stream.away()).isFalse();
        }
    }
}
