package io.foothold.sampler;

import static io.foothold.contracts.triton.PolicyTensors.ADAPTER_DIGEST;
import static io.foothold.contracts.triton.PolicyTensors.ADAPTER_URI;
import static io.foothold.contracts.triton.PolicyTensors.CANARY_IDS;
import static io.foothold.contracts.triton.PolicyTensors.CANARY_LENGTHS;
import static io.foothold.contracts.triton.PolicyTensors.CANARY_LOG_PROBS;
import static io.foothold.contracts.triton.PolicyTensors.WEIGHTS_DIGEST;
import static io.foothold.contracts.triton.PolicyTensors.WEIGHTS_URI;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.Canary;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.sampler.rollout.GroupWork;
import io.foothold.sampler.rollout.RolloutSampler;
import io.foothold.sampler.rollout.SampledRollout;
import io.foothold.sampler.triton.PublishedPolicy;
import io.foothold.sampler.triton.Servers;
import io.foothold.sampler.triton.TritonEndpoint;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Servers that die, come back, or only look alive. */
class EndpointWatchTest {
    private static RolloutSampler sampler(ScriptedTriton... servers) {
        return sampler(Duration.ofSeconds(20), servers);
    }

    private static RolloutSampler sampler(Duration patience, ScriptedTriton... servers) {
        List<TritonEndpoint> endpoints = new ArrayList<>();
        for (ScriptedTriton server : servers) {
            endpoints.add(new TritonEndpoint(server.target(), "policy", Optional.empty()));
        }
        return new RolloutSampler(
                new Servers(endpoints),
                new RolloutSampler.Limits(
                        Duration.ofMinutes(5), 4, Duration.ofMillis(20), Duration.ofMillis(100), patience));
    }

    private static PublishedPolicy policy(long version, String digest) {
        return new PublishedPolicy(new PolicyVersion(version, digest), "file:///w", Optional.empty(), Optional.empty());
    }

    /** What came of a group: rollout ids, "failed", then "done". */
    private static BlockingQueue<String> sample(RolloutSampler sampler, String group, int rollouts) {
        return sample(sampler, group, rollouts, 0, Optional.empty());
    }

    private static BlockingQueue<String> sample(
            RolloutSampler sampler, String group, int rollouts, long oldest, Optional<PolicyVersion> exactly) {
        BlockingQueue<String> out = new LinkedBlockingQueue<>();
        List<GroupWork.Reservation> reservations = new ArrayList<>();
        for (int i = 0; i < rollouts; i++) {
            reservations.add(new GroupWork.Reservation(group + "/" + i, i));
        }
        sampler.sample(
                new GroupWork(
                        group,
                        "p",
                        new int[] {1},
                        new int[0],
                        new GroupWork.Settings(1, 1, 0, 8, "", List.of(), 0, 0),
                        reservations,
                        oldest,
                        exactly),
                new RolloutSampler.Sink() {
                    @Override
                    public void sampled(SampledRollout rollout) {
                        out.add(rollout.rolloutId());
                    }

                    @Override
                    public void failed(String rolloutId, FootholdException failure) {
                        out.add("failed " + failure.text());
                    }

                    @Override
                    public void done() {
                        out.add("done");
                    }
                });
        return out;
    }

