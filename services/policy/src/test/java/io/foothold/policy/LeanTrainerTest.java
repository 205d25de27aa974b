package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import io.foothold.core.loss.Clips;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.Gspo;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.PolicyGradient;
import io.foothold.core.loss.Ppo;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The form that takes little memory computes what the whole form computes. */
class LeanTrainerTest {
    /** Everything kept, the head in one piece. */
    private static final Trainer.Lean PLENTY = Trainer.Lean.STANDARD;
    /** Nothing kept: layers and log-probs twice, in chunks of eight rows. */
    private static final Trainer.Lean SCARCE = new Trainer.Lean(1, 0, () -> 0);
    /** Log-probs kept in chunks, layers computed twice. */
    private static final Trainer.Lean CHUNKS = new Trainer.Lean(1, 1 << 20, () -> 0);

    private static final List<LossRule> RULES = List.of(
            new LossRule(LossRule.Aggregation.SEQUENCE_MEAN, 1, new PolicyGradient(), 0, 0, 0),
            new LossRule(LossRule.Aggregation.TOKEN_MEAN, 1, new Ppo(new Clips(0.2, 0.3, 3)), 0.1, 0.05, 0),
            new LossRule(LossRule.Aggregation.TOKEN_MEAN, 1, new Gspo(new Clips(0.2, 0.2, 0)), 0, 0.02, 0));

    @BeforeAll
    static void enter() {
        NativeRuntime.enterThread();
    }

    private static List<Trainer.Sequence> sequences(int vocabulary) {
        Random random = new Random(5);
        List<Trainer.Sequence> out = new ArrayList<>();
        int[] shared = random.ints(5, 0, vocabulary).toArray();
        for (int i = 0; i < 6; i++) {
            int[] prompt = i < 3 ? shared : random.ints(3 + i, 0, vocabulary).toArray();
            int[] sampled = random.ints(4 + 2 * i, 0, vocabulary).toArray();
            float[] behaviour = new float[sampled.length];
            for (int t = 0; t < behaviour.length; t++) {
                behaviour[t] = -3 - random.nextFloat();
            }
            out.add(new Trainer.Sequence(prompt, new int[0], sampled, behaviour));
        }
        return out;
    }

    private static CreditPlan plan(LossRule rule, List<Trainer.Sequence> sequences) {
        List<CreditPlan.Member> members = new ArrayList<>();
        for (int i = 0; i < sequences.size(); i++) {
            Trainer.Sequence s = sequences.get(i);
            members.add(new CreditPlan.Member(s.prompt().length, 0, s.sampled().length, i % 2 == 0 ? 1 : -0.7));
        }
        return CreditPlan.of(rule, members);
    }

    /** What a form makes of a batch. */
    private record Made(double loss, List<Trainer.Score> scores, List<float[]> gradients, List<Trainer.Score> after) {}

    private static Made made(
            PolicyWeights weights,
            @Nullable LoraAdapter adapter,
            PolicyWeights base,
            Trainer.Form form,
            LossRule rule) {
        List<Trainer.Sequence> sequences = sequences(weights.config().vocabulary());
        try (Trainer trainer = new Trainer(weights, 60, Precision.FAST, adapter, form)) {
            if (rule.klCoefficient() > 0) {
                trainer.setBase(base);
            }
            int arrays = trainer.managedArrays();
            Trainer.Accumulated sum = trainer.accumulate(sequences, plan(rule, sequences), rule, 0.8);
            List<float[]> gradients = trainer.gradients();
            trainer.step(new Trainer.AdamW(1e-3, 0.9, 0.95, 1e-8, 0.1, 1));
            List<Trainer.Score> after = trainer.score(sequences, 0.8);
            assertThat(trainer.managedArrays()).isEqualTo(arrays);
            return new Made(sum.loss(), List.copyOf(sum.scores()), gradients, after);
        }
    }

