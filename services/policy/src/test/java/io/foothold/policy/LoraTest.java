package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.PolicyGradient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Adapters against PEFT, whose files {@code peft/make.py} makes, and against themselves. */
class LoraTest {
    private static final LossRule RULE =
            new LossRule(LossRule.Aggregation.SEQUENCE_MEAN, 1, new PolicyGradient(), 0, 0, 0);
    private static final Trainer.AdamW ADAM_W = new Trainer.AdamW(1e-2, 0.9, 0.999, 1e-8, 0.01, 1);

    @TempDir
    Path directory;

    @BeforeAll
    static void enter() {
        NativeRuntime.enterThread();
    }

    private static Path fixture(String name) {
        return Path.of(System.getProperty("foothold.root"), "services/policy/src/test/resources/peft", name);
    }

    private static Trainer.Sequence sequence(Path fixture) throws IOException {
        int[] ids = new ObjectMapper().convertValue(expected(fixture).path("ids"), int[].class);
        return new Trainer.Sequence(
                Arrays.copyOf(ids, 1), new int[0], Arrays.copyOfRange(ids, 1, ids.length), new float[ids.length - 1]);
    }

    private static JsonNode expected(Path fixture) throws IOException {
        return new ObjectMapper().readTree(fixture.resolve("expected.json").toFile());
    }

