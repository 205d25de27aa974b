package io.foothold.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.foothold.contracts.error.FootholdException;
import io.foothold.sampler.rollout.GroupWork;
import io.foothold.sampler.rollout.RolloutSampler;
import io.foothold.sampler.rollout.SampledRollout;
import io.foothold.sampler.triton.TritonEndpoint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

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
                endpoints,
                new RolloutSampler.Limits(
                        Duration.ofMinutes(5), 4, Duration.ofMillis(20), Duration.ofMillis(100), patience));
    }

    /** What came of a group: rollout ids, "failed", then "done". */
    private static BlockingQueue<String> sample(RolloutSampler sampler, String group, int rollouts) {
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
                        0),
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

    @Test
    void rolloutsOfADeadModelProcessAreSampledByTheOtherServer() throws Exception {
        try (ScriptedTriton dead = new ScriptedTriton();
                ScriptedTriton alive = new ScriptedTriton()) {
            dead.deadModel = true;
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
            assertThat(sampler.watch().publish(9, "file:///w", "d")).isEqualTo(5);
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
        sampler.watch().publish(8, "file:///w", "d");
        first.close();
        CompletableFuture<Long> waiting =
                CompletableFuture.supplyAsync(() -> sampler.watch().publish(9, "file:///w", "d"));
        Thread.sleep(700);
        assertThat(waiting).isNotDone();
        try (ScriptedTriton second = new ScriptedTriton(port)) {
            assertThat(waiting.get(20, TimeUnit.SECONDS)).isEqualTo(5);
            assertThat(second.version).isEqualTo(9);
        }
        sampler.close();
        RolloutSampler nowhere = new RolloutSampler(
                List.of(new TritonEndpoint("127.0.0.1:" + port, "policy", Optional.empty())),
                new RolloutSampler.Limits(
                        Duration.ofMinutes(5),
                        4,
                        Duration.ofMillis(20),
                        Duration.ofMillis(100),
                        Duration.ofSeconds(20)));
        assertThatThrownBy(() -> nowhere.watch().publish(8, "file:///w", "d"))
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
            assertThat(sampler.watch().publish(8, "file:///w", "d")).isEqualTo(5);
            assertThat(sampler.endpoints().get(1).healthy()).isFalse();
            here.close();
            assertThatThrownBy(() -> sampler.watch().publish(9, "file:///w", "d"))
                    .isInstanceOf(FootholdException.class)
                    .hasMessageContaining("127.0.0.1");
            sampler.close();
        }
    }
}
