package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.loss.Clips;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.Losses;
import io.foothold.core.loss.Ppo;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TrainerTest {
    private static List<Trainer.Sequence> sequences(long seed) {
        Random random = new Random(seed);
        List<Trainer.Sequence> out = new ArrayList<>();
        for (int g = 0; g < 4; g++) {
            int[] prompt = random.ints(3 + 2 * g, 2, 38).toArray();
            for (int i = 0; i < (g == 3 ? 1 : 3); i++) {
                int[] given = random.ints(i, 2, 38).toArray();
                int[] sampled = random.ints(1 + random.nextInt(12), 2, 38).toArray();
                float[] behaviour = new float[sampled.length];
                for (int t = 0; t < behaviour.length; t++) {
                    behaviour[t] = -3.5f + random.nextFloat() * 0.6f;
                }
                out.add(new Trainer.Sequence(prompt, given, sampled, behaviour));
            }
        }
        return out;
    }

    /** With a rule that shapes, every fourth rollout is off-policy; every second one's credit is corrected, some tokens' to nothing. */
    private static CreditPlan plan(LossRule rule, List<Trainer.Sequence> sequences, long seed) {
        Random random = new Random(seed);
        List<CreditPlan.Member> members = new ArrayList<>();
        for (Trainer.Sequence s : sequences) {
            boolean offPolicy = rule.shaping() > 0 && members.size() % 4 == 1;
            members.add(new CreditPlan.Member(
                    s.prompt().length, s.given().length, s.sampled().length, random.nextGaussian(), offPolicy));
        }
        return new CreditPlan(CreditPlan.of(rule, members).rollouts().stream()
                .map(entry -> random.nextBoolean()
                        ? entry.corrected(random.doubles(entry.member().sampledTokens(), -0.5, 2)
                                .map(c -> Math.max(0, c))
                                .toArray())
                        : entry)
                .toList());
    }

    @ParameterizedTest
    @ValueSource(doubles = {1, 0.8})
    void scoresAreThoseOfThePlainTwinWithSharedPromptsAndGivenTokens(double temperature) {
        for (ModelConfig.Architecture a : ModelConfig.Architecture.values()) {
            PolicyWeights weights = Shapes.weights(Shapes.of(a, a != ModelConfig.Architecture.LLAMA), 3);
            NaiveTransformer naive = new NaiveTransformer(weights);
            try (Trainer trainer = new Trainer(weights, 60, Precision.FAST)) {
                List<Trainer.Sequence> sequences = sequences(1);
                List<Trainer.Score> scores = trainer.score(sequences, temperature);
                for (int i = 0; i < sequences.size(); i++) {
                    PackedBatch.Row row = sequences.get(i).row();
                    int[] all = Arrays.copyOf(row.prompt(), row.prompt().length + row.response().length);
                    System.arraycopy(row.response(), 0, all, row.prompt().length, row.response().length);
                    double[][] logits = naive.logits(all);
                    int from = row.prompt().length + row.skipped();
                    for (int t = 0; t < row.targets(); t++) {
                        assertThat((double) scores.get(i).logProbs()[t])
                                .as(a + " row " + i + " token " + t)
                                .isEqualTo(
                                        NaiveTransformer.logProb(
                                                Arrays.stream(logits[from + t - 1])
                                                        .map(l -> l / temperature)
                                                        .toArray(),
                                                all[from + t]),
                                        within(2e-5));
                    }
                }
            }
        }
    }

    @Test
    void inExactPrecisionScoresAreTheSampledLogProbsToTheBit() {
        PolicyWeights weights = Shapes.weights(Shapes.shipped(), 3);
        for (boolean deterministic : new boolean[] {true, false}) {
            try (GenerationEngine engine = new GenerationEngine(
                            weights,
                            0,
                            null,
                            new GenerationEngine.Settings(24, 48, 3, deterministic, Precision.EXACT));
                    Trainer exact = new Trainer(weights, 700, Precision.EXACT);
                    Trainer fast = new Trainer(weights, 700, Precision.FAST)) {
                List<GenerationRequest> requests = GenerationEngineTest.requests(120, 20, 3);
                Map<String, GenerationEngineTest.Sink> sinks = GenerationEngineTest.run(engine, requests);
                List<Trainer.Sequence> sequences = new ArrayList<>();
                for (GenerationRequest r : requests) {
                    GenerationEngineTest.Sink sink = sinks.get(r.id());
                    float[] behaviour = new float[sink.logProbs.size()];
                    for (int i = 0; i < behaviour.length; i++) {
                        behaviour[i] = sink.logProbs.get(i);
                    }
                    sequences.add(new Trainer.Sequence(r.prompt(), new int[0], sink.ids(), behaviour));
                }
                List<Trainer.Score> scores = exact.score(sequences, 1);
                List<Trainer.Score> rounded = fast.score(sequences, 1);
                boolean differs = false;
                for (int i = 0; i < sequences.size(); i++) {
                    assertThat(scores.get(i).logProbs())
                            .isEqualTo(sequences.get(i).behaviour());
                    differs |= !Arrays.equals(
                            rounded.get(i).logProbs(), sequences.get(i).behaviour());
                }
                // Alone and cut short: products of fewer rows than keep their bits.
                for (Trainer.Sequence s : sequences.subList(0, 24)) {
                    int n = Math.min(s.sampled().length, 1 + s.prompt().length % 5);
                    float[] behaviour = Arrays.copyOf(s.behaviour(), n);
                    Trainer.Sequence start =
                            new Trainer.Sequence(s.prompt(), new int[0], Arrays.copyOf(s.sampled(), n), behaviour);
                    assertThat(exact.score(List.of(start), 1).get(0).logProbs()).isEqualTo(behaviour);
                }
                assertThat(differs)
                        .as("without exact attention there is a difference to see")
                        .isTrue();
            }
        }
    }

    @Test
    void theLossIsThatOfThePlainTwinForEveryRule() {
        PolicyWeights weights = Shapes.weights(Shapes.qwen3(), 3);
        PolicyWeights other = Shapes.weights(Shapes.qwen3(), 4);
        for (LossRule.Aggregation aggregation : LossRule.Aggregation.values()) {
            for (String name : Losses.formerNames()) {
                for (double extra : new double[] {0, 0.1}) {
                    LossRule rule = new LossRule(
                                    aggregation,
                                    20,
                                    Losses.of(name, new Clips(0.2, 0.3, extra > 0 ? 3 : 0), Map.of()),
                                    extra,
                                    extra,
                                    0)
                            .shaped(extra);
                    List<Trainer.Sequence> sequences = sequences(2);
                    CreditPlan plan = plan(rule, sequences, 5);
                    try (Trainer trainer = new Trainer(weights, 80, Precision.FAST);
                            Trainer base = new Trainer(other, 80, Precision.FAST)) {
                        trainer.setBase(other);
                        List<Trainer.Score> now = trainer.score(sequences, 1);
                        List<Trainer.Score> reference = base.score(sequences, 1);
                        double expected = 0;
                        for (int i = 0; i < sequences.size(); i++) {
                            expected += rule.of(
                                            plan.rollouts().get(i),
                                            doubles(now.get(i).logProbs()),
                                            doubles(sequences.get(i).behaviour()),
                                            doubles(reference.get(i).logProbs()),
                                            doubles(now.get(i).entropies()))
                                    .value();
                        }
                        double actual =
                                trainer.accumulate(sequences, plan, rule, 1).loss();
                        assertThat(actual)
                                .as(rule.toString())
                                .isEqualTo(expected, within(1e-5 * (1 + Math.abs(expected))));
                    }
                }
            }
        }
    }

    @Test
    void gradientsDoNotDependOnHowRowsArePacked() {
        PolicyWeights weights = Shapes.weights(Shapes.qwen3(), 3);
        LossRule rule = new LossRule(LossRule.Aggregation.SEQUENCE_MEAN, 1, new Ppo(new Clips(0.2, 0.3, 0)), 0, 0, 0);
        List<Trainer.Sequence> sequences = sequences(2);
        CreditPlan plan = plan(rule, sequences, 5);
        List<float[]> packed;
        List<float[]> single;
        try (Trainer trainer = new Trainer(weights, 100_000, Precision.FAST)) {
            trainer.accumulate(sequences, plan, rule, 1);
            packed = trainer.gradients();
        }
        try (Trainer trainer = new Trainer(weights, 1, Precision.FAST)) {
            trainer.accumulate(sequences, plan, rule, 1);
            single = trainer.gradients();
        }
        double norm = 0;
        for (int i = 0; i < packed.size(); i++) {
            for (int j = 0; j < packed.get(i).length; j++) {
                assertThat(packed.get(i)[j]).isEqualTo(single.get(i)[j], within(2e-6f));
                norm += packed.get(i)[j] * packed.get(i)[j];
            }
        }
        assertThat(norm).isGreaterThan(1e-4);
    }

    @Test
    void aGradientEntryIsTheFiniteDifference() {
        LossRule plain = LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN);
        gradientIsTheFiniteDifference(plain);
        gradientIsTheFiniteDifference(plain.shaped(0.1));
    }

    @Test
    void anOffPolicyTokenThatWasNearlyImpossibleLeavesTheGradientFinite() {
        LossRule rule = new LossRule(LossRule.Aggregation.TOKEN_MEAN, 1, new Ppo(new Clips(0.2, 0.2, 0)), 0, 0, 0);
        List<Trainer.Sequence> sequences = sequences(2);
        sequences.forEach(s -> {
            if (s.behaviour().length > 0) {
                s.behaviour()[0] = -200;
            }
        });
        List<CreditPlan.Member> members = sequences.stream()
                .map(s -> new CreditPlan.Member(s.prompt().length, s.given().length, s.sampled().length, -1, true))
                .toList();
        try (Trainer trainer = new Trainer(Shapes.weights(Shapes.qwen3(), 3), 1000, Precision.FAST)) {
            LossRule shaped = rule.shaped(0.1);
            trainer.accumulate(sequences, CreditPlan.of(shaped, members), shaped, 1);
            for (float[] slot : trainer.gradients()) {
                for (float g : slot) {
                    assertThat(g).isFinite();
                }
            }
        }
    }

    private void gradientIsTheFiniteDifference(LossRule rule) {
        ModelConfig config = Shapes.qwen3();
        PolicyWeights weights = Shapes.weights(config, 3);
        List<Trainer.Sequence> sequences = sequences(2);
        CreditPlan plan = plan(rule, sequences, 5);
        List<float[]> gradients;
        try (Trainer trainer = new Trainer(weights, 1000, Precision.FAST)) {
            trainer.accumulate(sequences, plan, rule, 1);
            gradients = trainer.gradients();
        }
        for (int slot = 0; slot < Shapes.slots(weights).size(); slot += 3) {
            double[] side = new double[2];
            float h = 2e-3f;
            for (int k = 0; k < 2; k++) {
                List<float[]> moved = new ArrayList<>();
                Shapes.slots(weights).forEach(s -> moved.add(s.clone()));
                moved.get(slot)[5] += k == 0 ? h : -h;
                PolicyWeights shifted = Shapes.of(config, moved);
                NaiveTransformer naive = new NaiveTransformer(shifted);
                for (int i = 0; i < sequences.size(); i++) {
                    PackedBatch.Row row = sequences.get(i).row();
                    int[] all = Arrays.copyOf(row.prompt(), row.prompt().length + row.response().length);
                    System.arraycopy(row.response(), 0, all, row.prompt().length, row.response().length);
                    double[][] logits = naive.logits(all);
                    int from = row.prompt().length + row.skipped();
                    double[] logProbs = new double[all.length - from];
                    for (int t = from; t < all.length; t++) {
                        logProbs[t - from] = NaiveTransformer.logProb(logits[t - 1], all[t]);
                    }
                    side[k] += rule.of(plan.rollouts().get(i), logProbs, logProbs, logProbs, logProbs)
                            .value();
                }
            }
            assertThat((double) gradients.get(slot)[5])
                    .as("slot " + slot)
                    .isEqualTo((side[0] - side[1]) / (2 * h), within(1e-4));
        }
    }

    @Test
    void theStepIsAdamWWithClippedGlobalNorm() {
        PolicyWeights weights = Shapes.weights(Shapes.qwen3(), 3);
        LossRule rule = LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN);
        List<Trainer.Sequence> sequences = sequences(2);
        CreditPlan plan = plan(rule, sequences, 5);
        Trainer.AdamW adam = new Trainer.AdamW(1e-2, 0.9, 0.95, 1e-8, 0.1, 0.5);
        try (Trainer trainer = new Trainer(weights, 1000, Precision.FAST)) {
            int arrays = trainer.managedArrays();
            List<WeightLayout.Slot> layout = WeightLayout.of(weights.config()).slots();
            double[][] m = new double[Shapes.slots(weights).size()][];
            double[][] v = new double[Shapes.slots(weights).size()][];
            for (int step = 1; step <= 2; step++) {
                List<float[]> before = Shapes.slots(trainer.weights());
                trainer.accumulate(sequences, plan, rule, 1);
                List<float[]> g = trainer.gradients();
                double norm = 0;
                for (float[] slot : g) {
                    for (float x : slot) {
                        norm += (double) x * x;
                    }
                }
                norm = Math.sqrt(norm);
                assertThat(trainer.step(adam)).isEqualTo(norm, within(1e-5 * norm));
                double scale = Math.min(1, 0.5 / (norm + 1e-6));
                List<float[]> after = Shapes.slots(trainer.weights());
                for (int s = 0; s < before.size(); s++) {
                    // Norms and biases do not decay.
                    boolean matrix = layout.get(s).parts().get(0).columns() > 0;
                    double decay = matrix ? 1e-2 * 0.1 : 0;
                    m[s] = m[s] == null ? new double[before.get(s).length] : m[s];
                    v[s] = v[s] == null ? new double[before.get(s).length] : v[s];
                    for (int i = 0; i < before.get(s).length; i++) {
                        double x = g.get(s)[i] * scale;
                        m[s][i] = 0.9 * m[s][i] + 0.1 * x;
                        v[s][i] = 0.95 * v[s][i] + 0.05 * x * x;
                        double mh = m[s][i] / (1 - Math.pow(0.9, step));
                        double vh = v[s][i] / (1 - Math.pow(0.95, step));
                        double expected = before.get(s)[i] * (1 - decay) - 1e-2 * mh / (Math.sqrt(vh) + 1e-8);
                        assertThat((double) after.get(s)[i]).isEqualTo(expected, within(2e-5));
                    }
                }
            }
            assertThat(trainer.managedArrays()).isEqualTo(arrays);
        }
    }

    private static double[] doubles(float[] values) {
        double[] out = new double[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = values[i];
        }
        return out;
    }
}
