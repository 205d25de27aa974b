package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import io.foothold.core.loss.Clips;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.Ppo;
import io.foothold.core.policy.Canary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Weights on a device that is not the host. No GPU is asked for: libtorch's {@code meta} device has shapes and types and no numbers, goes
 * the same way through Java and libtorch, and says so when a number is read from it.
 */
class ComputeDeviceTest {
    private static final ComputeDevice META = ComputeDevice.named("meta");
    private static final String NO_NUMBERS = "Cannot copy out of meta tensor";

    @BeforeAll
    static void libtorch() {
        NativeRuntime.enterThread();
    }

    @ParameterizedTest
    @ValueSource(strings = {"cuda", "gpu", "cuda:", "cuda:-1", "CPU", "cuda:0 ", "meta", ""})
    void otherNamesAreRefused(String name) {
        assertThatThrownBy(() -> ComputeDevice.of("learner.djl.device", name))
                .isInstanceOf(PolicyException.class)
                .hasMessage("learner.djl.device is '" + name + "' (expected cpu, or a CUDA device such as cuda:0)");
    }

    @Test
    void aDeviceThatIsNotThereIsRefusedWithWhatIsAndWhatToDo() {
        ComputeDevice.CPU.require("learner.djl.device");
        assertThatThrownBy(
                        () -> ComputeDevice.of("learner.djl.device", "cuda:71").require("learner.djl.device"))
                .isInstanceOf(PolicyException.class)
                .hasMessageContainingAll("learner.djl.device is cuda:71", "libtorch", "CUDA device");
    }

    /** DJL would give a buffer of a copy: what is written there is lost. */
    @Test
    void onlyAnArrayInHostMemoryIsWrittenInPlace() {
        try (Transformer transformer = on(META, Precision.FAST);
                PtNDManager scope = transformer.scope();
                Arena arena = Arena.ofShared()) {
            NDArray away = transformer.zeros(Transformer.FLOAT32, 2, 3);
            NDArray halves = transformer.zeros(Transformer.BFLOAT16, 2, 3);
            NDArray wide = scope.zeros(new ai.djl.ndarray.types.Shape(2), ai.djl.ndarray.types.DataType.FLOAT64);
            for (NDArray array : List.of(away, halves, wide)) {
                assertThatThrownBy(() -> HostTensor.inPlace(array, arena))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("not float32 in host memory");
            }
            HostTensor.inPlace(scope.zeros(new ai.djl.ndarray.types.Shape(2, 3)), arena);
        }
    }

    @Test
    void whatIsFilledElsewhereIsReadBack() throws IOException {
        try (Transformer transformer = new Transformer(
                        Shapes.qwen3(), new Placement(Precision.FAST, ComputeDevice.CPU, true), Trainer.Lean.STANDARD);
                Arena arena = Arena.ofShared()) {
            // bfloat16 in host memory takes the way of another device, and its numbers can be told.
            NDArray halves = transformer.zeros(Transformer.BFLOAT16, 2, 3);
            float[] given = {1, -2, 0.5f, 3, 1.00390625f, 7};
            transformer.fill(
                    halves, numbers -> HostTensor.of(new long[] {2, 3}, given).copyTo(numbers));
            DeviceTensor rest = new DeviceTensor(transformer, halves, 2, new long[] {2, 2});
            assertThat(rest.value(arena).toArray()).containsExactly(0.5f, 3, 1, 7);
            List<byte[]> written = new ArrayList<>();
            rest.writeTo((bytes, from, count) -> written.add(Arrays.copyOfRange(bytes, from, from + count)));
            assertThat(written).hasSize(1).first().isEqualTo(bytes(0.5f, 3, 1, 7));
        }
    }

    private static byte[] bytes(float... values) {
        var out = java.nio.ByteBuffer.allocate(4 * values.length).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        out.asFloatBuffer().put(values);
        return out.array();
    }

