package io.foothold.contracts.flow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.grpc.BindableService;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.subscription.BackPressureStrategy;
import io.smallrye.mutiny.subscription.Cancellable;
import io.smallrye.mutiny.subscription.MultiEmitter;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The four tests of every credited stream: slow reader, cancel, peer death, restart. A service's module subclasses it.
 *
 * @param <Q> request message
 * @param <R> response message
 */
public abstract class StreamContractTest<Q, R> {
    private final List<Runnable> cleanup = new ArrayList<>();

    /** A fresh instance of the service. */
    protected abstract BindableService service();

    /** The call. */
    protected abstract Multi<R> call(Channel channel, Multi<Q> requests);

    /** How messages look to the caller. */
    protected abstract StreamShape<Q, R> shape();

    /** A piece of work with one result under this key. */
    protected abstract Q work(String key);

    @AfterEach
    void cleanUp() {
        cleanup.forEach(Runnable::run);
    }

    private Server serve(int port) {
        try {
            Server server = ServerBuilder.forPort(port)
                    .addService(ReadableMessages.of(service().bindService()))
                    .maxInboundMessageSize(2 * MessageLimit.BYTES)
                    .build()
                    .start();
            cleanup.add(server::shutdownNow);
            return server;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private ManagedChannel channel(int port) {
        ManagedChannel channel = MessageLimit.channel("127.0.0.1:" + port).build();
        cleanup.add(channel::shutdownNow);
        return channel;
    }

    private CreditedStream<Q, R> stream(Channel channel) {
        StreamLimits limits =
                new StreamLimits(8, 64, Duration.ofSeconds(30), Duration.ofMillis(20), Duration.ofMillis(200));
        CreditedStream<Q, R> stream = new CreditedStream<>("test", shape(), m -> call(channel, m), limits);
        cleanup.add(stream::close);
        return stream;
    }

    /** A caller that speaks the protocol by hand. */
    private final class ByHand {
        final AtomicReference<MultiEmitter<? super Q>> out = new AtomicReference<>();
        final List<R> results = java.util.Collections.synchronizedList(new ArrayList<>());
        final AtomicInteger granted = new AtomicInteger();
        final AtomicReference<Throwable> failure = new AtomicReference<>();
        final Cancellable call;

        ByHand(Channel channel) {
            Multi<Q> up = Multi.createFrom().emitter(e -> out.set(e), BackPressureStrategy.BUFFER);
            call = call(channel, up)
                    .subscribe()
                    .with(
                            r -> {
                                int credit = shape().creditOf(r);
                                if (credit > 0) {
                                    granted.addAndGet(credit);
                                } else {
                                    results.add(r);
                                }
                            },
                            failure::set);
            await().until(() -> granted.get() > 0);
        }

        void send(Q message) {
            out.get().emit(message);
        }
    }

    @Test
    void aSlowReaderGetsNoMoreThanItGranted() throws InterruptedException {
        ByHand caller = new ByHand(channel(serve(0).getPort()));
        int work = Math.min(20, caller.granted.get());
        for (int i = 0; i < work; i++) {
            caller.send(work("slow-" + i));
        }
        TimeUnit.MILLISECONDS.sleep(300);
        assertThat(caller.results).as("nothing was granted yet").isEmpty();
        for (int i = 1; i <= work; i++) {
            caller.send(shape().credit(1));
            int expected = i;
            await().until(() -> caller.results.size() == expected);
        }
        TimeUnit.MILLISECONDS.sleep(100);
        assertThat(caller.results).hasSize(work);
    }

    @Test
    void aCancelledStreamLeavesTheServiceFree() throws Exception {
        int port = serve(0).getPort();
        for (int round = 0; round < 5; round++) {
            ByHand caller = new ByHand(channel(port));
            for (int i = 0; i < Math.min(10, caller.granted.get()); i++) {
                caller.send(work("cancel-" + round + "-" + i));
            }
            caller.call.cancel();
        }
        assertThat(ask(stream(channel(port)), "after", 5)).hasSize(5);
    }

    private List<String> ask(CreditedStream<Q, R> stream, String prefix, int count) throws Exception {
        List<CompletableFuture<Map<String, R>>> futures = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String key = prefix + "-" + i;
            futures.add(stream.submit(work(key), List.of(key), r -> {}));
        }
        List<String> out = new ArrayList<>();
        for (CompletableFuture<Map<String, R>> f : futures) {
            out.addAll(f.get(20, TimeUnit.SECONDS).keySet());
        }
        return out;
    }

    @Test
    void workSurvivesThePeersDeathAndRestartAndIsAnsweredOnce() throws Exception {
        Server first = serve(0);
        int port = first.getPort();
        CreditedStream<Q, R> stream = stream(channel(port));
        Set<String> answered = ConcurrentHashMap.newKeySet();
        AtomicInteger twice = new AtomicInteger();
        List<CompletableFuture<Map<String, R>>> futures = new ArrayList<>();
        Thread submitter = Thread.ofVirtual().start(() -> {
            for (int i = 0; i < 60; i++) {
                String key = "death-" + i;
                synchronized (futures) {
                    futures.add(stream.submit(work(key), List.of(key), r -> {
                        if (!answered.add(key)) {
                            twice.incrementAndGet();
                        }
                    }));
                }
            }
        });
        await().until(() -> answered.size() >= 3);
        first.shutdownNow().awaitTermination();
        TimeUnit.MILLISECONDS.sleep(100);
        serve(port);
        submitter.join(20_000);
        for (CompletableFuture<Map<String, R>> f : futures) {
            f.get(20, TimeUnit.SECONDS);
        }
        assertThat(answered).hasSize(60);
        assertThat(twice).hasValue(0);
    }

    /** Whoever waits for an answer to such a message would wait for ever. */
    @ParameterizedTest
    @ValueSource(strings = {"ff", "00", "0a7f", "12ffffffffffffffffff01", "0a03ff"})
    void aMessageThatCannotBeReadIsAnsweredAndEndsItsStreamAlone(String hex) throws Exception {
        int port = serve(0).getPort();
        CreditedStream<Q, R> other = stream(channel(port));
        assertThat(ask(other, "before", 1)).hasSize(1);
        MethodDescriptor<?, ?> method = service().bindService().getMethods().stream()
                .map(ServerMethodDefinition::getMethodDescriptor)
                .filter(m -> m.getType() == MethodDescriptor.MethodType.BIDI_STREAMING)
                .findFirst()
                .orElseThrow();
        ClientCall<byte[], byte[]> call = channel(port)
                .newCall(
                        RawBytes.method(MethodDescriptor.MethodType.BIDI_STREAMING, method.getFullMethodName()),
                        CallOptions.DEFAULT);
        CompletableFuture<Status> end = new CompletableFuture<>();
        call.start(
                new ClientCall.Listener<>() {
                    @Override
                    public void onClose(Status status, Metadata trailers) {
                        end.complete(status);
                    }
                },
                new Metadata());
        call.request(Integer.MAX_VALUE);
        call.sendMessage(HexFormat.of().parseHex(hex));
        Status status = end.get(10, TimeUnit.SECONDS);
        assertThat(status.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(status.getDescription()).contains(method.getFullMethodName(), "cannot be read");
        assertThat(ask(other, "after", 3)).hasSize(3);
    }

    @Test
    void workForAPeerThatIsNotThereFailsWithItsReasonInTime() {
        int port = serve(0).getPort();
        cleanUp();
        StreamLimits limits =
                new StreamLimits(8, 64, Duration.ofMillis(400), Duration.ofMillis(20), Duration.ofMillis(100));
        try (CreditedStream<Q, R> stream = new CreditedStream<>("test", shape(), m -> call(channel(port), m), limits)) {
            CompletableFuture<Map<String, R>> f = stream.submit(work("x"), List.of("x"), r -> {});
            assertThatThrownBy(() -> f.get(10, TimeUnit.SECONDS)).hasMessageContaining("no answer from test for [x]");
        }
    }

    @Test
    void aPeerThatStaysAwayIsGivenUpLongBeforeTheDeadlineAndFoundWhenItIsThereAgain() throws Exception {
        Server first = serve(0);
        int port = first.getPort();
        StreamLimits limits = new StreamLimits(
                        8, 64, Duration.ofMinutes(10), Duration.ofMillis(20), Duration.ofMillis(100))
                .withPatience(Duration.ofMillis(400));
        try (CreditedStream<Q, R> stream = new CreditedStream<>("test", shape(), m -> call(channel(port), m), limits)) {
            assertThat(ask(stream, "before", 2)).hasSize(2);
            first.shutdownNow().awaitTermination();
            CompletableFuture<Map<String, R>> lost = stream.submit(work("lost"), List.of("lost"), r -> {});
            assertThatThrownBy(() -> lost.get(20, TimeUnit.SECONDS))
                    .hasMessageContaining("no answer from test for [lost]: it was away for more than 0.4s");
            serve(port);
            // Its absence lasted longer than the patience; whoever asks now is answered all the same.
            assertThat(ask(stream, "after", 2)).hasSize(2);
        }
    }
}
