package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.foothold.cli.demo.DialRuns;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.remote.GrpcServices;
import io.foothold.orchestrator.run.RunManager;
import io.foothold.orchestrator.update.Manifest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs whose services die under them, and nobody resumes anything. */
class RecoveryRunTest {
    private static final int UPDATES = 6;

    @TempDir
    Path directory;

    private static String yaml(String method, int evaluationSamples) {
        Path policy = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");
        return DialRuns.yaml(method, 3, policy, "medium", 24, "medium", 6, evaluationSamples, UPDATES, 3)
                + "sampling: {groups_per_update: 4, rollouts_per_group: 4}\n";
    }

    private static List<String> digests(Stack stack) {
        return stack.ledger.manifests("r").stream().map(Manifest::digest).toList();
    }

    /** Waits for it while the run is under way. */
    private static void until(Stack stack, Callable<Boolean> reached) {
        await().atMost(Duration.ofSeconds(120)).until(() -> {
            Ledger.RunRow row = stack.runs.row("r");
            assertThat(row.state()).as(row.reason()).isNotIn("failed", "stopped");
            return reached.call();
        });
    }

    private static void awaitUpdates(Stack stack, int updates) {
        until(stack, () -> digests(stack).size() >= updates);
    }

    /** Waits until no update is done any more: the run waits for somebody. */
    private static void awaitNoUpdate(Stack stack) {
        AtomicInteger before = new AtomicInteger(-1);
        await().pollInterval(Duration.ofSeconds(2))
                .atMost(Duration.ofSeconds(120))
                .until(() -> {
                    int now = digests(stack).size();
                    return before.getAndSet(now) == now;
                });
    }

    private static void awaitRollouts(Stack stack, String purpose) {
        until(stack, () -> stack.ledger.countsByPurpose("r").getOrDefault(purpose, 0L) > 0);
    }

    private List<String> whole(String method, List<String> settings) throws Exception {
        try (Stack stack = new Stack(directory.resolve("whole"))) {
            stack.runs.create("r", yaml(method, 2), settings);
            assertThat(stack.runs.end("r").get(120, TimeUnit.SECONDS).state()).isEqualTo("finished");
            return digests(stack);
        }
    }

    private static void assertSame(Stack stack, List<String> whole) throws Exception {
        Ledger.RunRow row = stack.runs.end("r").get(180, TimeUnit.SECONDS);
        assertThat(row.state()).as(row.reason()).isEqualTo("finished");
        assertThat(digests(stack)).isEqualTo(whole);
        assertThat(stack.ledger.audit("r").sound()).isTrue();
    }

    @Test
    void aLearnerThatDiesAgainAndAgainIsOpenedAgainAndTheDigestStays() throws Exception {
        List<String> settings = List.of("checkpoint.every=4");
        List<String> whole = whole("pope-dial", settings);
        try (Stack stack = new Stack(directory.resolve("broken"))) {
            stack.runs.create("r", yaml("pope-dial", 2), settings);
            // Before the first update, between checkpoints, and behind one.
            for (int updates : new int[] {0, 2, 3, 5}) {
                awaitUpdates(stack, updates);
                stack.learner.die();
                stack.learner.begin();
            }
            assertSame(stack, whole);
        }
    }

    @Test
    void anAsynchronousRunOutlivesItsLearnerToo() throws Exception {
        try (Stack stack = new Stack(directory)) {
            stack.runs.create(
                    "r", yaml("grpo", 2) + "staleness: 2\n", List.of("checkpoint.every=4", "estimator.name=mean"));
            awaitUpdates(stack, 2);
            stack.learner.die();
            stack.learner.begin();
            Ledger.RunRow row = stack.runs.end("r").get(180, TimeUnit.SECONDS);
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(digests(stack)).hasSize(UPDATES);
            assertThat(stack.ledger.audit("r").sound()).isTrue();
        }
    }

    @Test
    void anAugmentationThatDiesInPreparationAndLaterIsAskedAgain() throws Exception {
        List<String> settings = List.of("mining.samples=4", "prefix_search.rollouts=4");
        List<String> whole = whole("pope-dial", settings);
        try (Stack stack = new Stack(directory.resolve("broken"))) {
            stack.runs.create("r", yaml("pope-dial", 2), settings);
            awaitRollouts(stack, "mining");
            stack.augmentation.die();
            stack.augmentation.begin();
            awaitRollouts(stack, "search");
            stack.augmentation.die();
            stack.augmentation.begin();
            awaitUpdates(stack, 2);
            stack.augmentation.die();
            until(stack, () -> stack.events.stream().anyMatch(e -> e.kind().equals("service_lost")));
            stack.augmentation.begin();
            assertSame(stack, whole);
            assertThat(stack.events).anySatisfy(e -> {
                assertThat(e.kind()).isEqualTo("service_lost");
                assertThat(e.json()).contains("augmentation at 127.0.0.1:" + stack.augmentation.port());
            });
        }
    }

