package io.foothold.learner.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.policy.Trainer;
import java.util.List;
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
                new UpdateStatistics(List.of(new TrainGroup("g", all)), new double[all.size()], 5);
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
                new UpdateStatistics(List.of(new TrainGroup("g", all)), new double[] {0.5, 0.5, 0}, 5);
        assertThat(statistics.metrics())
                .containsEntry("rollouts_with_credit", 1.0)
                .containsEntry("tokens_compared", 0.0)
                .doesNotContainKey("log_prob_difference_max");
    }
}
