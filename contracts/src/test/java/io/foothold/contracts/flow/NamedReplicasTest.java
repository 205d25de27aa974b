package io.foothold.contracts.flow;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.contracts.simulation.SimulatedTime;
import io.grpc.ManagedChannel;
import io.grpc.inprocess.InProcessChannelBuilder;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class NamedReplicasTest {
    private final SimulatedTime time = new SimulatedTime(new SplittableRandom(1));
    private final Map<String, ManagedChannel> opened = new LinkedHashMap<>();
    private final List<List<String>> told = new ArrayList<>();
    private NamedReplicas.Names names = host -> List.of("10.0.0.2", "10.0.0.1");
    private final NamedReplicas replicas =
            new NamedReplicas("verifier", 9203, host -> names.of(host), this::open, time.timer());

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
        try (NamedReplicas local = new NamedReplicas("localhost", 1)) {
            assertThat(local.now()).hasSize(1);
        }
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
