package io.foothold.orchestrator.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.ledger.RolloutState;
import io.foothold.core.method.Plain;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.random.Seeds;
import io.foothold.orchestrator.TestDatabase;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.v1.*;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A group of three whose second rollout is lost once, so that the policy is published again before it is asked for again. */
class HealingTest {
    private static final PolicyVersion POLICY = new PolicyVersion(7, "d");

    private ScriptedPeers peers;
    private LedgerStore ledger;
    private final List<String> asked = new CopyOnWriteArrayList<>();
    private final AtomicInteger healed = new AtomicInteger();

    @BeforeEach
    void start() throws Exception {
        // Long enough for the first connection of a process.
        peers = new ScriptedPeers(Duration.ofMinutes(1));
        ledger = new LedgerStore(TestDatabase.inMemory(), () -> Instant.EPOCH);
        peers.sampling = (work, results) -> {
            for (Reservation r : work.getReservationsList()) {
                asked.add(r.getRolloutId());
                results.emit(
                        r.getRolloutId().equals("run/g0/1")
                                ? SampleResponse.newBuilder()
                                        .setFailed(FailedRollout.newBuilder()
                                                .setRolloutId(r.getRolloutId())
                                                .setFailure(new FootholdException(ErrorCode.PEER_UNAVAILABLE, "gone")
                                                        .toItemFailure()))
                                        .build()
                                : SampleResponse.newBuilder()
                                        .setRollout(rollout(work, r.getRolloutId()))
                                        .build());
            }
            results.done();
            return () -> {};
        };
    }

    @AfterEach
    void stop() throws Exception {
        peers.close();
        ledger.close();
    }

    private static Rollout rollout(SampleWork work, String id) {
        return Rollout.newBuilder()
                .setId(id)
                .setPolicyDigest(work.getPolicy().getDigest())
                .addTokenIds(1)
                .addLogProbs(-1)
                .addPolicyVersions(POLICY.number())
                .setText("a")
                .setFinishReason(FinishReason.FINISH_REASON_STOP)
                .build();
    }

    private FilledGroup group(Runnable healing) {
        RunSpec spec = new RunSpec("run", RunFile.resolve("run.yaml", """
                        method: grpo
                        policy: {base: somewhere}
                        problems:
                          train: {family: dial, level: hard, count: 8}
                          evaluate:
                            hard-test: {family: dial, level: hard, count: 4, split: test}
                        """, List.of()));
        GroupRunner groups = new GroupRunner(spec, peers.services, ledger, RunClock.system(), "");
        groups.know(List.of(
                new io.foothold.core.problem.Problem("p", "", ProblemKind.MATH, "", List.of(), "", "train", 0)));
        groups.source().publishing(POLICY.number());
        groups.healBy(() -> {
            healed.incrementAndGet();
            healing.run();
        });
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            return new MethodRunner(spec, peers.services, groups, RunClock.system(), threads)
                    .run(
                            new Plain(3),
                            "run/g0",
                            attempt -> new PromptedStart(new io.foothold.core.start.StartState.Root("p"), "", 0),
                            Seeds.of(1),
                            POLICY)
                    .groups()
                    .get(0);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"PEER_UNAVAILABLE", "DEADLINE", "DRAINING"})
    void whoIsAwayWhileThePolicyIsPublishedAgainCostsNoGroup(ErrorCode away) {
        FilledGroup group = group(() -> {
            throw new FootholdException(away, "the sampler is away");
        });
        assertThat(group.members()).hasSize(3);
        assertThat(healed).hasValue(1);
        assertThat(asked)
                .as("the good ones are kept")
                .containsExactly("run/g0/0", "run/g0/1", "run/g0/2", "run/g0/1+1");
        Ledger.await(ledger.dropUnfinished("nobody", "waits for the writes before it"));
        assertThat(ledger.audit("run").counts()).isEqualTo(Map.of(RolloutState.VERIFIED, 3L, RolloutState.DROPPED, 1L));
    }

    @Test
    void aRefusalOfThePolicyEndsTheGroupWithItsReason() {
        assertThatThrownBy(() -> group(() -> {
                    throw new FootholdException(ErrorCode.CONFLICT, "run other publishes to these servers");
                }))
                .hasMessageContaining("run other publishes");
    }
}
