package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.cli.demo.DialRuns;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.update.Manifest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How runs end, and what of their schedule is made up for when they go on. */
class RunEndTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir
    Path directory;

    private static String yaml(String method, int updates, String more) {
        Path policy = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");
        return DialRuns.yaml(method, 3, policy, "medium", 24, "medium", 4, 2, updates, 2)
                + "sampling: {groups_per_update: 4, rollouts_per_group: 4}\n" + more;
    }

    private static Ledger.RunRow end(Stack stack) throws Exception {
        return stack.runs.end("r").get(120, TimeUnit.SECONDS);
    }

    /** Update and set of every evaluation, in order. */
    private static List<String> evaluated(Stack stack) throws Exception {
        List<String> out = new ArrayList<>();
        for (String json : stack.ledger.evaluations("r")) {
            JsonNode one = MAPPER.readTree(json);
            out.add(one.path("update").asLong() + " " + one.path("set").asText());
        }
        return out;
    }

    private static List<String> digests(Stack stack) {
        return stack.ledger.manifests("r").stream().map(Manifest::digest).toList();
    }

    /** Stops the run at the first event of a kind that has this text. */
    private static void stopAt(Stack stack, String kind, String text) {
        AtomicBoolean stopped = new AtomicBoolean();
        stack.onEvent = event -> {
            if (event.kind().equals(kind) && event.json().contains(text) && !stopped.getAndSet(true)) {
                stack.runs.stop("r");
            }
        };
    }

    private static final List<String> BY_TOKENS = List.of("evaluation.every_tokens=600");
    private static final String TWO_SETS =
            "  evaluate:\n    a-second: {family: dial, level: easy, count: 3, seed: 9, split: test}\n";

    @Test
    void anEvaluationThatAStopGaveUpIsMadeWhenTheRunGoesOn() throws Exception {
        String yaml = yaml("grpo-dial", 6, "").replace("  evaluate:\n", TWO_SETS);
        List<String> whole;
        List<String> digests;
        try (Stack stack = new Stack(directory.resolve("whole"))) {
            stack.runs.create("r", yaml, BY_TOKENS);
            assertThat(end(stack).state()).isEqualTo("finished");
            whole = evaluated(stack);
            digests = digests(stack);
        }
        long update = whole.stream()
                .map(at -> Long.parseLong(at.substring(0, at.indexOf(' '))))
                .filter(at -> at > 0 && at < 6)
                .findFirst()
                .orElseThrow();
        // Before any of its sets, and between them.
        String[][] stops = {
            {"update_done", "\"update\":" + update + ","}, {"evaluation_done", "\"update\":" + update + ","}
        };
        for (String[] at : stops) {
            try (Stack stack = new Stack(directory.resolve(at[0]))) {
                stopAt(stack, at[0], at[1]);
                stack.runs.create("r", yaml, BY_TOKENS);
                assertThat(end(stack).state()).isEqualTo("stopped");
                assertThat(evaluated(stack)).hasSizeLessThan(whole.size());
                stack.runs.resume("r");
                Ledger.RunRow row = end(stack);
                assertThat(row.state()).as(row.reason()).isEqualTo("finished");
                assertThat(evaluated(stack)).isEqualTo(whole);
                assertThat(digests(stack)).isEqualTo(digests);
            }
        }
    }

    /** The next update is trained while one is evaluated, and its weights are what the run goes on with. */
    @Test
    void anAsynchronousRunMakesUpForAnEvaluationThatAStopGaveUp() throws Exception {
        try (Stack stack = new Stack(directory)) {
            stopAt(stack, "update_done", "\"update\":2,");
            stack.runs.create(
                    "r", yaml("grpo", 8, "staleness: 2\n"), List.of("estimator.name=mean", "evaluation.every=2"));
            assertThat(end(stack).state()).isEqualTo("stopped");
            long reached = stack.runs.row("r").updateDone();
            stack.runs.resume("r");
            Ledger.RunRow row = end(stack);
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(evaluated(stack)).contains(reached + " medium-test");
        }
    }

    /** An evaluation here ends only when groups have begun that had no place before it. */
    @Test
    void anAsynchronousRunLaunchesGroupsWhileItEvaluates() throws Exception {
        int update = 4 * 4;
        try (Stack stack = new Stack(directory)) {
            stack.onEvent = event -> {
                if (event.kind().equals("evaluation_done")) {
                    long at = evaluatedUpdate(event.json());
                    long before = at == 0 ? 0 : (2 + at) * update;
                    if (at <= 2) {
                        await().atMost(Duration.ofSeconds(60)).until(() -> launched(stack) > before);
                    }
                }
            };
            stack.runs.create(
                    "r", yaml("grpo", 6, "staleness: 2\n"), List.of("estimator.name=mean", "evaluation.every=1"));
            Ledger.RunRow row = end(stack);
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(evaluated(stack)).hasSize(7);
            assertThat(stack.ledger.manifests("r")).hasSize(6).allSatisfy(m -> assertThat(
                            m.metrics().get("staleness_max"))
                    .isLessThanOrEqualTo(2));
            assertThat(stack.ledger.audit("r").sound()).isTrue();
            assertThat(stack.ledger.audit("r").counts().keySet()).allMatch(RolloutState::ended);
        }
    }

    @Test
    void aSynchronousRunLaunchesNothingBeforeItHasEvaluated() throws Exception {
        try (Stack stack = new Stack(directory)) {
            List<String> early = new CopyOnWriteArrayList<>();
            stack.onEvent = event -> {
                if (event.kind().equals("evaluation_done")) {
                    long expected = evaluatedUpdate(event.json()) * 4 * 4;
                    if (launched(stack) != expected) {
                        early.add(launched(stack) + " rollouts at " + event.json());
                    }
                }
            };
            stack.runs.create("r", yaml("grpo-dial", 3, ""), List.of("evaluation.every=1"));
            assertThat(end(stack).state()).isEqualTo("finished");
            assertThat(early).isEmpty();
            assertThat(stack.events.stream()
                            .map(RunEvent::kind)
                            .filter(k -> List.of("policy_published", "update_done", "evaluation_done")
                                    .contains(k))
                            .toList())
                    .as("one after the other")
                    .startsWith(
                            "policy_published",
                            "evaluation_done",
                            "policy_published",
                            "update_done",
                            "evaluation_done");
        }
    }

    private static long launched(Stack stack) {
        return stack.ledger.countsByPurpose("r").getOrDefault("train", 0L);
    }

    private static long evaluatedUpdate(String json) {
        try {
            return MAPPER.readTree(json).path("update").asLong();
        } catch (JsonProcessingException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void anAsynchronousRunTrainsNothingMoreOnceItsTokensAreSpent() throws Exception {
        for (int most : new int[] {1, 200}) {
            try (Stack stack = new Stack(directory.resolve("at-" + most))) {
                stack.runs.create(
                        "r",
                        yaml("grpo", 8, "staleness: 2\n"),
                        List.of("estimator.name=mean", "max_training_tokens=" + most));
                Ledger.RunRow row = end(stack);
                assertThat(row.state()).as(row.reason()).isEqualTo("finished");
                assertThat(stack.ledger.manifests("r")).hasSize(1);
                assertThat(evaluated(stack)).containsExactly("0 medium-test", "1 medium-test");
                assertThat(stack.ledger.audit("r").counts().keySet()).allMatch(RolloutState::ended);
            }
        }
    }

    @Test
    void anErrorOfTheMachineEndsTheRunWithItsReasonAndItCanGoOn() throws Exception {
        List<Error> errors = List.of(
                new OutOfMemoryError("Java heap space"),
                new StackOverflowError("deep"),
                new NoClassDefFoundError("io/foothold/Absent"));
        String[] kinds = {"run_started", "update_done", "evaluation_done"};
        for (int i = 0; i < kinds.length; i++) {
            String kind = kinds[i];
            Error error = errors.get(i);
            AtomicBoolean thrown = new AtomicBoolean();
            try (Stack stack = new Stack(directory.resolve(kind))) {
                stack.onEvent = event -> {
                    if (event.kind().equals(kind) && !thrown.getAndSet(true)) {
                        throw error;
                    }
                };
                stack.runs.create("r", yaml("grpo-dial", 2, ""), List.of());
                Ledger.RunRow row = end(stack);
                assertThat(row.state()).isEqualTo("failed");
                assertThat(row.reason()).contains(error.getClass().getSimpleName(), error.getMessage());
                assertThat(stack.ledger.audit("r").counts().keySet())
                        .as("nothing is left under way")
                        .allMatch(s -> s.ended() || s == RolloutState.ADMITTED);
                stack.runs.resume("r");
                row = end(stack);
                assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            }
        }
    }

    /** Nothing is under way then that would fail. */
    @Test
    void aRunThatIsAbortedBetweenTwoUpdatesHasFailed() throws Exception {
        String[][] moments = {{"run_started", ""}, {"update_done", "\"update\":1,"}, {"update_done", "\"update\":2,"}};
        for (int i = 0; i < moments.length; i++) {
            String[] at = moments[i];
            try (Stack stack = new Stack(directory.resolve("at-" + i))) {
                stack.onEvent = event -> {
                    if (event.kind().equals(at[0]) && event.json().contains(at[1])) {
                        stack.runs.abort(
                                "r", new FootholdException(ErrorCode.PEER_UNAVAILABLE, "learner died 6 times"));
                    }
                };
                stack.runs.create("r", yaml("grpo-dial", 2, ""), List.of());
                Ledger.RunRow row = end(stack);
                assertThat(row.state()).as(at[0] + at[1]).isEqualTo("failed");
                assertThat(row.reason()).isEqualTo("learner died 6 times");
            }
        }
    }

    @Test
    void aRunWhoseLastEventCannotBeToldIsOverAllTheSame() throws Exception {
        try (Stack stack = new Stack(directory)) {
            stack.onEvent = event -> {
                if (event.kind().equals("run_ended")) {
                    throw new OutOfMemoryError("Java heap space");
                }
            };
            stack.runs.create("r", yaml("grpo-dial", 1, ""), List.of());
            assertThat(stack.runs
                            .end("r")
                            .handle((row, failure) -> failure != null)
                            .get(120, TimeUnit.SECONDS))
                    .isTrue();
            assertThat(stack.runs.row("r").state()).isEqualTo("finished");
            assertThat(end(stack).state()).as("it is not under way any more").isEqualTo("finished");
        }
    }
}
