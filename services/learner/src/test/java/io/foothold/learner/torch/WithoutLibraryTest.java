package io.foothold.learner.torch;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.contracts.files.Roots;
import io.foothold.learner.TinyRun;
import io.foothold.learner.config.LearnerConfig;
import io.foothold.learner.grpc.LearnerGrpc;
import io.foothold.v1.Credit;
import io.foothold.v1.LearnerSettings;
import io.foothold.v1.OpenRunRequest;
import io.foothold.v1.RunHolder;
import io.foothold.v1.SaveCheckpointRequest;
import io.foothold.v1.TorchSettings;
import io.foothold.v1.TrainRequest;
import io.foothold.v1.TrainResponse;
import io.grpc.Server;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.smallrye.mutiny.Multi;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A learner whose tensors are a worker's needs no libtorch of its own: hundreds of megabytes and a second of every start. */
class WithoutLibraryTest {
    @TempDir
    Path scratch;

    /** A learner in a process of its own; says what it has mapped when all calls of a run have been made. */
    static final class Learner {
        public static void main(String[] args) throws Exception {
            Path scratch = Path.of(args[0]);
            LearnerSettings settings = TinyRun.settings()
                    .setBackend(args[1])
                    .setTorch(TorchSettings.newBuilder().setProcesses(1))
                    .build();
            LearnerGrpc learner =
                    new LearnerGrpc(config(scratch), Roots.of(List.of(scratch)), new SimpleMeterRegistry());
            long begin = learner.openRun(OpenRunRequest.newBuilder()
                            .setRunId("r")
                            .setHolder(RunHolder.newBuilder().setToken("holder"))
                            .setBasePolicy(scratch.resolve("policy").toString())
                            .setSettings(settings)
                            .build())
                    .await()
                    .indefinitely()
                    .getUpdate();
            for (long update = begin + 1; update <= begin + 2; update++) {
                Multi<TrainRequest> requests = Multi.createFrom()
                        .items(
                                TrainRequest.newBuilder()
                                        .setCredit(Credit.newBuilder().setItems(4))
                                        .build(),
                                TrainRequest.newBuilder()
                                        .setGroup(TinyRun.group("r", update))
                                        .build());
                var outcome = learner.train(Multi.createBy()
                                .concatenating()
                                .streams(requests, Multi.createFrom().nothing()))
                        .filter(TrainResponse::hasOutcome)
                        .toUni()
                        .await()
                        .atMost(Duration.ofMinutes(1))
                        .getOutcome();
                if (!outcome.getManifest().getRunId().equals("r")) {
                    throw new IllegalStateException(outcome.toString());
                }
                System.out.println("update " + update + " done");
            }
            var saved = learner.saveCheckpoint(SaveCheckpointRequest.newBuilder()
                            .setRunId("r")
                            .setLabel("best")
                            .build())
                    .await()
                    .indefinitely();
            System.out.println("saved " + saved.getUpdate());
            try (var maps = Files.lines(Path.of("/proc/self/maps"))) {
                maps.filter(line -> line.contains("torch") && line.contains(".so"))
                        .forEach(line -> System.out.println("mapped " + line));
            }
            System.exit(0);
        }

        private static LearnerConfig config(Path scratch) {
            return new LearnerConfig() {
                @Override
                public String home() {
                    return scratch.resolve("home").toString();
                }

                @Override
                public int window() {
                    return 16;
                }

                @Override
                public String torchPackage() {
                    return scratch.toString();
                }
            };
        }
    }

    /** The worker computes with the embedded backend, but not in the process that is looked at. */
    @ParameterizedTest
    @CsvSource({"torch, false", "djl, true"})
    void libtorchIsLoadedOnlyByTheEmbeddedBackend(String backend, boolean loaded)
            throws IOException, InterruptedException {
        TinyRun.policy(scratch.resolve("policy"));
        DjlWorker worker = new DjlWorker(DjlWorker.Trouble.NONE);
        Server server = worker.listen();
        try {
            rank("127.0.0.1:" + server.getPort());
            Process process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "--enable-native-access=ALL-UNNAMED",
                            "-Xmx256m",
                            "-cp",
                            System.getProperty("java.class.path"),
                            Learner.class.getName(),
                            scratch.toString(),
                            backend)
                    .redirectErrorStream(true)
                    .start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
            assertThat(process.exitValue()).as(said).isZero();
            assertThat(said).contains("update 1 done", "update 2 done", "saved 2");
            assertThat(said.contains("mapped ")).as(said).isEqualTo(loaded);
        } finally {
            server.shutdownNow();
            worker.close();
        }
    }

    /** A rank that says where the worker is and ends with its parent. */
    private void rank(String address) throws IOException {
        Path python = scratch.resolve("python");
        Files.writeString(python, """
                #!/usr/bin/env bash
                while [ "$1" != --ready-file ]; do shift; done
                echo %s > "$2.part"
                mv "$2.part" "$2"
                cat > /dev/null
                """.formatted(address));
        assertThat(python.toFile().setExecutable(true)).isTrue();
        Files.writeString(scratch.resolve("env.sh"), "echo " + python + "\n");
    }
}