    /** Folded layers are not made here: libtorch selects rows of meta tensors in Python only, where PlacementTest does it. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void everythingThatATrainerHoldsLiesOnItsDevice(Precision precision) {
        ModelConfig config = Shapes.qwen3();
        LoraAdapter adapter = LoraAdapter.fresh(config, new Lora(2, 4, Lora.ALL), 1);
        try (PolicyWeights weights = PolicyWeights.random(config, 1)) {
            for (LoraAdapter trained : precision == Precision.EXACT ? Arrays.asList(null, adapter) : nobody()) {
                try (Trainer trainer = new Trainer(weights, 64, precision, trained, META)) {
                    // Weights, gradients, moments and counts were made and adapters merged there; a number of it is
                    // read here.
                    assertThatThrownBy(() -> trainer.weightsInPlace().digest()).hasMessageContaining(NO_NUMBERS);
                    assertThatThrownBy(() -> trainer.moments().writeTo((bytes, from, count) -> assertThat(from)
                                    .isZero()))
                            .hasMessageContaining(NO_NUMBERS);
                }
            }
        }
    }

    private static List<@Nullable LoraAdapter> nobody() {
        return Collections.singletonList(null);
    }

    @ParameterizedTest
    @EnumSource(Precision.class)
    void keysAndValuesLieOnTheirDevice(Precision precision) {
        boolean half = GenerationEngine.Settings.halves(precision, META);
        assertThat(half).isEqualTo(precision == Precision.FAST);
        try (Transformer transformer =
                        new Transformer(Shapes.qwen3(), new Placement(precision, META, half), Trainer.Lean.STANDARD);
                KeyValueCache cache = new KeyValueCache(transformer, 8, 32);
                IValue begin = IValue.from(0L);
                IValue count = IValue.from(1L)) {
            for (IValue list : List.of(cache.keys(), cache.values())) {
                for (IValue each : list.toIValueArray()) {
                    assertThatThrownBy(() -> transformer.call("fetched", each, begin, count))
                            .hasMessageContaining(NO_NUMBERS);
                    each.close();
                }
            }
        }
    }

    /** The way of a device, with numbers: libtorch takes {@code cpu:0} for another name of the host. */
    @Test
    void theSameIsLearnedTheOtherWay() {
        ModelConfig config = Shapes.qwen3();
        LoraAdapter adapter = LoraAdapter.fresh(config, new Lora(2, 4, Lora.ALL), 1);
        for (Precision precision : Precision.values()) {
            for (LoraAdapter trained : Arrays.asList(null, adapter)) {
                assertThat(learned(config, precision, trained, ComputeDevice.named("cpu:0")))
                        .isEqualTo(learned(config, precision, trained, ComputeDevice.CPU));
            }
        }
    }

    private static String learned(
            ModelConfig config, Precision precision, @Nullable LoraAdapter adapter, ComputeDevice device) {
        LossRule rule = new LossRule(LossRule.Aggregation.TOKEN_MEAN, 1, new Ppo(new Clips(0.2, 0.3, 3)), 0.1, 0.05, 0);
        List<Trainer.Sequence> sequences = List.of(
                new Trainer.Sequence(new int[] {3, 4, 5}, new int[] {6}, new int[] {7, 8, 9}, new float[] {-3, -2, -3}),
                new Trainer.Sequence(new int[] {3, 4, 5}, new int[0], new int[] {9, 11}, new float[] {-3, -4}));
        CreditPlan plan =
                CreditPlan.of(rule, List.of(new CreditPlan.Member(3, 1, 3, 1), new CreditPlan.Member(3, 0, 2, -1)));
        try (PolicyWeights weights = Shapes.weights(config, 1);
                Trainer trainer = new Trainer(weights, 64, precision, adapter, device)) {
            trainer.setBase(weights);
            for (int i = 0; i < 2; i++) {
                trainer.accumulate(sequences, plan, rule, 0.8);
                trainer.step(new Trainer.AdamW(1e-2, 0.9, 0.95, 1e-8, 0.1, 1));
            }
            return trainer.weightsInPlace().digest();
        }
    }

