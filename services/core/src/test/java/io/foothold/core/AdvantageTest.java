package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.advantage.AdvantageEstimator;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class AdvantageTest {
    private static double[] of(String name, double... rewards) {
        return AdvantageEstimator.named(name, 4).advantages(rewards);
    }

    @Test
    void knownAnswers() {
        assertThat(of("reward", 11, 0, -10)).containsExactly(11, 0, -10);
        assertThat(of("mean", 1, 0, 0, 0)).containsExactly(.75, -.25, -.25, -.25);
        assertThat(of("leave_one_out", 1, 0, 0, 0))
                .containsExactly(new double[] {1, -1 / 3.0, -1 / 3.0, -1 / 3.0}, within(1e-12));
        // One success among n: (1 - 1/n) / sqrt((1/n) (1 - 1/n)) = sqrt(n - 1).
        assertThat(of("mean_std", 1, 0, 0, 0)[0]).isEqualTo(Math.sqrt(3), within(1e-12));
        assertThat(of("mean_std", 1, 0, 0, 0, 0, 0, 0, 0)[0]).isEqualTo(Math.sqrt(7), within(1e-12));
    }

    @Test
    void groupsOfEqualRewardsGiveNothing() {
        for (String name : new String[] {"mean", "mean_std", "leave_one_out", "pass_at_k"}) {
            assertThat(of(name, 0, 0, 0, 0)).as(name).containsOnly(0);
            assertThat(of(name, 1, 1, 1, 1)).as(name).containsOnly(0);
        }
    }

    /** 0.1 three times has a mean of 0.10000000000000002 in binary: equal is what the rewards are, not what rounding leaves. */
    @Test
    void equalRewardsOfAnyValueAreNoSignal() {
        SplittableRandom random = new SplittableRandom(7);
        for (int i = 0; i < 2000; i++) {
            double reward = i < 100 ? i / 100.0 : random.nextDouble(-3, 3);
            double[] rewards = new double[1 + random.nextInt(16)];
            Arrays.fill(rewards, reward);
            for (String name : new String[] {"mean", "mean_std", "leave_one_out", "opo", "gpg", "gdpo"}) {
                assertThat(of(name, rewards))
                        .as(name + " " + Arrays.toString(rewards))
                        .containsOnly(0);
                assertThat(AdvantageEstimator.named(name, 4).signal(rewards)).isFalse();
            }
            assertThat(AdvantageEstimator.mean(rewards)).isEqualTo(reward);
        }
    }

    @Test
    void whatCarriesASignalIsDecidedByTheEstimator() {
        assertThat(AdvantageEstimator.named("reward", 1).signal(new double[] {.1, .1}))
                .as("no baseline: equal rewards teach")
                .isTrue();
        assertThat(AdvantageEstimator.named("mean", 1).signal(new double[] {.1, .1, .2}))
                .isTrue();
        // With fewer wrong ones than k, every draw of k holds a right one: nothing to gain.
        for (int n = 4; n <= 16; n++) {
            double[] rewards = new double[n];
            Arrays.fill(rewards, 1);
            Arrays.fill(rewards, 0, 3, 0);
            assertThat(AdvantageEstimator.named("pass_at_k", 4).signal(rewards))
                    .as("3 wrong of %s, pass@4", n)
                    .isFalse();
        }
    }

    @Test
    void advantagesOfAGroupSumToZero() {
        SplittableRandom random = new SplittableRandom(4);
        for (int i = 0; i < 200; i++) {
            double[] rewards = random.doubles(5).map(Math::round).toArray();
            for (String name : new String[] {"mean", "mean_std", "leave_one_out", "pass_at_k"}) {
                assertThat(Arrays.stream(of(name, rewards)).sum())
                        .as(name + " " + Arrays.toString(rewards))
                        .isEqualTo(0, within(1e-9));
            }
        }
    }

    /** A bandit with P(1) = sigma(theta): E[sum_i A_i dlogp_i] / n must be dp/dtheta, or (n-1)/n of it with the mean in the baseline. */
    @Test
    void biasOnAnEnumeratedBanditIsWhatTheFormulaSays() {
        double p = .3;
        int n = 4;
        double[] total = new double[2];
        for (int bits = 0; bits < 1 << n; bits++) {
            double[] r = new double[n];
            double probability = 1;
            for (int i = 0; i < n; i++) {
                r[i] = bits >> i & 1;
                probability *= r[i] == 1 ? p : 1 - p;
            }
            String[] names = {"leave_one_out", "mean"};
            for (int e = 0; e < 2; e++) {
                double[] a = of(names[e], r);
                for (int i = 0; i < n; i++) {
                    total[e] += probability * a[i] * (r[i] - p) / n;
                }
            }
        }
        assertThat(total[0]).isEqualTo(p * (1 - p), within(1e-12));
        assertThat(total[1]).isEqualTo(p * (1 - p) * (n - 1) / n, within(1e-12));
    }

    @Test
    void everyNameMakesAnEstimator() {
        assertThat(AdvantageEstimator.names())
                .containsExactly(
                        "reward",
                        "mean",
                        "mean_std",
                        "leave_one_out",
                        "opo",
                        "reinforce_plus_plus",
                        "reinforce_plus_plus_baseline",
                        "gpg",
                        "gdpo",
                        "pass_at_k",
                        "pass_at_k_plain",
                        "pass_at_k_leave_one_out")
                .allSatisfy(name -> assertThat(of(name, 1, 0, 0, 0)).hasSize(4));
    }

    @Test
    void unknownNamesAndGradedRewardsForPassAtKAreRefused() {
        assertThatThrownBy(() -> AdvantageEstimator.named("no_such", 1))
                .hasMessageContaining(
                        "'no_such' (expected one of reward, mean, mean_std, leave_one_out, opo, reinforce_plus_plus, "
                                + "reinforce_plus_plus_baseline, gpg, gdpo, pass_at_k, pass_at_k_plain, pass_at_k_leave_one_out)");
        assertThatThrownBy(() -> of("pass_at_k", .5, 0, 0, 1)).hasMessageContaining("0.5");
    }

    private static AdvantageEstimator.Scored scored(int length, double... rewards) {
        int[] lengths = new int[rewards.length];
        Arrays.fill(lengths, length);
        return new AdvantageEstimator.Scored(rewards, lengths);
    }

    @Test
    void gpgMakesUpForGroupsThatSayNothing() {
        var found = AdvantageEstimator.named("gpg", 1)
                .together(List.of(scored(3, 0, 1, 1, 0), scored(5, 1, 1, 1, 1), scored(2, 0, 0, 0, 0)));
        // 12 rollouts, 4 of which are in a group with signal.
        assertThat(found.get(0)).containsExactly(-1.5, 1.5, 1.5, -1.5);
        assertThat(found.get(1)).containsOnly(0);
        assertThat(found.get(2)).containsOnly(0);
    }

    @Test
    void theWholeUpdateIsOneScaleForReinforcePlusPlus() {
        AdvantageEstimator plain = AdvantageEstimator.named("reinforce_plus_plus", 1);
        var found = plain.together(List.of(scored(1, 1), scored(1, 0), scored(2, 0)));
        // Tokens: 1, 0, 0, 0; mean 1/4, unbiased variance 1/4.
        assertThat(found.get(0)[0]).isEqualTo(.75 / .5, within(1e-7));
        assertThat(found.get(2)[0]).isEqualTo(-.25 / .5, within(1e-7));
        assertThat(plain.together(List.of(scored(4, .1, .1), scored(7, .1))).get(0))
                .containsOnly(0);
        assertThat(plain.signal(new double[] {1})).isTrue();
        AdvantageEstimator baseline = AdvantageEstimator.named("reinforce_plus_plus_baseline", 1);
        assertThat(baseline.signal(new double[] {1, 1})).isFalse();
        assertThat(baseline.together(List.of(scored(4, .3, .3), scored(7, .9, .9)))
                        .get(1))
                .containsOnly(0);
    }
}
