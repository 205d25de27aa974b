package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is closed, or fails half way, gives its native memory back. */
class NativeMemoryTest {
    /** Some 100 MB of weights. */
    private static final ModelConfig CONFIG =
            ModelConfig.qwen3(16_384, 512, 1536, 5, 8, 4, 64, 1 << 30).endingWith(List.of(1));

    private static final int ROUNDS = 6;
    /** What all rounds together may leave: the allocator keeps some, one forgotten store a round is twice as much. */
    private static final long MOST_LEFT = 300_000_000;

    @TempDir
    Path directory;

    @BeforeAll
    static void enter() {
        NativeRuntime.enterThread();
    }

    @Test
    void valuesThatDoNotFitLeaveNoTensorBehind() {
        PolicyWeights gone = Shapes.weights(Shapes.qwen3(), 3);
        gone.close();
        try (Transformer transformer = new Transformer(Shapes.qwen3(), Precision.EXACT)) {
            int before = transformer.manager().getManagedArrays().size();
            List<HostTensor> values =
                    List.of(HostTensor.of(new long[] {2}, 1, 2), HostTensor.of(new long[] {3}, 1, 2, 3));
            List<long[]> shapes = List.of(new long[] {2}, new long[] {4});
            assertThatThrownBy(() -> WeightStore.of(transformer, shapes, values, "w[]", false))
                    .hasMessageContaining("number 2");
            assertThatThrownBy(
                            () -> WeightStore.zeros(transformer, List.of(new long[] {2}, new long[] {1L << 58}), "w[]"))
                    .isInstanceOf(RuntimeException.class);
            assertThatThrownBy(() -> WeightStore.of(transformer, gone, "w[]", false))
                    .isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> new StagedWeights(
                            transformer, new GenerationEngine.Settings(1, 8, 1, true, Precision.EXACT), gone, null))
                    .isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> new KeyValueCache(transformer, 8, 1L << 50))
                    .isInstanceOf(RuntimeException.class);
            assertThat(transformer.manager().getManagedArrays()).hasSize(before);
        }
    }

    @Test
    void whatIsReadInPlaceCannotBeReadBehindItsEnd() {
        PolicyWeights inPlace;
        FileContent moments;
        try (PolicyWeights weights = Shapes.weights(Shapes.qwen3(), 3);
                Trainer trainer = new Trainer(weights, 64, Precision.EXACT)) {
            inPlace = trainer.weightsInPlace();
            moments = trainer.moments();
            assertThat(inPlace.digest()).isEqualTo(weights.digest());
        }
        assertThatThrownBy(inPlace::digest).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> Sha256.of(moments)).isInstanceOf(IllegalStateException.class);
    }

    /** Opens and closes, or fails to open, again and again; says how much the process grew after the second time. */
    public static final class Rounds {
        private Rounds() {}

        /** What is opened. */
        public static void main(String[] args) throws IOException {
            NativeRuntime.enterThread();
            PolicyWeights weights = PolicyWeights.random(CONFIG, 1);
            long before = 0;
            for (int i = 0; i < ROUNDS + 2; i++) {
                open(args[0], weights);
                if (i == 1) {
                    before = resident();
                }
            }
            System.out.println(resident() - before);
        }

        private static void open(String what, PolicyWeights weights) {
            switch (what) {
                case "trainer" -> new Trainer(weights, 64, Precision.FAST).close();
                case "adapters" ->
                    new Trainer(
                                    weights,
                                    64,
                                    Precision.FAST,
                                    LoraAdapter.fresh(CONFIG, new Lora(2, 2, List.of("q_proj")), 1))
                            .close();
                case "engine" -> engine(weights, 64).close();
                case "staged" -> {
                    try (GenerationEngine engine = engine(weights, 64)) {
                        engine.stage(weights).close();
                        engine.swap(weights, 1);
                    }
                }
                case "engine without room" ->
                    assertThatThrownBy(() -> engine(weights, CONFIG.maxPositions() - 8))
                            .isInstanceOf(RuntimeException.class);
                case "trainer of another adapter" ->
                    assertThatThrownBy(() -> new Trainer(
                                    weights,
                                    64,
                                    Precision.FAST,
                                    new LoraAdapter(CONFIG, new Lora(2, 2, List.of("q_proj")), List.of())))
                            .isInstanceOf(RuntimeException.class);
                case "copy" -> {
                    try (Trainer trainer = new Trainer(weights, 64, Precision.FAST);
                            PolicyWeights copy = trainer.weights()) {
                        copy.config();
                    }
                }
                default -> throw new IllegalArgumentException(what);
            }
        }

        private static GenerationEngine engine(PolicyWeights weights, int maxLength) {
            return new GenerationEngine(
                    weights, 0, null, new GenerationEngine.Settings(64, maxLength, 4, true, Precision.FAST));
        }

        /** Bytes of the process in memory. */
        static long resident() throws IOException {
            return Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
                    .sum();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "trainer",
                "adapters",
                "engine",
                "staged",
                "engine without room",
                "trainer of another adapter",
                "copy"
            })
    void whatIsClosedOrFailsLeavesNothingBehind(String what) throws Exception {
        Path said = directory.resolve("said");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-Xmx64m",
                        "-XX:+UseSerialGC",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Rounds.class.getName(),
                        what)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(said.toFile())
                .start();
        assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
        String text = Files.readString(said, StandardCharsets.UTF_8);
        assertThat(process.exitValue()).as(text).isZero();
        assertThat(Long.parseLong(text.strip().lines().toList().getLast())).isLessThan(MOST_LEFT);
    }
}
