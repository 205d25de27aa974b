package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.passk.PassAtK;
import org.junit.jupiter.api.Test;

class PassAtKTest {
    private static double binomial(int n, int k) {
        double out = 1;
        for (int i = 0; i < k; i++) {
            out = out * (n - i) / (i + 1);
        }
        return k > n ? 0 : out;
    }

    @Test
    void estimateIsTheCountOfMissesByTheCountOfDraws() {
        for (int n = 1; n <= 12; n++) {
            for (int c = 0; c <= n; c++) {
                for (int k = 1; k <= n; k++) {
                    assertThat(PassAtK.estimate(n, c, k))
                            .isEqualTo(1 - binomial(n - c, k) / binomial(n, k), within(1e-12));
                }
            }
        }
    }

    @Test
    void valueAndGradientAreUnbiasedByEnumeration() {
        for (int n : new int[] {4, 8}) {
            for (int k : new int[] {2, 4}) {
                for (double p : new double[] {.05, .3, .8}) {
                    double value = 0;
                    double gradient = 0;
                    for (int c = 0; c <= n; c++) {
                        double probability = binomial(n, c) * Math.pow(p, c) * Math.pow(1 - p, n - c);
                        value += probability * PassAtK.estimate(n, c, k);
                        // d log P(right) / dp = 1/p, d log P(wrong) / dp = -1/(1-p)
                        gradient += probability
                                * (c * PassAtK.weight(n, c, k, true) / p
                                        - (c == n ? 0 : (n - c) * PassAtK.weight(n, c, k, false) / (1 - p)));
                    }
                    assertThat(value).isEqualTo(1 - Math.pow(1 - p, k), within(1e-12));
                    assertThat(gradient).isEqualTo(k * Math.pow(1 - p, k - 1), within(1e-9));
                }
            }
        }
    }

    @Test
    void gapBetweenRightAndWrongShrinksAsTheFactSheetSays() {
        double[] expected = {.286, .143, .057, .014, 0};
        for (int c = 1; c <= 5; c++) {
            assertThat(PassAtK.weight(8, c, 4, true) - PassAtK.weight(8, c, 4, false))
                    .isEqualTo(expected[c - 1], within(5e-4));
            assertThat(PassAtK.weight(8, c, 8, true) - PassAtK.weight(8, c, 8, false))
                    .isEqualTo(0, within(1e-12));
        }
    }

    @Test
    void impossibleCountsAreRefused() {
        assertThatThrownBy(() -> PassAtK.estimate(4, 5, 1)).hasMessageContaining("c=5");
        assertThatThrownBy(() -> PassAtK.weight(4, 1, 5, true)).hasMessageContaining("k=5");
    }
}
