package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.advantage.AdvantageEstimator;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The weights of pass@k without a baseline. */
class PassAtKPlainTest {
    private static double[] of(int k, double... rewards) {
        return AdvantageEstimator.named("pass_at_k_plain", k).advantages(rewards);
    }

    /** Eight members, draws of four: right 4/8; wrong 4/8 of 1 − C(7−c, 3) / C(7, 3), which is 1 − 20/35 for one right one. */
    @Test
    void knownAnswersWorkedOutByHand() {
        double[] one = of(4, 1, 0, 0, 0, 0, 0, 0, 0);
        assertThat(one[0]).isEqualTo(.5, within(1e-12));
        assertThat(one[1]).isEqualTo(.5 * 15 / 35, within(1e-12));
        assertThat(of(4, 0, 0, 0, 0)).containsOnly(0);
        assertThat(of(4, 1, 1, 1, 1, 1, 1, 1, 1)).containsOnly(.5);
    }

    /** A bandit that is right with probability p: d log P(r) / d theta = r − p, d pass@k / d theta = k (1−p)^(k−1) p (1−p). */
    @Test
    void itsGradientIsThatOfPassAtKByEnumeration() {
        for (int n = 1; n <= 7; n++) {
            for (int k = 1; k <= n; k++) {
                for (double p : new double[] {.02, .3, .8}) {
                    double gradient = 0;
                    for (int bits = 0; bits < 1 << n; bits++) {
                        double[] r = new double[n];
                        for (int i = 0; i < n; i++) {
                            r[i] = bits >> i & 1;
                        }
                        int right = Integer.bitCount(bits);
                        double[] a = of(k, r);
                        for (int i = 0; i < n; i++) {
                            gradient += Math.pow(p, right) * Math.pow(1 - p, n - right) * a[i] * (r[i] - p);
                        }
                    }
                    assertThat(gradient)
                            .as("n=%s k=%s p=%s", n, k, p)
                            .isEqualTo(k * Math.pow(1 - p, k - 1) * p * (1 - p), within(1e-12));
                }
            }
        }
    }

    /** What a baseline takes away is the mean: the other name for the same objective. */
    @Test
    void lessItsMeanItIsTheCentredOne() {
        double[] r = {1, 0, 0, 1, 0, 0};
        double[] plain = of(3, r);
        double mean = Arrays.stream(plain).average().orElseThrow();
        assertThat(AdvantageEstimator.named("pass_at_k", 3).advantages(r))
                .containsExactly(Arrays.stream(plain).map(w -> w - mean).toArray(), within(1e-12));
    }

    @Test
    void onlyAllWrongIsNoSignal() {
        AdvantageEstimator estimator = AdvantageEstimator.named("pass_at_k_plain", 2);
        assertThat(estimator.signal(new double[] {0, 0, 0})).isFalse();
        assertThat(estimator.signal(new double[] {1, 1, 1})).isTrue();
        assertThatThrownBy(() -> of(2, .5, 0, 0)).hasMessageContaining("0.5");
    }
}