    /** Keys that lie as on a device and libtorch's fused attention: the same tokens, given the same noise, and log-probs within rounding. */
    @Test
    void theSameIsSampledTheOtherWay() {
        for (ModelConfig.Architecture a : ModelConfig.Architecture.values()) {
            try (PolicyWeights weights = Shapes.weights(Shapes.of(a, a != ModelConfig.Architecture.LLAMA), 3)) {
                for (boolean deterministic : new boolean[] {false, true}) {
                    agree(weights, deterministic, Precision.FAST, ComputeDevice.named("cpu:0"), false, 1e-5);
                    agree(weights, deterministic, Precision.EXACT, ComputeDevice.named("cpu:0"), false, 0);
                }
            }
        }
    }

    /** Of what float32 drew, bfloat16 gives the log-probs within a few hundredths: eight bits of a number. */
    @Test
    void bfloat16AgreesWithinItsRounding() {
        for (ModelConfig.Architecture a : ModelConfig.Architecture.values()) {
            try (PolicyWeights weights = Shapes.weights(Shapes.of(a, a != ModelConfig.Architecture.LLAMA), 3)) {
                double apart = scored(weights, Precision.FAST, ComputeDevice.CPU, true);
                assertThat(apart).as("%s", a).isBetween(1e-4, 0.1);
                assertThat(scored(weights, Precision.FAST, ComputeDevice.CPU, false))
                        .isLessThan(1e-5);
            }
        }
    }

    private static void agree(
            PolicyWeights weights,
            boolean deterministic,
            Precision precision,
            ComputeDevice device,
            boolean half,
            double within) {
        List<GenerationRequest> requests = GenerationEngineTest.requests(9, 3, 5);
        var expected = sampled(weights, requests, new GenerationEngine.Settings(4, 48, 3, deterministic, precision));
        var there = sampled(
                weights, requests, new GenerationEngine.Settings(4, 48, 3, deterministic, precision, device, half));
        expected.forEach((id, sink) -> {
            assertThat(there.get(id).tokens).as(id).isEqualTo(sink.tokens);
            for (int i = 0; i < sink.tokens.size(); i++) {
                assertThat(there.get(id).logProbs.get(i)).isCloseTo(sink.logProbs.get(i), offset((float) within));
            }
        });
    }

    private static Map<String, GenerationEngineTest.Sink> sampled(
            PolicyWeights weights, List<GenerationRequest> requests, GenerationEngine.Settings settings) {
        try (GenerationEngine engine = new GenerationEngine(weights, 0, null, settings)) {
            return GenerationEngineTest.run(engine, requests);
        }
    }

    /** The largest difference of an engine's own scores from the trainer's. */
    private static double scored(PolicyWeights weights, Precision precision, ComputeDevice device, boolean half) {
        List<int[]> sequences = Canary.sequences(4, weights.config().vocabulary(), 30);
        double largest = 0;
        try (GenerationEngine engine = new GenerationEngine(
                        weights, 0, null, new GenerationEngine.Settings(4, 48, 3, false, precision, device, half));
                GenerationEngine second = new GenerationEngine(
                        weights, 0, null, new GenerationEngine.Settings(4, 48, 3, false, precision, device, half))) {
            engine.swap(weights, 1);
            List<float[]> known = new Scorer(weights, precision).logProbs(sequences);
            for (Canary.Scored s : engine.score(sequences).cold()) {
                largest = Math.max(largest, Math.abs(s.logProbs()[0] - known.get(s.sequence())[s.from()]));
            }
            assertThat(second.score(sequences).cold().getFirst().logProbs())
                    .isEqualTo(engine.score(sequences).cold().getFirst().logProbs());
        }
        return largest;
    }

    private static Transformer on(ComputeDevice device, Precision precision) {
        return new Transformer(Shapes.qwen3(), new Placement(precision, device, false), Trainer.Lean.STANDARD);
    }
}
