package io.foothold.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.Replicas;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.sampler.rollout.GroupWork;
import io.foothold.sampler.rollout.RolloutSampler;
import io.foothold.sampler.rollout.SampledRollout;
import io.foothold.sampler.triton.PublishedPolicy;
import io.foothold.sampler.triton.Servers;
import io.foothold.sampler.triton.TritonEndpoint;
import io.grpc.Channel;
import io.grpc.inprocess.InProcessChannelBuilder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Inference servers behind one name that come and go. */
class ServersTest {
    private final Name name = new Name();

    /** A name whose addresses a test sets. */
    private static final class Name implements Replicas {
        private Consumer<Map<String, Channel>> follower = all -> {};
        private Map<String, Channel> all = Map.of();

        void has(String... targets) {
            Map<String, Channel> next = new TreeMap<>();
            for (String target : targets) {
                next.put(target, InProcessChannelBuilder.forName(target).build());
            }
            all = next;
            follower.accept(next);
        }

        @Override
        public String address() {
            return "policy-server:9201";
        }

        @Override
        public Map<String, Channel> now() {
            return all;
        }

        @Override
        public void follow(Consumer<Map<String, Channel>> next) {
            follower = next;
            next.accept(all);
        }

        @Override
        public void close() {}
    }

    private RolloutSampler sampler() {
        return new RolloutSampler(
                new Servers(
                        List.of("policy-server:9201"),
                        (target, host) -> new TritonEndpoint(target, "policy", Optional.empty()),
                        any -> name),
                new RolloutSampler.Limits(
                        Duration.ofMinutes(5),
                        4,
                        Duration.ofMillis(20),
                        Duration.ofMillis(100),
                        Duration.ofSeconds(20)));
    }

    private static List<String> targets(RolloutSampler sampler) {
        return sampler.endpoints().stream().map(TritonEndpoint::target).toList();
    }

    /** Samples one rollout by the published policy and waits for it; gives what failed. */
    private static List<String> sample(RolloutSampler sampler, String group) throws InterruptedException {
        List<String> failed = new ArrayList<>();
        CountDownLatch done = new CountDownLatch(1);
        sampler.sample(
                new GroupWork(
                        group,
                        "p",
                        new int[] {1},
                        new int[0],
                        new GroupWork.Settings(1, 1, 0, 8, "", List.of(), 0, 0),
                        List.of(new GroupWork.Reservation(group + "/0", 1)),
                        0,
                        Optional.empty()),
                new RolloutSampler.Sink() {
                    @Override
                    public void sampled(SampledRollout rollout) {}

                    @Override
                    public void failed(String rolloutId, FootholdException failure) {
                        failed.add(failure.text());
                    }

                    @Override
                    public void done() {
                        done.countDown();
                    }
                });
        assertThat(done.await(30, TimeUnit.SECONDS)).isTrue();
        return failed;
    }

    private static PublishedPolicy policy(long version) {
        return new PublishedPolicy(new PolicyVersion(version, "d"), "file:///w", Optional.empty(), Optional.empty());
    }

    @Test
    void aNameStandsForAllItsAddressesAndAPolicyIsPublishedToEach() throws Exception {
        try (ScriptedTriton one = new ScriptedTriton();
                ScriptedTriton two = new ScriptedTriton()) {
            name.has(one.target(), two.target());
            RolloutSampler sampler = sampler();
            assertThat(targets(sampler)).containsExactlyInAnyOrder(one.target(), two.target());
            sampler.watch().publish(policy(9));
            assertThat(List.of(one.version, two.version)).containsExactly(9L, 9L);
            sampler.close();
        }
    }

    @Test
    void aServerThatComesLaterHasThePublishedPolicyBeforeItGetsWork() throws Exception {
        try (ScriptedTriton one = new ScriptedTriton();
                ScriptedTriton late = new ScriptedTriton()) {
            name.has(one.target());
            RolloutSampler sampler = sampler();
            sampler.watch().publish(policy(9));
            late.refusal = "not yet";
            name.has(one.target(), late.target());
            for (int i = 0; i < 20; i++) {
                assertThat(sample(sampler, "before" + i)).isEmpty();
            }
            assertThat(late.generated).as("it has version 7 still").hasValue(0);
            late.refusal = "";
            await().atMost(Duration.ofSeconds(10)).until(() -> late.version == 9);
            await().atMost(Duration.ofSeconds(10)).untilAsserted(() -> {
                one.deadModel = true;
                assertThat(sample(sampler, "after")).isEmpty();
                assertThat(late.generated.get()).isPositive();
            });
            sampler.close();
        }
    }

    @Test
    void oneThatLeavesGetsNoMoreWorkAndIsLetGoWhenItIsDone() throws Exception {
        try (ScriptedTriton stays = new ScriptedTriton();
                ScriptedTriton leaves = new ScriptedTriton()) {
            name.has(stays.target(), leaves.target());
            RolloutSampler sampler = sampler();
            TritonEndpoint left = sampler.endpoints().stream()
                    .filter(e -> e.target().equals(leaves.target()))
                    .findFirst()
                    .orElseThrow();
            name.has(stays.target());
            assertThat(targets(sampler)).containsExactly(stays.target());
            for (int i = 0; i < 20; i++) {
                assertThat(sample(sampler, "g" + i)).isEmpty();
            }
            assertThat(leaves.generated).hasValue(0);
            await().atMost(Duration.ofSeconds(10))
                    .untilAsserted(() -> assertThatThrownBy(() -> left.status(Duration.ofSeconds(1)))
                            .hasMessageContaining("shut"));
            sampler.close();
        }
    }

    @Test
    void aNameWithoutAddressesStandsForItselfAndOneThatLosesThemKeepsWhatWasKnown() throws Exception {
        try (ScriptedTriton one = new ScriptedTriton()) {
            RolloutSampler sampler = sampler();
            assertThat(targets(sampler)).containsExactly("policy-server:9201");
            name.has(one.target());
            assertThat(targets(sampler)).containsExactly(one.target());
            name.has();
            assertThat(targets(sampler)).containsExactly(one.target());
            assertThat(sample(sampler, "g")).isEmpty();
            sampler.close();
        }
    }

    @Test
    void anEntryWithoutAPortIsRefused() {
        for (String wrong : List.of("policy-server", ":9201", "policy-server:x", "policy-server:70000")) {
            assertThatThrownBy(() -> new Servers(
                            List.of(wrong), (target, host) -> new TritonEndpoint(target, "policy", Optional.empty())))
                    .as(wrong)
                    .isInstanceOf(FootholdException.class)
                    .hasMessageContaining("'" + wrong + "': expected host:port");
        }
    }
}
