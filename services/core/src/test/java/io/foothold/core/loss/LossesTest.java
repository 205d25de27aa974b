package io.foothold.core.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for every loss that is found. */
class LossesTest {
    private static final Clips CLIPS = new Clips(.2, .28, 3);
    private final SplittableRandom random = new SplittableRandom(7);

    private static Iterable<String> names() {
        return Losses.names();
    }

    private static PolicyLoss loss(String name) {
        LossKind<?> kind = Losses.kind(name);
        return Losses.of(
                name,
                new Clips(
                        kind.clips() ? CLIPS.low() : 0,
                        kind.clips() ? CLIPS.high() : 0,
                        kind.clipsDually() ? CLIPS.dual() : 0),
                Map.of());
    }

    private double[] numbers(int count, double low, double high) {
        return random.doubles(count, low, high).toArray();
    }

    @ParameterizedTest
    @MethodSource("names")
    void whereThePolicySampledItIsThePolicyGradient(String name) {
        for (double advantage : new double[] {1.5, -2, 0}) {
            double[] now = numbers(5, -3, -.1);
            double[] weights = {.3, .3, .3, .3, .3};
            double[] slopes = loss(name)
                    .of(new Tokens(advantage, weights, now, now.clone()))
                    .slopes();
            assertThat(slopes).hasSize(5);
            for (double slope : slopes) {
                assertThat(slope).as("advantage " + advantage).isEqualTo(.3 * advantage, within(1e-12));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void isLinearInItsWeights(String name) {
        double[] now = numbers(6, -3, -.1);
        double[] then = numbers(6, -3, -.1);
        double[] weights = numbers(6, 0, 1);
        Objective one = loss(name).of(new Tokens(-.7, weights, now, then));
        double[] doubled = Arrays.stream(weights).map(w -> 2 * w).toArray();
        Objective two = loss(name).of(new Tokens(-.7, doubled, now, then));
        assertThat(two.value()).isEqualTo(2 * one.value(), within(1e-12));
        for (int t = 0; t < 6; t++) {
            assertThat(two.slopes()[t]).isEqualTo(2 * one.slopes()[t], within(1e-12));
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void withoutAnAdvantageOrTokensIsNothing(String name) {
        double[] now = numbers(4, -3, -.1);
        Objective none = loss(name).of(new Tokens(0, numbers(4, 0, 1), now, now.clone()));
        assertThat(none.slopes()).containsOnly(0);
        Objective empty = loss(name).of(new Tokens(1, new double[0], new double[0], new double[0]));
        assertThat(empty.value()).isZero();
        assertThat(empty.slopes()).isEmpty();
    }

    @Test
    void formerWordsMeanTheSame() {
        assertThat(Losses.of("none", new Clips(0, 0), Map.of())).isEqualTo(new PolicyGradient());
        assertThat(Losses.of("token", CLIPS, Map.of())).isEqualTo(new Ppo(CLIPS));
        assertThat(Losses.of("sequence", CLIPS, Map.of())).isEqualTo(new Gspo(CLIPS));
        assertThat(Losses.formerNames()).containsExactlyInAnyOrder("none", "token", "sequence");
    }

    @Test
    void whatIsNotThereIsRefused() {
        assertThatThrownBy(() -> Losses.kind("pppo"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("unknown loss 'pppo' (expected one of ");
        assertThatThrownBy(() -> Losses.of("ppo", CLIPS, Map.of("ppo.clip", "1")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("unknown setting 'ppo.clip'");
        assertThatThrownBy(() -> new Clips(-.1, .2)).hasMessageContaining("must not be negative: -0.1, 0.2");
        assertThatThrownBy(() -> new Clips(.1, .2, .9)).hasMessageContaining("dual clip must be above 1");
        assertThatThrownBy(() -> new Tokens(1, new double[2], new double[3], new double[3]))
                .hasMessageContaining("3 log-probs, 2 weights");
    }
}
