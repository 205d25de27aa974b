package io.foothold.contracts.flow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.simulation.SimulatedTime;
import io.foothold.v1.MutinyVerifierServiceGrpc;
import io.foothold.v1.VerifierServiceGrpc;
import io.foothold.v1.VerifyRequest;
import io.foothold.v1.VerifyResponse;
import io.grpc.Channel;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.stub.StreamObserver;
import io.smallrye.mutiny.Multi;
import java.io.IOException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class NamedReplicasTest {
    private final SimulatedTime time = new SimulatedTime(new SplittableRandom(1));
    private final Map<String, ManagedChannel> opened = new LinkedHashMap<>();
    private final List<List<String>> told = new ArrayList<>();
    private NamedReplicas.Names names = host -> List.of("10.0.0.2", "10.0.0.1");
    private final NamedReplicas replicas = new NamedReplicas(
            "verifier", 9203, host -> names.of(host), this::open, time.timer(), Duration.ofSeconds(20));

    private ManagedChannel open(String target) {
        ManagedChannel channel = InProcessChannelBuilder.forName(target).build();
        assertThat(opened.put(target, channel)).isNull();
        return channel;
    }

    @AfterEach
    void close() {
        replicas.close();
        opened.values().forEach(ManagedChannel::shutdownNow);
    }

    private void pass(int seconds) {
        time.run(Duration.ofSeconds(seconds), () -> {});
    }

    @Test
    void replicasThatComeAreFoundWithinSecondsAndThoseThatLeaveMayEndWhatTheyDo() {
        replicas.follow(now -> told.add(List.copyOf(now.keySet())));
        pass(1);
        names = host -> List.of("10.0.0.3", "10.0.0.2");
        pass(4);
        assertThat(told)
                .containsExactly(List.of("10.0.0.1:9203", "10.0.0.2:9203"), List.of("10.0.0.2:9203", "10.0.0.3:9203"));
        assertThat(opened.get("10.0.0.1:9203").isShutdown()).isTrue();
        assertThat(opened.get("10.0.0.2:9203").isShutdown()).isFalse();
        assertThat(replicas.now()).containsOnlyKeys("10.0.0.2:9203", "10.0.0.3:9203");
    }

    @Test
    void aNameThatCannotBeLookedUpKeepsTheReplicasThatWereKnownAndOneWithoutAddressesHasNone() {
        pass(1);
        replicas.follow(now -> told.add(List.copyOf(now.keySet())));
        names = host -> {
            throw new UnknownHostException("the resolver is away");
        };
        pass(10);
        assertThat(told).containsExactly(List.of("10.0.0.1:9203", "10.0.0.2:9203"));
        names = host -> {
            throw new IllegalStateException("a resolver with a fault");
        };
        pass(10);
        assertThat(told).hasSize(1);
        names = host -> List.of();
        pass(4);
        assertThat(told).last().isEqualTo(List.of());
    }

    @Test
    void oneNameIsLookedUpBySystemAsOneFamily() {
        try (NamedReplicas local = new NamedReplicas(
                "localhost", 1, target -> MessageLimit.channel(target).build())) {
            assertThat(local.now()).hasSize(1);
        }
    }

    @Test
    void aResolverThatHangsHoldsNobodyUpAndItsAnswerCountsWhenItComes() throws InterruptedException {
        CountDownLatch answer = new CountDownLatch(1);
        AtomicInteger asked = new AtomicInteger();
        NamedReplicas.Names hanging = host -> {
            asked.incrementAndGet();
            try {
                answer.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            return List.of("10.0.0.7");
        };
        try (NamedReplicas late =
                new NamedReplicas("late", 1, hanging, this::open, time.timer(), Duration.ofMillis(1))) {
            late.follow(now -> told.add(List.copyOf(now.keySet())));
            // The first lookup has a thread of its own, which on a busy machine begins late: then this one would ask,
            // and hang.
            await().atMost(Duration.ofSeconds(20)).until(() -> asked.get() == 1);
            pass(10);
            assertThat(asked).as("one lookup at a time").hasValue(1);
            answer.countDown();
            await().atMost(Duration.ofSeconds(20)).until(() -> told.size() == 2);
            assertThat(told).containsExactly(List.of(), List.of("10.0.0.7:1"));
        }
    }

    @Test
    void aReplicaThatIsSilentIsFoundByAPing() throws IOException, InterruptedException {
        CountDownLatch called = new CountDownLatch(1);
        Server server = ServerBuilder.forPort(0)
                .addService(new VerifierServiceGrpc.VerifierServiceImplBase() {
                    @Override
                    public StreamObserver<VerifyRequest> verify(StreamObserver<VerifyResponse> responses) {
                        called.countDown();
                        return new Ignoring();
                    }
                })
                .build()
                .start();
        try (Relay relay = new Relay(0, server.getPort());
                NamedReplicas replica = new NamedReplicas(
                        "127.0.0.1",
                        relay.port(),
                        List::of,
                        target -> MessageLimit.peer(
                                        target,
                                        InsecureChannelCredentials.create(),
                                        Duration.ofSeconds(10),
                                        Duration.ofSeconds(1))
                                .build(),
                        time.timer(),
                        Duration.ofSeconds(20))) {
            Channel channel = replica.now().values().iterator().next();
            AtomicReference<Throwable> failure = new AtomicReference<>();
            var unused = MutinyVerifierServiceGrpc.newMutinyStub(channel)
                    .verify(Multi.createFrom().nothing())
                    .subscribe()
                    .with(answer -> {}, failure::set);
            assertThat(called.await(20, TimeUnit.SECONDS)).isTrue();
            relay.swallow();
            await().atMost(Duration.ofSeconds(40)).until(() -> failure.get() != null);
            assertThat(FootholdException.of(failure.get()).code()).isEqualTo(ErrorCode.PEER_UNAVAILABLE);
        } finally {
            server.shutdownNow();
        }
    }

    /** Takes what is asked and says nothing. */
    private static final class Ignoring implements StreamObserver<VerifyRequest> {
        @Override
        public void onNext(VerifyRequest request) {}

        @Override
        public void onError(Throwable failure) {}

        @Override
        public void onCompleted() {}
    }

    @Test
    void whatIsClosedFollowsNothingMore() {
        pass(1);
        replicas.close();
        replicas.follow(now -> told.add(List.copyOf(now.keySet())));
        names = host -> List.of("10.0.0.9");
        pass(10);
        assertThat(told).hasSize(1);
        assertThat(opened).hasSize(2).allSatisfy((target, channel) -> assertThat(channel.isShutdown())
                .isTrue());
    }
}