    private static CreditPlan plan(Trainer.Sequence s, double advantage) {
        return CreditPlan.of(RULE, List.of(new CreditPlan.Member(1, 0, s.sampled().length, advantage)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen3-some", "qwen2-all-rslora"})
    void mergedLogProbsAndGradientsAreThoseOfPeftsUnmergedModel(String name) throws IOException {
        PolicyDirectory policy = PolicyDirectory.open(fixture(name));
        double[] logProbs =
                new ObjectMapper().convertValue(expected(fixture(name)).path("log_probs"), double[].class);
        Trainer.Sequence sequence = sequence(fixture(name));
        float[] merged;
        try (Trainer trainer = new Trainer(policy.weights(), 4096, Precision.EXACT)) {
            merged = trainer.score(List.of(sequence), 1).get(0).logProbs();
        }
        for (int i = 0; i < logProbs.length; i++) {
            assertThat((double) merged[i]).isEqualTo(logProbs[i], within(1e-5));
        }
        LoraAdapter adapter = policy.adapter().orElseThrow();
        try (Trainer trainer = new Trainer(policy.baseWeights(), 4096, Precision.EXACT, adapter)) {
            assertThat(trainer.score(List.of(sequence), 1).get(0).logProbs())
                    .as("the trainer computes with what a directory merges, to the bit")
                    .isEqualTo(merged);
            assertThat(trainer.weights().digest()).isEqualTo(policy.weights().digest());
            trainer.accumulate(List.of(sequence), plan(sequence, 1), RULE, 1);
            compareGradients(name, adapter, policy.config(), trainer.gradients());
        }
    }

    private static void compareGradients(String fixture, LoraAdapter adapter, ModelConfig config, List<float[]> own) {
        Map<String, HostTensor> gradients = Shapes.copied(fixture(fixture).resolve("gradients.safetensors"));
        List<String> names = adapter.lora().names(config);
        assertThat(gradients).hasSameSizeAs(names);
        for (int i = 0; i < names.size(); i++) {
            float[] theirs = gradients.get("base_model.model." + names.get(i)).toArray();
            double scale = 0;
            for (float g : theirs) {
                scale = Math.max(scale, Math.abs(g));
            }
            assertThat(scale).as(names.get(i)).isPositive();
            for (int k = 0; k < theirs.length; k++) {
                assertThat((double) own.get(i)[k]).as(names.get(i)).isEqualTo(theirs[k], within(2e-5 * (1 + scale)));
            }
        }
    }

    /** The lean form multiplies with the adapters themselves, as PEFT does. */
    @ParameterizedTest
    @ValueSource(strings = {"qwen3-some", "qwen2-all-rslora"})
    void logProbsAndGradientsOfAdaptersByThemselvesArePefts(String name) throws IOException {
        PolicyDirectory policy = PolicyDirectory.open(fixture(name));
        double[] logProbs =
                new ObjectMapper().convertValue(expected(fixture(name)).path("log_probs"), double[].class);
        Trainer.Sequence sequence = sequence(fixture(name));
        LoraAdapter adapter = policy.adapter().orElseThrow();
        try (Trainer trainer = new Trainer(policy.baseWeights(), 4096, Precision.FAST, adapter)) {
            float[] own = trainer.score(List.of(sequence), 1).get(0).logProbs();
            for (int i = 0; i < logProbs.length; i++) {
                assertThat((double) own[i]).isEqualTo(logProbs[i], within(1e-5));
            }
            assertThat(trainer.weights().digest()).isEqualTo(policy.weights().digest());
            trainer.accumulate(List.of(sequence), plan(sequence, 1), RULE, 1);
            compareGradients(name, adapter, policy.config(), trainer.gradients());
        }
    }

    /** Central differences of the loss in each adapter's values. */
    @Test
    void gradientsAreTheSlopesOfTheLoss() throws IOException {
        PolicyDirectory policy = PolicyDirectory.open(fixture("qwen3-some"));
        LoraAdapter adapter = policy.adapter().orElseThrow();
        Trainer.Sequence sequence = sequence(fixture("qwen3-some"));
        List<float[]> gradients;
        try (Trainer trainer = new Trainer(policy.baseWeights(), 4096, Precision.EXACT, adapter)) {
            trainer.accumulate(List.of(sequence), plan(sequence, 1), RULE, 1);
            gradients = trainer.gradients();
        }
        for (int v : new int[] {0, 1, 4, 7, 11}) {
            int at = (17 * v + 3) % gradients.get(v).length;
            double slope = (loss(policy, moved(adapter, v, at, 0.02f), sequence)
                            - loss(policy, moved(adapter, v, at, -0.02f), sequence))
                    / 0.04;
            assertThat((double) gradients.get(v)[at]).as("variable %d", v).isEqualTo(slope, within(2e-3));
        }
    }

    private static LoraAdapter moved(LoraAdapter adapter, int variable, int at, float by) {
        List<float[]> values =
                adapter.values().stream().map(v -> ((HostTensor) v).toArray()).toList();
        values.get(variable)[at] += by;
        List<long[]> shapes = adapter.lora().shapes(Shapes.qwen3());
        return new LoraAdapter(
                Shapes.qwen3(),
                adapter.lora(),
                IntStream.range(0, values.size())
                        .mapToObj(i -> HostTensor.of(shapes.get(i), values.get(i)))
                        .toList());
    }

    private static double loss(PolicyDirectory policy, LoraAdapter adapter, Trainer.Sequence sequence) {
        try (Trainer trainer = new Trainer(policy.baseWeights(), 4096, Precision.EXACT, adapter)) {
            return trainer.accumulate(List.of(sequence), plan(sequence, 1), RULE, 1)
                    .loss();
        }
    }

    @Test
    void freshAdaptersChangeNothingAndTrainingLeavesTheRestAlone() throws IOException {
        PolicyDirectory policy = PolicyDirectory.open(fixture("../hf/qwen3-tied-sharded"));
        Trainer.Sequence sequence = sequence(fixture("qwen3-some"));
        Lora lora = new Lora(2, 4, List.of("v_proj", "gate_proj"));
        PolicyWeights base = policy.weights();
        try (Trainer trainer = new Trainer(base, 4096, Precision.EXACT, LoraAdapter.fresh(policy.config(), lora, 5))) {
            assertThat(trainer.weights().digest()).isEqualTo(base.digest());
            double before = trainer.accumulate(List.of(sequence), plan(sequence, 1), RULE, 1)
                    .loss();
            trainer.step(ADAM_W);
            for (int i = 0; i < 20; i++) {
                trainer.accumulate(List.of(sequence), plan(sequence, 1), RULE, 1);
                trainer.step(ADAM_W);
            }
            assertThat(trainer.accumulate(List.of(sequence), plan(sequence, 1), RULE, 1)
                            .loss())
                    .isLessThan(before - 0.3);
            PolicyWeights after = trainer.weights();
            var changed = new HashSet<Integer>();
            for (int s = 0; s < Shapes.slots(base).size(); s++) {
                if (!Arrays.equals(
                        Shapes.slots(base).get(s), Shapes.slots(after).get(s))) {
                    changed.add(s);
                }
            }
            // v stands in slot 1 of a layer's eight, gate in slot 4.
            assertThat(changed).containsExactlyInAnyOrder(2 + 1, 2 + 4, 10 + 1, 10 + 4);
        }
    }

    @Test
    void whatIsWrittenReadsBackAndTrainingGoesOnToTheBit() throws IOException {
        PolicyDirectory policy = PolicyDirectory.open(fixture("../hf/qwen3-tied-sharded"));
        Trainer.Sequence sequence = sequence(fixture("qwen3-some"));
        LoraAdapter fresh = LoraAdapter.fresh(policy.config(), new Lora(3, 3, Lora.ALL), 5);
        String whole;
        String halves;
        try (Trainer trainer = new Trainer(policy.weights(), 4096, Precision.EXACT, fresh)) {
            steps(trainer, sequence, 3);
            trainer.adapter().orElseThrow().write(directory.resolve("adapter"), policy.base());
            PolicyWeights.writeDurably(directory.resolve("moments"), trainer.moments());
            steps(trainer, sequence, 3);
            whole = trainer.weights().digest();
        }
        PolicyDirectory written = PolicyDirectory.open(directory.resolve("adapter"));
        try (Trainer trainer = new Trainer(
                written.baseWeights(), 4096, Precision.EXACT, written.adapter().orElseThrow())) {
            trainer.restore(directory.resolve("moments"), 3);
            steps(trainer, sequence, 3);
            halves = trainer.weights().digest();
        }
        assertThat(halves).isEqualTo(whole);
    }

    private static void steps(Trainer trainer, Trainer.Sequence sequence, int count) {
        for (int i = 0; i < count; i++) {
            trainer.accumulate(List.of(sequence), plan(sequence, 1), RULE, 1);
            trainer.step(ADAM_W);
        }
    }

    /** Names, shapes and settings are those that PEFT wrote itself. */
    @Test
    void theExportHasPeftsNamesAndShapes() throws IOException {
        PolicyDirectory policy = PolicyDirectory.open(fixture("qwen3-some"));
        policy.adapter().orElseThrow().write(directory, policy.base());
        Map<String, HostTensor> own = Shapes.copied(directory.resolve("adapter_model.safetensors"));
        Map<String, HostTensor> theirs = Shapes.copied(fixture("qwen3-some").resolve("adapter_model.safetensors"));
        assertThat(own.keySet()).isEqualTo(theirs.keySet());
        own.forEach((name, tensor) -> {
            assertThat(tensor.shape()).isEqualTo(theirs.get(name).shape());
            assertThat(tensor.toArray()).isEqualTo(theirs.get(name).toArray());
        });
        JsonNode mine = json(directory);
        JsonNode peft = json(fixture("qwen3-some"));
        for (String key : List.of("peft_type", "task_type", "r", "bias", "use_rslora")) {
            assertThat(mine.path(key).asText()).as(key).isEqualTo(peft.path(key).asText());
        }
        assertThat(mine.path("lora_alpha").asDouble()).isEqualTo(7);
        assertThat(mine.path("target_modules")).isEqualTo(peft.path("target_modules"));
    }

    private static JsonNode json(Path adapter) throws IOException {
        return new ObjectMapper()
                .readTree(adapter.resolve("adapter_config.json").toFile());
    }

    @Test
    void whatIsNotSupportedIsRefusedByName() throws IOException {
        Path base = fixture("../hf/qwen3-tied-sharded").toRealPath();
        refused("use_dora", "true", "'use_dora' = true is not supported", base);
        refused("bias", "\"all\"", "'bias' = \"all\" is not supported", base);
        refused("modules_to_save", "[\"lm_head\"]", "'modules_to_save' = [\"lm_head\"] is not supported", base);
        refused("rank_pattern", "{\"q_proj\": 8}", "'rank_pattern'", base);
        refused("target_modules", "[\"qproj\"]", "LoRA target 'qproj' is not known", base);
        refused("target_modules", "[\"q_proj\"]", "tensors that adapter_config.json does not name", base);
        refused("r", "4", "has shape [3, 32] (expected [4, 32])", base);
        refused("base_model_name_or_path", "\"Qwen/Qwen3-0.6B\"", "is no directory", base);
        assertThatThrownBy(() -> new Lora(0, 1, Lora.ALL)).hasMessageContaining("rank of 1 or more");
    }

    private void refused(String key, String value, String why, Path base) throws IOException {
        ObjectNode config = (ObjectNode) json(fixture("qwen3-some"));
        config.put("base_model_name_or_path", base.toString());
        config.set(key, new ObjectMapper().readTree(value));
        Files.writeString(directory.resolve("adapter_config.json"), config.toString());
        Files.copy(
                fixture("qwen3-some").resolve("adapter_model.safetensors"),
                directory.resolve("adapter_model.safetensors"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        assertThatThrownBy(() -> PolicyDirectory.open(directory)).hasMessageContaining(why);
    }
}