    static Stream<Arguments> cases() {
        return Stream.of(
                        Shapes.qwen3(),
                        Shapes.of(ModelConfig.Architecture.QWEN2, false),
                        Shapes.of(ModelConfig.Architecture.LLAMA, true))
                .flatMap(config -> RULES.stream().flatMap(rule -> Stream.of(PLENTY, CHUNKS, SCARCE)
                        .map(form -> Arguments.of(config, rule, form))));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void allWeights(ModelConfig config, LossRule rule, Trainer.Lean form) {
        PolicyWeights weights = Shapes.weights(config, 3);
        PolicyWeights base = Shapes.weights(config, 4);
        agree(made(weights, null, base, form, rule), made(weights, null, base, new Trainer.Whole(), rule));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void adapters(ModelConfig config, LossRule rule, Trainer.Lean form) {
        PolicyWeights weights = Shapes.weights(config, 3);
        for (List<String> targets : List.of(Lora.ALL, List.of("k_proj", "o_proj", "up_proj"), List.of("down_proj"))) {
            LoraAdapter adapter = moved(LoraAdapter.fresh(config, new Lora(3, 5, targets), 1));
            agree(
                    made(weights, adapter, weights, form, rule),
                    made(weights, adapter, weights, new Trainer.Whole(), rule));
        }
    }

    /** What the machine has left may be another amount each time: it changes nothing but time. */
    @ParameterizedTest
    @CsvSource({"QWEN2, true", "QWEN3, true", "LLAMA, true", "QWEN2, false", "QWEN3, false"})
    void layersThatAreComputedAgainAreTheSameBits(ModelConfig.Architecture architecture, boolean whole) {
        ModelConfig small = Shapes.of(architecture, false);
        ModelConfig config = new ModelConfig(
                architecture,
                small.vocabulary(),
                small.width(),
                small.feedForward(),
                4,
                small.heads(),
                small.kvHeads(),
                small.headDim(),
                small.maxPositions(),
                small.epsilon(),
                small.ropeTheta(),
                small.ropeScaling(),
                small.tied(),
                small.qkvBias(),
                small.qkNorm(),
                small.endTokens());
        PolicyWeights weights = Shapes.weights(config, 3);
        PolicyWeights base = Shapes.weights(config, 4);
        LoraAdapter adapter =
                whole ? null : moved(LoraAdapter.fresh(config, new Lora(3, 5, List.of("k_proj", "up_proj")), 1));
        List<Made> all = new ArrayList<>();
        for (int layers = 4; layers >= 0; layers--) {
            int wanted = layers;
            long bytes = LongStream.iterate(0, b -> b < 1 << 24, b -> b + 1000)
                    .filter(b -> TrainingSize.recomputedLayers(config, 60, whole, b) == wanted)
                    .findFirst()
                    .orElseThrow();
            all.add(made(weights, adapter, base, new Trainer.Lean(1 << 20, 1 << 20, () -> bytes), RULES.get(1)));
        }
        Made first = all.getFirst();
        assertThat(all).allSatisfy(made -> {
            assertThat(made.loss()).isEqualTo(first.loss());
            assertThat(made.gradients()).usingRecursiveComparison().isEqualTo(first.gradients());
            assertThat(made.after()).usingRecursiveComparison().isEqualTo(first.after());
        });
    }

    @Test
    void onlyAsManyLayersAreComputedAgainAsDoNotFit() {
        // SmolLM2-135M, whose micro-batch misses 3 GiB by little when all weights are trained.
        ModelConfig config = new ModelConfig(
                ModelConfig.Architecture.LLAMA,
                49_152,
                576,
                1536,
                30,
                9,
                3,
                64,
                8192,
                1e-5,
                100_000,
                null,
                true,
                false,
                false,
                List.of(2));
        long tokens = TrainingSize.microBatchTokens(config);
        assertThat(TrainingSize.recomputedLayers(config, tokens, true, 3L << 30))
                .isZero();
        assertThat(TrainingSize.recomputedLayers(config, tokens, true, Long.MAX_VALUE / 2))
                .isZero();
        assertThat(TrainingSize.recomputedLayers(config, tokens, true, 0)).isEqualTo(30);
        assertThat(TrainingSize.recomputedLayers(config, tokens, false, 0)).isEqualTo(30);
        int before = 30;
        for (long bytes = 0; bytes < 2L << 30; bytes += 1 << 20) {
            int now = TrainingSize.recomputedLayers(config, tokens, true, bytes);
            assertThat(now).isBetween(before - 1, before);
            before = now;
        }
        assertThat(before).isZero();
    }

    /** Adapters that change something. */
    private static LoraAdapter moved(LoraAdapter fresh) {
        Random random = new Random(9);
        fresh.values().forEach(v -> {
            for (long i = 0; i < v.count(); i++) {
                ((HostTensor) v).bytes().setAtIndex(ValueLayout.JAVA_FLOAT, i, 0.1f * (float) random.nextGaussian());
            }
        });
        return fresh;
    }

    private static long address(WeightStore store, int i) {
        return ((HostTensor) store.tensors().get(i)).bytes().address();
    }

    private static void agree(Made lean, Made whole) {
        assertThat(lean.loss()).isEqualTo(whole.loss(), within(2e-5 * (1 + Math.abs(whole.loss()))));
        agree(lean.scores(), whole.scores(), 2e-5);
        assertThat(lean.gradients()).hasSameSizeAs(whole.gradients());
        double largest = 0;
        for (int i = 0; i < whole.gradients().size(); i++) {
            float[] theirs = whole.gradients().get(i);
            double scale = 0;
            for (float g : theirs) {
                scale = Math.max(scale, Math.abs(g));
            }
            largest = Math.max(largest, scale);
            for (int k = 0; k < theirs.length; k++) {
                assertThat((double) lean.gradients().get(i)[k])
                        .as("gradient %d", i)
                        .isEqualTo(theirs[k], within(2e-5 * (1e-2 + scale)));
            }
        }
        assertThat(largest).as("there is something to compare").isGreaterThan(1e-3);
        agree(lean.after(), whole.after(), 1e-3);
    }

    private static void agree(List<Trainer.Score> own, List<Trainer.Score> theirs, double tolerance) {
        assertThat(own).hasSameSizeAs(theirs);
        for (int i = 0; i < own.size(); i++) {
            for (int t = 0; t < theirs.get(i).logProbs().length; t++) {
                assertThat((double) own.get(i).logProbs()[t])
                        .isEqualTo(theirs.get(i).logProbs()[t], within(tolerance));
                assertThat((double) own.get(i).entropies()[t])
                        .isEqualTo(theirs.get(i).entropies()[t], within(tolerance));
            }
        }
    }

    /** What is published is the same in both forms, and what a directory with these adapters opens as. */
    @Test
    void mergedWeightsAreTheSameBits() {
        ModelConfig config = Shapes.of(ModelConfig.Architecture.QWEN2, false);
        PolicyWeights weights = Shapes.weights(config, 3);
        LoraAdapter adapter = moved(LoraAdapter.fresh(config, new Lora(3, 5, Lora.ALL), 1));
        try (Trainer lean = new Trainer(weights, 60, Precision.FAST, adapter, PLENTY);
                Trainer whole = new Trainer(weights, 60, Precision.FAST, adapter, new Trainer.Whole());
                PolicyWeights merged = adapter.mergedInto(weights);
                PolicyWeights copied = lean.weights()) {
            assertThat(merged.digest()).isNotEqualTo(weights.digest());
            assertThat(lean.weightsInPlace().digest()).isEqualTo(merged.digest());
            assertThat(copied.digest()).isEqualTo(merged.digest());
            assertThat(whole.weightsInPlace().digest()).isEqualTo(merged.digest());
        }
    }

    /** Who opened the base may close it. */
    @Test
    void theBaseStaysAsLongAsTheTrainer() {
        ModelConfig config = Shapes.qwen3();
        PolicyWeights weights = Shapes.weights(config, 3);
        String digest = weights.digest();
        PolicyWeights published;
        try (Trainer trainer = new Trainer(
                weights, 60, Precision.FAST, LoraAdapter.fresh(config, new Lora(2, 2, Lora.ALL), 1), PLENTY)) {
            weights.close();
            published = trainer.weightsInPlace();
            assertThat(published.digest()).isEqualTo(digest);
        }
        assertThatThrownBy(published::digest).isInstanceOf(IllegalStateException.class);
    }

    /** An update of adapters leaves the embedding and the head as they were: a switch of weights takes no memory for them. */
    @Test
    void foldedTensorsThatAreEqualAreTheSame() {
        for (ModelConfig config : List.of(Shapes.qwen3(), Shapes.of(ModelConfig.Architecture.QWEN2, false))) {
            PolicyWeights weights = Shapes.weights(config, 3);
            LoraAdapter adapter = moved(LoraAdapter.fresh(config, new Lora(3, 5, List.of("o_proj")), 1));
            try (Transformer transformer = new Transformer(config, Precision.FAST)) {
                for (boolean lean : new boolean[] {false, true}) {
                    PolicyWeights next = adapter.mergedInto(weights);
                    WeightStore first = Folding.of(transformer, weights, lean, "f[]", null);
                    try (WeightStore alone = Folding.of(transformer, next, lean, "f[]", null);
                            WeightStore second = Folding.of(transformer, next, lean, "f[]", first)) {
                        List<Long> different = new ArrayList<>();
                        for (int i = 0; i < first.tensors().size(); i++) {
                            if (address(first, i) != address(second, i)) {
                                different.add((long) i);
                            }
                        }
                        int perLayer = lean ? 8 : 6;
                        assertThat(different)
                                .as("o_proj is the third of each layer's tensors")
                                .containsExactly(2L + 2, 2L + perLayer + 2);
                        // What is shared stays when the first goes.
                        first.close();
                        assertThat(second.values()).usingRecursiveComparison().isEqualTo(alone.values());
                    }
                }
            }
        }
    }

    /** The layer by layer folding is the script's own of the whole. */
    @Test
    void foldedLayerByLayerTheyAreWhatTheScriptFoldsAtOnce() {
        for (ModelConfig config : List.of(
                Shapes.qwen3(),
                Shapes.of(ModelConfig.Architecture.QWEN2, false),
                Shapes.of(ModelConfig.Architecture.LLAMA, true))) {
            PolicyWeights weights = Shapes.weights(config, 3);
            try (Transformer transformer = new Transformer(config, Precision.EXACT);
                    NativeSteps.Step step = NativeSteps.enter();
                    PtNDManager scope = transformer.scope();
                    WeightStore raw = WeightStore.of(transformer, weights, "w[]", false);
                    WeightStore folded = Folding.of(transformer, weights, false, "f[]", null);
                    IValue whole = transformer.call("fold", raw.list())) {
                List<float[]> expected = Stream.of(whole.toTensorArray(scope))
                        .map(t -> t.toFloatArray())
                        .toList();
                assertThat(folded.values()).usingRecursiveComparison().isEqualTo(expected);
            }
        }
    }
}
