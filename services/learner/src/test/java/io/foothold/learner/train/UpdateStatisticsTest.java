package io.foothold.learner.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.foothold.policy.Trainer;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class UpdateStatisticsTest {
    private static TrainGroup.Member member(float logProb, long... versions) {
        float[] logProbs = new float[versions.length];
        java.util.Arrays.fill(logProbs, logProb);
        return new TrainGroup.Member(
                "r", new int[] {2}, new int[0], new int[versions.length], logProbs, versions, false, 1, false);
    }

    private static double difference(TrainGroup.Member... members) {
        List<TrainGroup.Member> all = List.of(members);
        UpdateStatistics statistics =
                new UpdateStatistics(List.of(new TrainGroup("g", all)), new double[all.size()], 5, false);
        statistics.compare(
                all,
                all.stream()
                        .map(m -> new Trainer.Score(new float[m.sampled().length], new float[m.sampled().length]))
                        .toList());
        return statistics.largestDifference();
    }

    @Test
    void onlyRolloutsThatOneVersionSampledAloneAreCompared() {
        assertThat(difference(member(-0.25f, 5, 5))).isEqualTo(0.25);
        assertThat(difference(member(-0.25f, 4, 4))).isZero();
        assertThat(difference(new TrainGroup.Member(
                        "r",
                        new int[] {2},
                        new int[0],
                        new int[1],
                        new float[] {-0.25f},
                        new long[] {5},
                        false,
                        1,
                        true)))
                .as("it was sampled under another prompt")
                .isZero();
        assertThat(difference(member(-0.25f, 4, 5)))
                .as("its later tokens saw keys of version 4")
                .isZero();
    }

    @Test
    void aLogProbThatIsNoNumberIsTheWorstDifference() {
        assertThat(difference(member(Float.NaN, 5))).isEqualTo(Double.MAX_VALUE);
    }

    @Test
    void rolloutsWithCreditAreThoseWithAdvantageAndTokens() {
        List<TrainGroup.Member> all = List.of(member(0, 5), member(0), member(0, 5));
        UpdateStatistics statistics =
                new UpdateStatistics(List.of(new TrainGroup("g", all)), new double[] {0.5, 0.5, 0}, 5, false);
        assertThat(statistics.metrics())
                .containsEntry("rollouts_with_credit", 1.0)
                .containsEntry("tokens_compared", 0.0)
                .doesNotContainKey("log_prob_difference_max");
    }

    /** A group whose only rollouts with an advantage are masked has no signal either. */
    @Test
    void rolloutsThatAreMaskedHaveNoCredit() {
        TrainGroup.Member cut = new TrainGroup.Member(
                "r", new int[] {2}, new int[0], new int[1], new float[] {0}, new long[] {5}, true, 1, false);
        List<TrainGroup> groups =
                List.of(new TrainGroup("g", List.of(cut, member(0, 5))), new TrainGroup("h", List.of(cut)));
        double[] advantages = {0.5, -0.5, 0.5};
        assertThat(new UpdateStatistics(groups, advantages, 5, false).metrics())
                .containsEntry("rollouts_with_credit", 3.0)
                .containsEntry("groups_without_signal", 0.0);
        assertThat(new UpdateStatistics(groups, advantages, 5, true).metrics())
                .containsEntry("rollouts_with_credit", 1.0)
                .containsEntry("groups_without_signal", 1.0);
    }

    /** Of 200 tokens one is far off: the largest says so, the 99th percentile does not see it. */
    @Test
    void theDifferenceIsToldByMeanPercentileAndKl() {
        float[] behaviour = new float[200];
        java.util.Arrays.fill(behaviour, -0.1f);
        behaviour[17] = -2;
        behaviour[18] = -0.5f;
        behaviour[19] = -0.5f;
        long[] versions = new long[200];
        java.util.Arrays.fill(versions, 5);
        List<TrainGroup.Member> all = List.of(new TrainGroup.Member(
                "r", new int[] {2}, new int[0], new int[200], behaviour, versions, false, 1, false));
        UpdateStatistics statistics =
                new UpdateStatistics(List.of(new TrainGroup("g", all)), new double[] {1}, 5, false);
        statistics.compare(all, List.of(new Trainer.Score(new float[200], new float[200])));
        Map<String, Double> metrics = statistics.metrics();
        assertThat(metrics.get("log_prob_difference_max")).isEqualTo(2);
        assertThat(metrics.get("log_prob_difference_mean")).isCloseTo((197 * 0.1 + 2 * 0.5 + 2) / 200, within(1e-7));
        assertThat(metrics.get("log_prob_difference_p99")).isEqualTo(0.5);
        double k3 = 197 * (Math.exp(0.1) - 1.1) + 2 * (Math.exp(0.5) - 1.5) + Math.exp(2) - 3;
        assertThat(metrics.get("log_prob_difference_k3")).isCloseTo(k3 / 200, within(1e-7));
    }
}