    @Test
    void aServiceThatStaysAwayEndsTheRunWithItsName() throws Exception {
        GrpcServices.Waiting brief =
                new GrpcServices.Waiting(Duration.ofSeconds(1), Duration.ofMinutes(1), Duration.ofMinutes(1));
        for (String which : List.of("learner", "augmentation")) {
            try (Stack stack = new Stack(directory.resolve(which), brief)) {
                stack.runs.create("r", yaml("grpo-dial", 2), List.of());
                awaitUpdates(stack, 1);
                Stack.Restartable service = which.equals("learner") ? stack.learner : stack.augmentation;
                service.die();
                Ledger.RunRow row = stack.runs.end("r").get(60, TimeUnit.SECONDS);
                assertThat(row.state()).isEqualTo("failed");
                assertThat(row.reason()).contains(which + " at 127.0.0.1:" + service.port(), "was away for more than");
            }
        }
    }

    @Test
    void aRunThatWaitsForALostServiceStopsWhenItIsAskedTo() throws Exception {
        for (String which : List.of("learner", "augmentation")) {
            try (Stack stack = new Stack(directory.resolve(which))) {
                stack.runs.create("r", yaml("grpo-dial", 2), List.of());
                awaitUpdates(stack, 1);
                (which.equals("learner") ? stack.learner : stack.augmentation).die();
                awaitNoUpdate(stack);
                stack.runs.stop("r");
                assertThat(stack.runs.end("r").get(5, TimeUnit.SECONDS).state()).isEqualTo("stopped");
            }
        }
    }

    @Test
    void anEvaluationIsGivenUpWhenTheRunIsAskedToStopAndNothingIsLeftUnderWay() throws Exception {
        Path home = directory.resolve("broken");
        List<String> whole = whole("grpo-dial", List.of());
        try (Stack stack = new Stack(home)) {
            // So many that they are still sampled when the stop comes.
            stack.runs.create("r", yaml("grpo-dial", 2), List.of());
            awaitRollouts(stack, "evaluation");
            stack.runs.stop("r");
            Ledger.RunRow row = stack.runs.end("r").get(30, TimeUnit.SECONDS);
            assertThat(row.state()).as(row.reason()).isEqualTo("stopped");
            assertThat(stack.ledger.audit("r").counts().keySet()).allMatch(RolloutState::ended);
        }
        try (Stack stack = new Stack(home)) {
            stack.runs.resume("r");
            assertSame(stack, whole);
        }
    }

    @Test
    void anAbortedRunFailsWithTheReasonAndCanBeResumed() throws Exception {
        List<String> whole = whole("grpo-dial", List.of());
        try (Stack stack = new Stack(directory.resolve("broken"))) {
            stack.runs.create("r", yaml("grpo-dial", 2), List.of());
            awaitUpdates(stack, 1);
            stack.runs.abort("r", new FootholdException(ErrorCode.PEER_UNAVAILABLE, "learner died 6 times"));
            Ledger.RunRow row = stack.runs.end("r").get(30, TimeUnit.SECONDS);
            assertThat(row.state()).isEqualTo("failed");
            assertThat(row.reason()).isEqualTo("learner died 6 times");
            stack.runs.resume("r");
            assertSame(stack, whole);
        }
    }

    @Test
    void anOrchestratorTakesUpWhatWasUnderWayWhenItDied() throws Exception {
        List<String> whole = whole("grpo-dial", List.of());
        Path home = directory.resolve("broken");
        try (Stack stack = new Stack(home)) {
            stack.runs.create("r", yaml("grpo-dial", 2), List.of());
            awaitUpdates(stack, 2);
        }
        try (Stack stack = new Stack(home)) {
            List<String> adopted = new ArrayList<>(stack.runs.adopt());
            assertThat(adopted).containsExactly("r");
            assertSame(stack, whole);
            assertThat(stack.runs.adopt()).as("a finished run stays finished").isEmpty();
        }
    }

    @Test
    void aRunThatCannotGoOnFailsWithItsReasonWhenItIsTakenUp() throws Exception {
        try (Stack stack = new Stack(directory)) {
            Ledger.await(stack.ledger.createRun("bad", "method: nosuch\n", 1));
            RunManager runs = stack.runs;
            assertThat(runs.adopt()).isEmpty();
            assertThat(runs.row("bad").state()).isEqualTo("failed");
            assertThat(runs.row("bad").reason()).isNotEmpty();
        }
    }
}
