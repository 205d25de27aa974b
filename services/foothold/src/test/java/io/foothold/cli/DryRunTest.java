package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.cli.demo.DialRuns;
import io.foothold.cli.machine.Scratch;
import io.foothold.cli.process.DryRun;
import io.foothold.cli.size.EngineSize;
import io.foothold.cli.size.MemoryNeed;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.Lora;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.ModelSize;
import io.foothold.policy.Precision;
import io.foothold.policy.TrainingSize;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whether a run fits, by its shape and by what its processes took. */
class DryRunTest {
    private static final Path DIAL = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");
    private static final long MIB = 1 << 20;
    /** 29 million parameters, 112 MiB of weights. */
    private static final ModelConfig CONFIG =
            ModelConfig.qwen3(4096, 512, 2048, 6, 8, 8, 64, 4096).endingWith(List.of(1));

    private static final Lora ADAPTERS = new Lora(16, 32, Lora.ALL);

    @TempDir
    Path directory;

    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

    private static MemoryNeed need(Optional<Lora> lora, int slots, int microBatch) {
        return new MemoryNeed(
                ModelSize.of(CONFIG), Precision.FAST, Optional.of(new EngineSize(300, slots)), microBatch, lora, false);
    }

    private DryRun dry(MemoryNeed need, long available) {
        return new DryRun(need, DIAL, () -> available, new PrintStream(printed, true, StandardCharsets.UTF_8));
    }

    @Test
    void theNeedIsTheSumOfItsParts() {
        MemoryNeed need = need(Optional.empty(), 64, 1024);
        long weights = CONFIG.parameters() * 4;
        assertThat(need.learner()).isEqualTo(4 * weights);
        assertThat(need.server()).isEqualTo(2 * weights);
        assertThat(need.cache()).isEqualTo(2L * 6 * 8 * 64 * 4 * 304 * 64);
        assertThat(need.activations()).isEqualTo(1024 * TrainingSize.bytesPerToken(CONFIG));
        assertThat(need.all())
                .isEqualTo(need.learner() + need.server() + need.cache() + need.activations() + 1050 * MIB);
        assertThat(need.least()).isEqualTo(5 * weights);
        assertThat(need(Optional.of(ADAPTERS), 64, 1024).least()).isEqualTo(2 * weights);
        assertThat(new MemoryNeed(ModelSize.of(CONFIG), Precision.FAST, Optional.empty(), 1024, Optional.empty(), true)
                        .learner())
                .as("with the base policy for a KL term")
                .isEqualTo(5 * weights);
    }

    /** What is proposed is enough, and the next larger value of the same setting is not. */
    @Test
    void theSettingThatIsProposedIsTheLargestThatFits() {
        MemoryNeed need = need(Optional.of(ADAPTERS), 64, 4096);
        long slot = need.cache() / 64;
        assertThat(need.advice(1)).contains("--slots 56");
        assertThat(need.advice(8 * slot)).contains("--slots 56");
        assertThat(need.advice(8 * slot + 1)).contains("--slots 48");
        assertThat(need.advice(56 * slot)).contains("--slots 8");
        long token = TrainingSize.bytesPerToken(CONFIG);
        long most = 3584 * token;
        assertThat(most).isGreaterThan(56 * slot);
        assertThat(need.advice(56 * slot + 1))
                .hasValueSatisfying(told -> assertThat(told).startsWith("optimizer.micro_batch_tokens: "));
        assertThat(need.advice(most))
                .as("no less than the longest sequence")
                .contains("optimizer.micro_batch_tokens: 512");
        assertThat(need.advice(most + 1)).hasValueSatisfying(told -> assertThat(told)
                .startsWith("--slots 8 and optimizer.micro_batch_tokens: "));
        assertThat(need.advice(most + 56 * slot)).contains("--slots 8 and optimizer.micro_batch_tokens: 512");
        assertThat(need.advice(most + 56 * slot + 1)).isEmpty();
    }

    @Test
    void aModelTooLargeIsRefusedByNameBeforeItIsLoaded() {
        MemoryNeed need = need(Optional.empty(), 64, 1024);
        assertThatThrownBy(() -> dry(need, need.least() - 1).checkShape())
                .isInstanceOfSatisfying(FootholdException.class, e -> {
                    assertThat(e.code()).isEqualTo(ErrorCode.INVALID_INPUT);
                    assertThat(e.text())
                            .contains("policy.base: " + DIAL)
                            .contains("does not fit this machine's memory")
                            .contains("0.5 GiB at least")
                            .contains("no setting helps: take a smaller model, or a machine with");
                });
        dry(need, need.least()).checkShape();
        assertThat(printed.toString(StandardCharsets.UTF_8))
                .contains("memory: the estimate is")
                .contains("--dry-run measures it");
        printed.reset();
        dry(need, need.all()).checkShape();
        dry(need, Long.MAX_VALUE).checkShape();
        assertThat(printed.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void aRehearsalMeasuresTheRunsOwnServices() throws Exception {
        String yaml = DialRuns.yaml("pope-dial", 3, DIAL, "medium", 24, "medium", 6, 2, 6, 3)
                + "sampling: {groups_per_update: 4, rollouts_per_group: 4}\n";
        RunFile plan = RunFile.resolve("run.yaml", yaml, List.of());
        MemoryNeed need = new MemoryNeed(
                ModelSize.read(DIAL),
                Precision.EXACT,
                Optional.of(new EngineSize(112, 16)),
                8192,
                Optional.empty(),
                false);
        try (Stack stack = new Stack(directory.resolve("fits"))) {
            dry(need, Long.MAX_VALUE).measure(stack.runs, yaml, List.of(), plan);
            assertThat(printed.toString(StandardCharsets.UTF_8))
                    .containsPattern(
                            "# measured: an update takes at most \\d+\\.\\d s \\(sampling \\d+\\.\\d s: 16 rollouts, "
                                    + "the longest prompt \\d+ tokens, answers of \\d+; training \\d+\\.\\d s\\), 6 updates ")
                    .contains("# step 0: log-probs of sampler and learner differ by 0.0e+00 nats at most")
                    .containsPattern("# peak memory: launcher \\d+\\.\\d GiB.*; \\d+\\.\\d GiB of an unknown amount");
            assertThat(stack.ledger.audit("dry-run").sound()).isTrue();
        }
        try (Stack stack = new Stack(directory.resolve("large"))) {
            assertThatThrownBy(() -> dry(need, 4 * MIB).measure(stack.runs, yaml, List.of(), plan))
                    .isInstanceOfSatisfying(FootholdException.class, e -> {
                        assertThat(e.code()).isEqualTo(ErrorCode.INVALID_INPUT);
                        assertThat(e.text()).contains("does not fit this machine's memory: measured");
                    });
        }
        try (Stack stack = new Stack(directory.resolve("wrong"))) {
            assertThatThrownBy(() -> dry(need, Long.MAX_VALUE)
                            .measure(stack.runs, yaml, List.of("verification.options=pattern=("), plan))
                    .as("what a run is refused for, its rehearsal is refused for")
                    .isInstanceOf(FootholdException.class);
        }
    }

    @Test
    void whatWasWrittenIsGone() throws Exception {
        Path home = directory.resolve("a/b");
        Path path;
        try (Scratch scratch = Scratch.beside(home)) {
            path = scratch.path();
            assertThat(path).isDirectory().hasParent(directory);
            Files.createDirectories(path.resolve("runs/x"));
            Files.writeString(path.resolve("runs/x/file"), "text");
        }
        assertThat(path).doesNotExist();
        assertThat(home).doesNotExist();
    }
}
