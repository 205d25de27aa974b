package io.foothold.learner.sft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.foothold.learner.train.Schedule;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import io.foothold.policy.Scorer;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Cross-entropy on the tokens that are to be learnt, and on no others. */
class SupervisedFineTuningTest {
    private static final ModelConfig CONFIG =
            ModelConfig.qwen3(38, 32, 64, 2, 4, 2, 8, 64).endingWith(List.of(1));
    private static final int[] PROMPT = {2, 3, 4};
    private static final int[] RESPONSE = {7, 9, 11, 1};
    /** Attention is computed fast here and exactly by the scorer. */
    private static final double TOLERANCE = 1e-4;

    @BeforeAll
    static void enter() {
        NativeRuntime.enterThread();
    }

    private static PolicyWeights weights() {
        return PolicyWeights.random(CONFIG, 7, 0.3);
    }

    private static SupervisedFineTuning tuning(double rate) {
        return new SupervisedFineTuning(weights(), new Schedule(Schedule.Shape.CONSTANT, rate, 0, 0, 1), 0, 256);
    }

    private static SupervisedFineTuning.Example example(int[] response, int... labels) {
        return new SupervisedFineTuning.Example(PROMPT, response, labels, 1);
    }

    /** Loss of the first step, which is of the weights that it begins with. */
    private static double loss(SupervisedFineTuning.Example... batch) {
        try (SupervisedFineTuning tuning = tuning(1e-3)) {
            return tuning.step(List.of(batch));
        }
    }

    /** −log π of a response's tokens, each behind those before it. */
    private static double[] surprise(PolicyWeights weights, int[] response) {
        int[] sequence =
                IntStream.concat(Arrays.stream(PROMPT), Arrays.stream(response)).toArray();
        float[] all =
                new Scorer(weights, Precision.EXACT).logProbs(List.of(sequence)).get(0);
        return IntStream.range(all.length - response.length, all.length)
                .mapToDouble(i -> -all[i])
                .toArray();
    }

    @Test
    void theLossIsTheMeanCrossEntropyOfTheResponse() {
        double[] each = surprise(weights(), RESPONSE);
        assertThat(loss(example(RESPONSE)))
                .isCloseTo(Arrays.stream(each).average().orElseThrow(), within(TOLERANCE));
    }

    @Test
    void whatIsMaskedHasNoPartInIt() {
        double[] each = surprise(weights(), RESPONSE);
        assertThat(loss(example(RESPONSE, 7, -1, 11, -1))).isCloseTo((each[0] + each[2]) / 2, within(TOLERANCE));
        assertThat(loss(example(RESPONSE, -1, -1, -1, 1))).isCloseTo(each[3], within(TOLERANCE));
    }

    @Test
    void aLabelIsPredictedInThePlaceOfTheTokenThatStandsThere() {
        double other = surprise(weights(), new int[] {7, 20})[1];
        assertThat(loss(example(RESPONSE, -1, 20, -1, -1))).isCloseTo(other, within(TOLERANCE));
    }

    @Test
    void examplesCountByTheirWeightAndTheirTokens() {
        int[] two = {12, 13};
        double first = Arrays.stream(surprise(weights(), RESPONSE)).sum();
        double second = Arrays.stream(surprise(weights(), two)).sum();
        assertThat(loss(
                        new SupervisedFineTuning.Example(PROMPT, RESPONSE, new int[0], 0.5),
                        new SupervisedFineTuning.Example(PROMPT, two, new int[0], 3)))
                .isCloseTo((0.5 * first + 3 * second) / (0.5 * 4 + 3 * 2), within(TOLERANCE));
    }

    /** Of tokens behind the last label neither loss nor gradient may know: one step leads to the same policy. */
    @Test
    void maskedTokensHaveNoGradient() {
        double[] masked;
        double[] cut;
        try (SupervisedFineTuning tuning = tuning(1e-3)) {
            var unused = tuning.step(List.of(example(RESPONSE, 7, -1, -1, -1)));
            masked = surprise(tuning.weights(), RESPONSE);
        }
        try (SupervisedFineTuning tuning = tuning(1e-3)) {
            var unused = tuning.step(List.of(example(new int[] {7})));
            cut = surprise(tuning.weights(), RESPONSE);
        }
        double[] before = surprise(weights(), RESPONSE);
        for (int i = 0; i < RESPONSE.length; i++) {
            assertThat(masked[i]).isCloseTo(cut[i], within(TOLERANCE));
        }
        assertThat(masked[0]).isLessThan(before[0] - 100 * TOLERANCE);
    }

    @Test
    void theLossFalls() {
        try (SupervisedFineTuning tuning = tuning(1e-2)) {
            List<SupervisedFineTuning.Example> batch =
                    List.of(example(RESPONSE), example(new int[] {12, 13, 1}, 12, -1, 1));
            double first = tuning.step(batch);
            double last = first;
            for (int step = 0; step < 30; step++) {
                last = tuning.step(batch);
            }
            assertThat(last).isLessThan(first / 10);
        }
    }
}