    private static List<String> all(BlockingQueue<String> queue) throws InterruptedException {
        List<String> out = new ArrayList<>();
        for (String next = ""; !next.equals("done"); ) {
            next = queue.poll(30, TimeUnit.SECONDS);
            assertThat(next).as("after %s", out).isNotNull();
            out.add(next);
        }
        return out;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Stub process 'policy_0_0' is not healthy.",
                "the engine has stopped: OutOfMemoryError: Java heap space"
            })
    void rolloutsOfADeadModelProcessAreSampledByTheOtherServer(String death) throws Exception {
        try (ScriptedTriton dead = new ScriptedTriton();
                ScriptedTriton alive = new ScriptedTriton()) {
            dead.deadModel = true;
            dead.death = death;
            RolloutSampler sampler = sampler(dead, alive);
            // Silent streams: without the watch they would wait for their deadline of five minutes.
            for (int g = 0; g < 4; g++) {
                assertThat(all(sample(sampler, "g" + g, 3)))
                        .containsExactlyInAnyOrder("g" + g + "/0", "g" + g + "/1", "g" + g + "/2", "done");
            }
            await().atMost(Duration.ofSeconds(10))
                    .until(() -> !sampler.endpoints().get(0).healthy());
            int asked = dead.generated.get();
            assertThat(all(sample(sampler, "late", 3))).hasSize(4);
            assertThat(dead.generated.get()).as("a sick server gets no work").isEqualTo(asked);
            dead.deadModel = false;
            await().atMost(Duration.ofSeconds(10))
                    .until(() -> sampler.endpoints().get(0).healthy());
            sampler.close();
        }
    }

    @Test
    void theOnlyServerComesBackAndNoRolloutIsLostOrTwice() throws Exception {
        ScriptedTriton first = new ScriptedTriton();
        RolloutSampler sampler = sampler(first);
        assertThat(all(sample(sampler, "before", 2))).hasSize(3);
        int port = Integer.parseInt(first.target().split(":")[1]);
        first.close();
        BlockingQueue<String> waiting = sample(sampler, "during", 5);
        Thread.sleep(1_500);
        assertThat(waiting)
                .as("more attempts than it may make would have failed by now")
                .isEmpty();
        try (ScriptedTriton second = new ScriptedTriton(port)) {
            assertThat(all(waiting))
                    .containsExactlyInAnyOrder("during/0", "during/1", "during/2", "during/3", "during/4", "done");
            assertThat(second.generated.get()).isEqualTo(5);
        }
        sampler.close();
    }

    @Test
    void aServerThatCameBackWithAnOldPolicyGetsThePublishedOneFirst() throws Exception {
        try (ScriptedTriton server = new ScriptedTriton()) {
            RolloutSampler sampler = sampler(server);
            assertThat(sampler.watch().publish(policy(9, "d"))).isEqualTo(5);
            assertThat(server.version).isEqualTo(9);
            server.version = 0;
            await().atMost(Duration.ofSeconds(10)).until(() -> server.version == 9);
            assertThat(server.updates.get()).isEqualTo(2);
            sampler.close();
        }
    }

    @Test
    void aPublicationWaitsForTheOnlyServerAndOneThatWasNeverThereIsAnErrorAtOnce() throws Exception {
        ScriptedTriton first = new ScriptedTriton();
        int port = Integer.parseInt(first.target().split(":")[1]);
        RolloutSampler sampler = sampler(first);
        sampler.watch().publish(policy(8, "d"));
        first.close();
        CompletableFuture<Long> waiting =
                CompletableFuture.supplyAsync(() -> sampler.watch().publish(policy(9, "d")));
        Thread.sleep(700);
        assertThat(waiting).isNotDone();
        try (ScriptedTriton second = new ScriptedTriton(port)) {
            assertThat(waiting.get(20, TimeUnit.SECONDS)).isEqualTo(5);
            assertThat(second.version).isEqualTo(9);
        }
        sampler.close();
        RolloutSampler nowhere = new RolloutSampler(
                new Servers(List.of(new TritonEndpoint("127.0.0.1:" + port, "policy", Optional.empty()))),
                new RolloutSampler.Limits(
                        Duration.ofMinutes(5),
                        4,
                        Duration.ofMillis(20),
                        Duration.ofMillis(100),
                        Duration.ofSeconds(20)));
        assertThatThrownBy(() -> nowhere.watch().publish(policy(8, "d")))
                .isInstanceOf(FootholdException.class)
                .hasMessageContaining("127.0.0.1:" + port);
        nowhere.close();
    }

    @Test
    void aPublicationSucceedsWhereOneServerSwitchesAndFailsWhereNoneDoes() throws Exception {
        try (ScriptedTriton here = new ScriptedTriton();
                ScriptedTriton away = new ScriptedTriton()) {
            RolloutSampler sampler = sampler(Duration.ofSeconds(1), here, away);
            away.close();
            assertThat(sampler.watch().publish(policy(8, "d"))).isEqualTo(5);
            assertThat(sampler.endpoints().get(1).healthy()).isFalse();
            here.close();
            assertThatThrownBy(() -> sampler.watch().publish(policy(9, "d")))
                    .isInstanceOf(FootholdException.class)
                    .hasMessageContaining("127.0.0.1");
            sampler.close();
        }
    }

    /** Whoever switched it, and to whatever: above, below, or the same number of another run. */
    @Test
    void aServerWithAnyOtherPolicyThanThePublishedOneGetsThatOneBeforeItGetsWork() throws Exception {
        try (ScriptedTriton server = new ScriptedTriton()) {
            RolloutSampler sampler = sampler(server);
            sampler.watch().publish(policy(9, "mine"));
            int times = 1;
            for (PolicyVersion other : List.of(
                    new PolicyVersion(1000, "theirs"), new PolicyVersion(9, "theirs"), new PolicyVersion(8, "mine"))) {
                server.version = other.number();
                server.digest = other.digest();
                assertThat(all(sample(sampler, "after" + times, 2, 0, Optional.of(new PolicyVersion(9, "mine")))))
                        .as("%s", other)
                        .containsExactlyInAnyOrder("after" + times + "/0", "after" + times + "/1", "done");
                assertThat(server.version).isEqualTo(9);
                assertThat(server.digest).isEqualTo("mine");
                assertThat(server.updates.get()).isEqualTo(++times);
            }
            sampler.close();
        }
    }

    @Test
    void tokensThatAreStampedWithAnotherVersionThanAskedForAreNotTaken() throws Exception {
        try (ScriptedTriton server = new ScriptedTriton()) {
            RolloutSampler sampler = sampler(server);
            server.careless = true;
            assertThat(all(sample(sampler, "exact", 1, 0, Optional.of(new PolicyVersion(5, "d")))))
                    .as("7 sampled, and nothing was published that could heal it")
                    .satisfiesExactly(
                            first -> assertThat(first).startsWith("failed").contains("version 7", "version 5"),
                            last -> assertThat(last).isEqualTo("done"));
            assertThat(all(sample(sampler, "old", 1, 8, Optional.empty())))
                    .satisfiesExactly(
                            first -> assertThat(first).startsWith("failed").contains("older than 8"),
                            last -> assertThat(last).isEqualTo("done"));
            sampler.watch().publish(policy(7, "d"));
            server.version = 1000;
            assertThat(all(sample(sampler, "asynchronous", 2, 7, Optional.empty())))
                    .as("nobody here published 1000: the server is healed first")
                    .containsExactlyInAnyOrder("asynchronous/0", "asynchronous/1", "done");
            assertThat(server.version).isEqualTo(7);
            sampler.close();
        }
    }

    @Test
    void adaptersGoToTheServersThatTakeThemAlone() throws IOException {
        try (ScriptedTriton takes = new ScriptedTriton();
                ScriptedTriton merged = new ScriptedTriton()) {
            takes.adapters = "adapter";
            RolloutSampler sampler = sampler(takes, merged);
            sampler.watch()
                    .publish(new PublishedPolicy(
                            new PolicyVersion(8, "e"),
                            "file:///w",
                            Optional.empty(),
                            Optional.of(new PublishedPolicy.Adapter("file:///a", "d"))));
            assertThat(takes.switched.get(ADAPTER_URI).text()).isEqualTo("file:///a");
            assertThat(takes.switched.get(ADAPTER_DIGEST).text()).isEqualTo("d");
            assertThat(takes.switched.get(WEIGHTS_DIGEST).text())
                    .as("the policy's name stays that of the merged weights")
                    .isEqualTo("e");
            assertThat(merged.switched).containsKey(WEIGHTS_URI).doesNotContainKeys(ADAPTER_URI, ADAPTER_DIGEST);
            sampler.watch().publish(policy(9, "f"));
            assertThat(takes.switched).doesNotContainKey(ADAPTER_URI);
            sampler.close();
        }
    }

    @Test
    void aServerThatMayNotBeChangedOrComputesSomethingElseEndsThePublicationWithItsReason() throws Exception {
        try (ScriptedTriton here = new ScriptedTriton();
                ScriptedTriton wrong = new ScriptedTriton()) {
            RolloutSampler sampler = sampler(here, wrong);
            Canary canary = new Canary(List.of(new int[] {1, 2, 3}), List.of(new float[] {-1, -2}));
            PublishedPolicy next =
                    new PublishedPolicy(new PolicyVersion(8, "e"), "file:///w", Optional.of(canary), Optional.empty());
            wrong.refusal = "canary: version 8 (e) differs by 0.5";
            assertThatThrownBy(() -> sampler.watch().publish(next))
                    .isInstanceOfSatisfying(
                            FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INTERNAL))
                    .hasMessageContaining(wrong.target() + ": canary: version 8");
            wrong.refusal = "";
            sampler.watch().publish(next);
            assertThat(wrong.switched.get(CANARY_IDS).ints()).containsExactly(1, 2, 3);
            assertThat(wrong.switched.get(CANARY_LENGTHS).ints()).containsExactly(3);
            assertThat(wrong.switched.get(CANARY_LOG_PROBS).floats()).containsExactly(-1, -2);
            wrong.version = 7;
            wrong.switched = Map.of();
            await().atMost(Duration.ofSeconds(10)).until(() -> wrong.version == 8);
            assertThat(wrong.switched).as("healing proves it too").containsKey(CANARY_IDS);
            here.refusal = "control operations need the admin secret";
            assertThatThrownBy(() -> sampler.watch().publish(next))
                    .as("also when there is nothing to change: before anything is sampled")
                    .hasMessageContaining("admin secret");
            sampler.close();
        }
    }
}
