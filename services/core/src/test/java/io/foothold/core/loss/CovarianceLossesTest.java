package io.foothold.core.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Losses that look at the whole step. */
class CovarianceLossesTest {
    private static final Clips CLIPS = new Clips(.2, .2);

    /** 50 rollouts of 20 tokens whose ratios nothing clips. */
    private static List<Tokens> step() {
        SplittableRandom random = new SplittableRandom(3);
        return Stream.generate(() -> {
                    double[] now = random.doubles(20, -4, -.1).toArray();
                    double[] then = Arrays.stream(now)
                            .map(x -> x + random.nextDouble(-.1, .1))
                            .toArray();
                    double[] weights = new double[20];
                    Arrays.fill(weights, 1);
                    return new Tokens(random.nextDouble(-3, 3), weights, now, then);
                })
                .limit(50)
                .toList();
    }

    private static long cut(PolicyLoss loss, List<Tokens> step) {
        return step.stream()
                .flatMapToDouble(tokens -> Arrays.stream(loss.of(tokens).slopes()))
                .filter(slope -> slope == 0)
                .count();
    }

    @Test
    void clipCovCutsItsShareOfTokensBetweenTheBounds() {
        List<Tokens> step = step();
        PolicyLoss loss = Losses.of("clip_cov", CLIPS, Map.of("clip_cov.share", "0.05"));
        assertThat(cut(loss, step)).as("of no step yet").isZero();
        PolicyLoss own = loss.over(step);
        assertThat(cut(own, step)).isEqualTo(50);
        assertThat(cut(loss.over(step), step)).as("the same again").isEqualTo(50);
        Covariances covariances = Covariances.of(step);
        for (Tokens tokens : step) {
            double[] slopes = own.of(tokens).slopes();
            for (int t = 0; t < slopes.length; t++) {
                if (slopes[t] == 0) {
                    assertThat(covariances.of(tokens, t)).isBetween(1.0, 5.0);
                }
            }
        }
        assertThat(cut(
                        Losses.of("clip_cov", CLIPS, Map.of("clip_cov.lower", "90", "clip_cov.upper", "91"))
                                .over(step),
                        step))
                .as("there are none")
                .isZero();
    }

    @Test
    void tokensThatThePolicyIsCertainOfAreHeldBackTogether() {
        double[] ones = {1, 1, 1};
        Tokens right = new Tokens(1, ones, new double[] {0, 0, -1}, new double[] {-.1, -.1, -1});
        Tokens wrong = new Tokens(-1, ones, new double[] {-1, -1, -1}, new double[] {-1, -1, -1});
        PolicyLoss own = Losses.of("kl_cov", new Clips(0, 0), Map.of("kl_cov.share", "0.2", "kl_cov.coefficient", "2"))
                .over(List.of(right, wrong));
        assertThat(own.of(right).slopes())
                .as("one of six is asked for, and two are equal")
                .containsExactly(new double[] {Math.exp(.1) - 2, Math.exp(.1) - 2, 1}, within(1e-12));
        assertThat(own.of(wrong).slopes()).containsExactly(-1, -1, -1);
    }

    @Test
    void klCovHoldsTheLargestBack() {
        List<Tokens> step = step();
        PolicyLoss own = Losses.of("kl_cov", new Clips(0, 0), Map.of("kl_cov.share", "0.01", "kl_cov.coefficient", "2"))
                .over(step);
        Covariances covariances = Covariances.of(step);
        double[] sorted = step.stream()
                .flatMapToDouble(tokens -> IntStream.range(0, 20).mapToDouble(t -> covariances.of(tokens, t)))
                .sorted()
                .toArray();
        int held = 0;
        for (Tokens tokens : step) {
            double[] slopes = own.of(tokens).slopes();
            for (int t = 0; t < 20; t++) {
                double plain = tokens.ratio(t) * tokens.advantage();
                boolean largest = covariances.of(tokens, t) >= sorted[sorted.length - 10];
                double penalty = largest ? 2 * Math.signum(tokens.logProbs()[t] - tokens.behaviour()[t]) : 0;
                assertThat(slopes[t]).isEqualTo(plain - penalty, within(1e-12));
                held += largest ? 1 : 0;
            }
        }
        assertThat(held).isEqualTo(10);
    }
}
