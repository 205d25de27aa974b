package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.advantage.AdvantageEstimator;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PassAtKLeaveOneOutTest {
    private static double[] of(int k, double... rewards) {
        return AdvantageEstimator.named("pass_at_k_leave_one_out", k).advantages(rewards);
    }

    /** What the bits say: member i is right where bit i is set. */
    private static double[] rewards(int n, int bits) {
        double[] out = new double[n];
        for (int i = 0; i < n; i++) {
            out[i] = bits >> i & 1;
        }
        return out;
    }

    /**
     * Four members, draws of two. A right one among three wrong: its weight is 2/4, and no draw of the three others holds a right one. A
     * wrong one: 3 of 6 draws hold it, in 1 of those 3 the other is right, so 1/6 of all; 2 of the 3 draws of the others hold a right one,
     * by 2/4.
     */
    @Test
    void knownAnswersWorkedOutByHand() {
        assertThat(of(2, 1, 0, 0, 0)).containsExactly(new double[] {.5, -1 / 6., -1 / 6., -1 / 6.}, within(1e-12));
        assertThat(of(2, 1, 1, 0, 0)).containsExactly(new double[] {1 / 6., 1 / 6., -1 / 6., -1 / 6.}, within(1e-12));
        assertThat(of(2, 1, 1, 1, 0)).as("two wrong ones are never drawn").containsOnly(0);
    }

    /** A bandit that is right with probability p = sigma(theta): d log P(r) / d theta = r − p, d pass@k / d theta = k (1−p)^(k−1) p (1−p). */
    @Test
    void itsGradientIsThatOfPassAtKByEnumeration() {
        for (int n = 2; n <= 7; n++) {
            for (int k = 1; k <= n; k++) {
                for (double p : new double[] {.02, .3, .8}) {
                    double gradient = 0;
                    for (int bits = 0; bits < 1 << n; bits++) {
                        double[] r = rewards(n, bits);
                        int right = Integer.bitCount(bits);
                        double probability = Math.pow(p, right) * Math.pow(1 - p, n - right);
                        double[] a = of(k, r);
                        for (int i = 0; i < n; i++) {
                            gradient += probability * a[i] * (r[i] - p);
                        }
                    }
                    assertThat(gradient)
                            .as("n=%s k=%s p=%s", n, k, p)
                            .isEqualTo(k * Math.pow(1 - p, k - 1) * p * (1 - p), within(1e-12));
                }
            }
        }
    }

    /** So the centred weights point the same way and are too short, by what the mean takes from a member itself. */
    @Test
    void itIsTheCentredWeightsByNOverNLessK() {
        int n = 6;
        for (int k = 1; k < n; k++) {
            for (int bits = 0; bits < 1 << n; bits++) {
                double[] r = rewards(n, bits);
                double longer = (double) n / (n - k);
                double[] centred = Arrays.stream(
                                AdvantageEstimator.named("pass_at_k", k).advantages(r))
                        .map(a -> a * longer)
                        .toArray();
                assertThat(of(k, r)).as(k + " " + Arrays.toString(r)).containsExactly(centred, within(1e-12));
            }
        }
    }

    @Test
    void withDrawsOfOneItIsLeaveOneOutOverTheSizeOfTheGroup() {
        for (int bits = 0; bits < 32; bits++) {
            double[] r = rewards(5, bits);
            double[] each = Arrays.stream(
                            AdvantageEstimator.named("leave_one_out", 1).advantages(r))
                    .map(a -> a / 5)
                    .toArray();
            assertThat(of(1, r)).containsExactly(each, within(1e-12));
        }
    }

    @Test
    void aDrawOfTheWholeGroupTeachesTheOnlyRightOne() {
        assertThat(of(4, 0, 0, 1, 0)).containsExactly(0, 0, 1, 0);
        assertThat(of(4, 0, 1, 1, 0)).containsOnly(0);
        assertThat(AdvantageEstimator.named("pass_at_k", 4).signal(new double[] {0, 0, 1, 0}))
                .as("their mean takes all of it away")
                .isFalse();
    }

    @Test
    void equalRewardsAreNoSignal() {
        for (int n = 1; n <= 16; n++) {
            double[] wrong = new double[n];
            double[] right = new double[n];
            Arrays.fill(right, 1);
            for (int k = 1; k <= n; k++) {
                assertThat(of(k, wrong)).containsOnly(0);
                assertThat(of(k, right)).containsOnly(0);
            }
        }
    }

    @Test
    void gradedRewardsAndDrawsAboveTheGroupAreRefused() {
        assertThatThrownBy(() -> of(2, .5, 0, 0, 1)).hasMessageContaining("0.5");
        assertThatThrownBy(() -> of(5, 0, 0, 0, 1)).hasMessageContaining("k=5");
    }
}
