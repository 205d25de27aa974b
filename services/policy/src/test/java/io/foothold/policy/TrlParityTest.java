package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.core.loss.Clips;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.LossRule.Aggregation;
import io.foothold.core.loss.Losses;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Ten optimizer steps on one batch against TRL's GRPOTrainer from the same weights: its loss, gradient norm and parameters, made by
 * {@code trl/make.py}. Behaviour log-probs are a little off the policy, so ratios are clipped from the first step on.
 */
class TrlParityTest {
    private static final Path DIRECTORY =
            Path.of(System.getProperty("foothold.root"), "services/policy/src/test/resources/trl");
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @ParameterizedTest
    @CsvSource({
        "grpo, SEQUENCE_MEAN, token, 0",
        "bnpo, TOKEN_MEAN, token, 0",
        "dapo, TOKEN_MEAN, token, 0",
        "dr_grpo, CONSTANT_LENGTH, token, 0",
        "gspo, SEQUENCE_MEAN, sequence, 0",
        "grpo_kl, SEQUENCE_MEAN, token, 0.3"
    })
    void tenStepsAreThoseOfTrl(String name, Aggregation aggregation, String ratio, double kl) throws IOException {
        JsonNode batch = MAPPER.readTree(DIRECTORY.resolve("batch.json").toFile());
        JsonNode expected = batch.path("expected").path(name);
        List<Trainer.Sequence> sequences = new ArrayList<>();
        List<CreditPlan.Member> members = new ArrayList<>();
        for (int i = 0; i < batch.path("prompts").size(); i++) {
            int[] prompt = MAPPER.convertValue(batch.path("prompts").get(i), int[].class);
            int[] sampled = MAPPER.convertValue(batch.path("completions").get(i), int[].class);
            float[] behaviour = MAPPER.convertValue(batch.path("behaviour").get(i), float[].class);
            sequences.add(new Trainer.Sequence(prompt, new int[0], sampled, behaviour));
            members.add(new CreditPlan.Member(
                    prompt.length,
                    0,
                    sampled.length,
                    batch.path("advantages").get(i).asDouble()));
        }
        LossRule rule = new LossRule(
                aggregation,
                batch.path("constant").asInt(),
                Losses.of(
                        ratio,
                        new Clips(
                                batch.path("clip_low").asDouble(),
                                batch.path("clip_high").asDouble()),
                        Map.of()),
                kl,
                0,
                0);
        CreditPlan plan = CreditPlan.of(rule, members);
        Trainer.AdamW adam = new Trainer.AdamW(batch.path("learning_rate").asDouble(), 0.9, 0.95, 1e-8, 0.01, 1.0);
        PolicyWeights first = PolicyDirectory.open(DIRECTORY.resolve("first")).weights();
        NativeRuntime.enterThread();
        try (Trainer trainer = new Trainer(first, 4096, Precision.EXACT)) {
            trainer.setBase(first);
            int steps = batch.path("steps").asInt();
            assertThat(steps).isEqualTo(10);
            for (int step = 1; step <= steps; step++) {
                double loss = trainer.accumulate(sequences, plan, rule, 1).loss();
                double norm = trainer.step(adam);
                double theirs = expected.path("loss").get(step - 1).asDouble();
                double theirNorm = expected.path("norm").get(step - 1).asDouble();
                assertThat(loss).as("loss of step %d", step).isEqualTo(theirs, within(1e-5 * Math.abs(theirs) + 1e-7));
                assertThat(norm).as("gradient norm of step %d", step).isEqualTo(theirNorm, within(1e-5 * theirNorm));
                if (step == 1 || step == steps) {
                    double error = relative(first, trainer.weights(), name + "-" + step + ".safetensors");
                    assertThat(error)
                            .as("change of the parameters after %d steps against TRL's", step)
                            .isLessThan(step == 1 ? 1e-3 : 1e-2);
                }
            }
        }
    }

    /** The distance of our change from theirs, over the length of theirs. */
    private static double relative(PolicyWeights first, PolicyWeights ours, String file) throws IOException {
        Map<String, HostTensor> theirs = Shapes.copied(DIRECTORY.resolve(file));
        List<float[]> begin = Shapes.slots(first);
        List<float[]> end = Shapes.slots(ours);
        double difference = 0;
        double length = 0;
        List<WeightLayout.Slot> layout = WeightLayout.of(first.config()).slots();
        for (int s = 0; s < layout.size(); s++) {
            int at = 0;
            for (WeightLayout.Part part : layout.get(s).parts()) {
                float[] after = theirs.get(part.name()).toArray();
                for (int i = 0; i < after.length; i++, at++) {
                    double before = begin.get(s)[at];
                    double moved = after[i] - before;
                    double own = end.get(s)[at] - before;
                    difference += (own - moved) * (own - moved);
                    length += moved * moved;
                }
            }
        }
        assertThat(Math.sqrt(length)).as("a step was taken").isGreaterThan(1e-3);
        return Math.sqrt(difference / length);
    }
}
