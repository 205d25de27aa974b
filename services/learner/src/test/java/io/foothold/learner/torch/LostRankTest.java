package io.foothold.learner.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.MismatchRule;
import io.foothold.learner.TinyRun;
import io.foothold.learner.train.RunSettings;
import io.foothold.learner.train.Schedule;
import io.foothold.policy.Precision;
import io.foothold.policy.Trainer;
import io.foothold.v1.GetBackendStatusRequest;
import io.foothold.v1.RankStatus;
import io.foothold.v1.TensorBackendServiceGrpc;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What becomes of real ranks that are stopped or killed. Not run where the worker's Python environment is not installed. */
class LostRankTest {
    /** Longer than a collective of a small model takes on a machine that is busy otherwise. */
    private static final Duration HANG = Duration.ofSeconds(15);

    private static @Nullable TorchEnvironment environment;

    @TempDir
    Path scratch;

    @BeforeAll
    static void find() {
        try {
            environment = TorchEnvironment.find(Path.of("torch"));
        } catch (FootholdException e) {
            System.err.println("NOT RUN: LostRankTest, no rank was stopped or killed: " + e.getMessage());
            assumeTrue(false, e.getMessage());
        }
    }

    private static RunSettings settings() {
        return new RunSettings(
                new RunSettings.Learning(
                        AdvantageEstimator.named("mean", 0),
                        LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN),
                        new MismatchRule.None(),
                        1,
                        false),
                new RunSettings.Optimizer(new Schedule(Schedule.Shape.CONSTANT, 0.01, 0, 0, 1), 0, 0, 0, 0, 0),
                new RunSettings.Steps(0, 1, 32),
                new RunSettings.Checkpoints(1, 1),
                new RunSettings.Computation(Precision.FAST, 0),
                Optional.empty(),
                1,
                "");
    }

    @ParameterizedTest
    @CsvSource({
        "STOP, 0, no progress for 15 s: a rank hangs",
        "STOP, 1, no progress for 15 s: a rank hangs",
        "KILL, 1, rank 1 of 2 was ended by signal 9"
    })
    void aRankThatIsLostEndsTheCallAndAllRanks(String signal, int lost, String told)
            throws IOException, InterruptedException {
        TinyRun.policy(scratch.resolve("policy"));
        TorchEnvironment found = environment;
        assertThat(found).isNotNull();
        TorchOptions options = new TorchOptions(2, "cpu", "float32", false, false, "");
        TorchProcesses ranks = TorchProcesses.start(found, options);
        List<Trainer.Sequence> sequences = IntStream.range(0, 8)
                .mapToObj(i -> new Trainer.Sequence(
                        new int[] {2, 3, 4 + i}, new int[0], new int[] {5, 6, 7, 8, 9}, new float[5]))
                .toList();
        try (TorchBackend backend =
                TorchBackend.open(ranks, HANG, options, scratch.resolve("policy"), settings(), Optional.empty(), 0)) {
            List<Long> processes = TensorBackendServiceGrpc.newBlockingStub(ranks.channel())
                    .getBackendStatus(GetBackendStatusRequest.getDefaultInstance())
                    .getRanksList()
                    .stream()
                    .map(RankStatus::getProcessId)
                    .toList();
            assertThat(processes).hasSize(2).doesNotHaveDuplicates();
            assertThat(backend.score(sequences, 1)).hasSize(8);
            assertThat(new ProcessBuilder("kill", "-" + signal, Long.toString(processes.get(lost)))
                            .start()
                            .waitFor())
                    .isZero();
            assertThatThrownBy(() -> backend.score(sequences, 1))
                    .isInstanceOfSatisfying(
                            FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.WRONG_STATE))
                    .hasMessageContaining("the torch backend was lost in Score: " + told);
            assertThat(backend.alive()).isFalse();
            await().atMost(Duration.ofSeconds(30)).until(() -> processes.stream()
                    .noneMatch(
                            p -> ProcessHandle.of(p).map(ProcessHandle::isAlive).orElse(false)));
        }
    }
}
