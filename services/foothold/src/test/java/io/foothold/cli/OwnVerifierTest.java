package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.foothold.cli.demo.DialRuns;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.remote.GrpcServices;
import io.foothold.v1.Verdict;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Verifiers of one's own that are wrong, silent, or not there. */
class OwnVerifierTest {
    private static final GrpcServices.Waiting BRIEF =
            new GrpcServices.Waiting(Duration.ofSeconds(20), Duration.ofMinutes(1), Duration.ofSeconds(1));
    private static final Verdict PASS = ScriptedVerifier.PASS;

    @TempDir
    Path directory;

    private static String yaml() {
        Path policy = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");
        return DialRuns.yaml("grpo-dial", 3, policy, "easy", 4, "easy", 4, 4, 1, 1)
                + "sampling: {groups_per_update: 2, rollouts_per_group: 4, max_tokens: 8}\n";
    }

    /** Passes gold answers and says of the n-th rollout what the script says; nothing when it says nothing. */
    private static ScriptedVerifier serve(IntFunction<Optional<Verdict>> script) throws IOException {
        AtomicInteger asked = new AtomicInteger();
        return new ScriptedVerifier(
                work -> work.getGoldOnly() ? Optional.of(PASS) : script.apply(asked.getAndIncrement()));
    }

    private static Ledger.RunRow end(Stack stack, String address) throws Exception {
        stack.runs.create(
                "r", yaml(), List.of("verification.servers.exact=" + address, "alarms.max_verifier_error_share=0.5"));
        return stack.runs.end("r").get(120, TimeUnit.SECONDS);
    }

    @Test
    void aVerdictThatNeverComesIsATimeoutOfItsRolloutOnly() throws Exception {
        try (ScriptedVerifier verifier = serve(n -> n % 8 == 3 ? Optional.empty() : Optional.of(PASS));
                Stack stack = new Stack(directory, BRIEF)) {
            Ledger.RunRow row = end(stack, verifier.address());
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(stack.ledger.audit("r").sound()).isTrue();
            assertThat(stack.ledger.audit("r").counts()).containsKey(RolloutState.DROPPED);
        }
    }

    @Test
    void aNumberThatIsNoScoreAndAMissingKindAreErrorsOfTheirRolloutsOnly() throws Exception {
        List<Verdict> wrong = List.of(
                PASS.toBuilder().setScore(Double.NaN).build(),
                PASS.toBuilder().setScore(1.5).build(),
                PASS.toBuilder().setScore(-1).build(),
                PASS.toBuilder().clearKind().build());
        try (ScriptedVerifier verifier = serve(n -> Optional.of(n % 8 == 3 ? wrong.get(n / 8 % wrong.size()) : PASS));
                Stack stack = new Stack(directory, BRIEF)) {
            Ledger.RunRow row = end(stack, verifier.address());
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(stack.ledger.audit("r").sound()).isTrue();
            assertThat(stack.ledger.evaluations("r").get(0))
                    .as("16 verdicts, of which every eighth is an error")
                    .contains("\"samples\":14");
        }
    }

    @Test
    void aVerifierThatCannotBeReachedEndsTheRunBeforeAnythingIsSampled() throws Exception {
        int closed;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            closed = socket.getLocalPort();
        }
        try (Stack stack = new Stack(directory, BRIEF)) {
            Ledger.RunRow row = end(stack, "127.0.0.1:" + closed);
            assertThat(row.state()).isEqualTo("failed");
            assertThat(row.reason()).contains("verification.servers.exact: 127.0.0.1:" + closed + " cannot be reached");
            assertThat(stack.ledger.countsByPurpose("r")).isEmpty();
        }
    }

    @Test
    void whatIsNoAddressIsRefusedBeforeTheRunExists() throws Exception {
        try (Stack stack = new Stack(directory, BRIEF)) {
            for (String wrong : List.of("localhost", "localhost:99999", "localhost:0")) {
                assertThatThrownBy(() -> end(stack, wrong))
                        .hasMessageContaining("verification.servers.exact: '" + wrong + "' is no address");
            }
            assertThat(stack.runs.rows()).isEmpty();
        }
    }

    @Test
    void aRunThatWaitsForAVerdictStopsWhenItIsAskedTo() throws Exception {
        GrpcServices.Waiting patient =
                new GrpcServices.Waiting(Duration.ofMinutes(5), Duration.ofMinutes(5), Duration.ofMinutes(5));
        try (ScriptedVerifier verifier = serve(n -> Optional.empty());
                Stack stack = new Stack(directory, patient)) {
            stack.runs.create("r", yaml(), List.of("verification.servers.exact=" + verifier.address()));
            await().until(() -> stack.ledger.countsByPurpose("r").getOrDefault("evaluation", 0L) == 16);
            stack.runs.stop("r");
            assertThat(stack.runs.end("r").get(5, TimeUnit.SECONDS).state()).isEqualTo("stopped");
            assertThat(stack.ledger.audit("r").counts().keySet()).allMatch(RolloutState::ended);
        }
    }
}
