package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each case is a process of its own: the end of a process cannot be tried in this one. */
class NativeStepsTest {
    private static final int TERMINATED = 128 + 15;
    private static final String READY = "computing";

    @TempDir
    Path directory;

    /** Computes until it is told to end: samples, trains, or both on two threads. */
    public static final class Computing {
        private Computing() {}

        /** The kind of work. */
        public static void main(String[] args) {
            ModelConfig config =
                    ModelConfig.qwen3(256, 256, 1024, 8, 4, 2, 64, 128).endingWith(List.of(1));
            PolicyWeights weights = PolicyWeights.random(config, 1);
            if (args[0].equals("both")) {
                Thread.ofPlatform().name("sampling").start(() -> sample(weights));
            }
            if (args[0].equals("sample")) {
                sample(weights);
            } else {
                train(weights);
            }
        }

        private static void sample(PolicyWeights weights) {
            NativeRuntime.enterThread();
            try (GenerationEngine engine = new GenerationEngine(
                    weights, 0, null, new GenerationEngine.Settings(32, 100, 16, false, Precision.FAST))) {
                for (int i = 0; true; i++) {
                    engine.submit(
                            GenerationRequest.plain("r" + i, new int[] {2, 3, 4}, 64, i),
                            new GenerationRequest.Listener() {
                                @Override
                                public void tokens(int[] tokens, float[] logProbs, long version) {
                                    // Of no interest.
                                }

                                @Override
                                public void ended(GenerationRequest.End end, int stopIndex) {
                                    // Of no interest.
                                }
                            });
                    if (i % 32 == 31) {
                        engine.step();
                        System.out.println(READY);
                    }
                }
            }
        }

        private static void train(PolicyWeights weights) {
            NativeRuntime.enterThread();
            try (Trainer trainer = new Trainer(weights, 4096, Precision.FAST)) {
                List<Trainer.Sequence> rows = new ArrayList<>();
                for (int i = 0; i < 32; i++) {
                    rows.add(new Trainer.Sequence(new int[] {2, 3, i}, new int[0], new int[64], new float[64]));
                }
                while (true) {
                    trainer.score(rows, 1);
                    System.out.println(READY);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"sample", "train", "both"})
    void aProcessThatIsToldToEndDoesNotDieInTheLibrary(String work) throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:ErrorFile=" + directory.resolve("crash.log"),
                        "-Xmx512m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Computing.class.getName(),
                        work)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        List<String> said = new ArrayList<>();
        try (BufferedReader out =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                if (!line.equals(READY)) {
                    said.add(line);
                } else if (process.isAlive()) {
                    process.toHandle().destroy();
                }
            }
        }
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(String.join("\n", said)).isEqualTo(TERMINATED);
        assertThat(directory.resolve("crash.log")).doesNotExist();
    }
}
