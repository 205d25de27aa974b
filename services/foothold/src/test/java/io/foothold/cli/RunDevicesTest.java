package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.cli.size.Inference;
import io.foothold.cli.size.RunShape;
import io.foothold.core.policy.Canary;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.CausalModel;
import io.foothold.policy.ComputeDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** Devices that a run may ask for. No GPU is here: what is asked for in vain is refused before anything is started. */
class RunDevicesTest {
    private static final Path DIAL = Path.of("policies/dial");

    @TempDir
    Path directory;

    private static String yaml() {
        return """
                method: grpo-dial
                policy: {base: %s}
                problems:
                  train: {family: dial, level: easy, count: 2, seed: 3, split: train}
                  evaluate:
                    test: {family: dial, level: easy, count: 2, seed: 3, split: test}
                sampling: {max_tokens: 20}
                """.formatted(DIAL);
    }

    private String refusal(Object command, String... more) throws IOException {
        Path file = Files.writeString(directory.resolve("run.yaml"), yaml());
        Path home = directory.resolve("home");
        List<String> arguments = new ArrayList<>(List.of(file.toString(), "--home", home.toString()));
        arguments.addAll(List.of(more));
        List<Exception> failures = new ArrayList<>();
        int code = new CommandLine(command)
                .setExecutionExceptionHandler((failure, line, result) -> {
                    failures.add(failure);
                    return 1;
                })
                .execute(arguments.toArray(String[]::new));
        assertThat(code).isEqualTo(1);
        assertThat(home).as("nothing was begun").doesNotExist();
        return String.valueOf(failures.getFirst().getMessage());
    }

    @Test
    void aDeviceThatIsNotHereIsRefusedBeforeAnythingIsStarted() throws IOException {
        for (Object command : List.of(new TrainCommand(), new EvalCommand())) {
            assertThat(refusal(command, "--set", "learner.djl.device=cuda:93"))
                    .contains("learner.djl.device is cuda:93, and there is", "CUDA device");
        }
        for (Object command : List.of(new TrainCommand(), new EvalCommand())) {
            assertThat(refusal(command, "--device", "cuda:93")).contains("--device is cuda:93, and there is");
        }
        assertThat(refusal(new TrainCommand(), "--dry-run", "--device", "cuda:93"))
                .contains("--device is cuda:93");
    }

    @Test
    void otherNamesAndADeviceOfNobodyAreRefused() throws IOException {
        assertThat(refusal(new TrainCommand(), "--set", "learner.djl.device=cuda"))
                .contains("learner.djl.device is 'cuda' (expected cpu, or a CUDA device such as cuda:0)");
        assertThat(refusal(new EvalCommand(), "--device", "gpu0")).contains("--device is 'gpu0' (expected cpu");
        assertThat(refusal(new TrainCommand(), "--device", "cpu", "--inference", "127.0.0.1:1"))
                .contains("--device cpu is of our own engine, and 127.0.0.1:1 samples");
    }

    @Test
    void whatTheEngineRoundsToDecidesTheBoundOfARun() {
        ComputeDevice cuda = ComputeDevice.of("--device", "cuda:0");
        RunShape fast = shape("precision=fast").on(cuda, file("precision=fast"));
        assertThat(fast.overrides()).containsExactly("max_log_prob_difference=" + Canary.Bound.BFLOAT16.max());
        assertThat(fast.told()).contains("sampled on cuda:0 in bfloat16");
        assertThat(fast.serverSettings(DIAL)).containsEntry("foothold.policy-server.device", "cuda:0");
        RunShape exact = shape("precision=exact").on(cuda, file("precision=exact"));
        assertThat(exact.overrides()).isEmpty();
        assertThat(exact.told()).contains("sampled on cuda:0 in float32");
        String[] chosen = {"precision=fast", "max_log_prob_difference=0.3"};
        assertThat(shape(chosen).on(cuda, file(chosen)).overrides()).isEmpty();
        String[] corrected = {"precision=fast", "loss.mismatch.rule=truncate", "loss.mismatch.cap=2"};
        assertThat(shape(corrected).on(cuda, file(corrected)).overrides()).isEmpty();
        assertThat(shape("precision=fast").told()).doesNotContain("cuda", "bfloat16");
    }

    private static RunFile file(String... settings) {
        return RunFile.resolve("run.yaml", yaml(), List.of(settings));
    }

    private static RunShape shape(String... settings) {
        return RunShape.of(
                file(settings), CausalModel.open(DIAL), false, new Inference(), null, 0, 0, 0, () -> Long.MAX_VALUE);
    }
}
