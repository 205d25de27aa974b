package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.advantage.AdvantageEstimator;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class DecoupledTest {
    private static final List<Double> WEIGHTS = List.of(1.0, .5, -.25);

    private static AdvantageEstimator.Scored group(List<Double> weights, double[]... members) {
        return new AdvantageEstimator.Scored(
                new double[members.length],
                new int[members.length],
                new AdvantageEstimator.Several(
                        weights,
                        Arrays.stream(members)
                                .map(m -> Arrays.stream(m).boxed().toList())
                                .toList()));
    }

    private static double[] of(double... rewards) {
        return rewards;
    }

    /** Computed by Python's module statistics from the equations, with the unbiased deviation and 1e-4 of the authors' trainer. */
    @Test
    void knownAnswers() {
        List<double[]> found = AdvantageEstimator.named("gdpo", 1)
                .together(List.of(
                        group(WEIGHTS, of(1, 0, .2), of(0, 1, .4), of(0, 0, .9), of(1, 1, .2)),
                        group(WEIGHTS, of(0, 1, .5), of(0, 1, .5), of(0, 0, .1), of(0, 1, .7)),
                        group(WEIGHTS, of(1, 1, .3), of(1, 1, .3), of(1, 1, .3))));
        assertThat(found.get(0))
                .containsExactly(
                        of(0.7998438928593238, -0.5490620329736636, -2.1989061906694434, 1.9481243307837832),
                        within(1e-12));
        assertThat(found.get(1))
                .containsExactly(
                        of(0.26562748652879437, 0.26562748652879437, -0.5335078866360531, 0.002252913578464379),
                        within(1e-12));
        assertThat(found.get(2)).as("equal in every reward").containsOnly(0);
    }

    /** What the sum of rewards cannot tell apart: its two advantages of each kind are one number there. */
    @Test
    void rewardsWithEqualSumsStayApart() {
        double[] found = AdvantageEstimator.named("gdpo", 1)
                .advantages(group(List.of(1.0, 1.0), of(1, 0), of(0, 1), of(0, 1), of(0, 1)));
        assertThat(found[0]).isEqualTo(0, within(1e-12));
        double[] rare = AdvantageEstimator.named("gdpo", 1)
                .advantages(group(List.of(1.0, .1), of(1, 0), of(0, 1), of(0, 1), of(0, 1)));
        assertThat(rare[0]).isPositive();
        assertThat(AdvantageEstimator.named("mean_std", 1).advantages(of(1, 1, 1, 1)))
                .as("their sums")
                .containsOnly(0);
    }

    @Test
    void oneRewardIsNormalisedTwice() {
        assertThat(AdvantageEstimator.named("gdpo", 1).advantages(of(1, 0, 0, 0)))
                .containsExactly(
                        of(1.4998499850044997, -0.49994999500149995, -0.49994999500149995, -0.49994999500149995),
                        within(1e-12));
        assertThat(AdvantageEstimator.named("gdpo", 1).advantages(of(1))).containsExactly(0);
    }

    @Test
    void aMemberWithoutARewardForEveryWeightIsRefused() {
        assertThatThrownBy(() -> group(WEIGHTS, of(1, 0)))
                .hasMessageContaining("a member has 2 rewards, there are 3 weights");
    }
}
