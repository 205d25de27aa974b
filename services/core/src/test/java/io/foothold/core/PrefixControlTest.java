package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.search.PrefixControl;
import io.foothold.core.search.PrefixControl.Reached;
import io.foothold.core.search.PrefixControl.Rule;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Prefixes that move while the policy learns. */
class PrefixControlTest {
    private static final Map<String, Integer> LONGEST = Map.of("p", 6);

    private static double after(PrefixControl control, double length, Reached... update) {
        return control.after(Map.of("p", length), LONGEST, List.of(update)).get("p");
    }

    private static Reached reached(int thoughts, int passes, int rollouts) {
        return new Reached("p", thoughts, passes, rollouts);
    }

    @Test
    void shrinkTakesAThoughtWhereTheTargetIsReachedAndNeverGivesItBack() {
        PrefixControl shrink = new PrefixControl(Rule.SHRINK, .5, 2, 1);
        assertThat(after(shrink, 4, reached(4, 4, 8))).isEqualTo(3);
        assertThat(after(shrink, 4, reached(4, 3, 8))).isEqualTo(4);
        assertThat(after(shrink, 1, reached(1, 8, 8))).isZero();
        assertThat(after(shrink, 0, reached(0, 0, 8))).isZero();
    }

    /** Two groups of one problem are one measurement: 8 of 16 take one thought, not two. */
    @Test
    void groupsOfOneProblemCountTogether() {
        PrefixControl shrink = new PrefixControl(Rule.SHRINK, .5, 2, 1);
        assertThat(after(shrink, 4, reached(4, 8, 8), reached(4, 0, 8))).isEqualTo(3);
        assertThat(after(shrink, 4, reached(4, 7, 8), reached(4, 0, 8))).isEqualTo(4);
    }

    @Test
    void trackMovesInProportionAndKeepsFractions() {
        PrefixControl track = new PrefixControl(Rule.TRACK, .5, 2, 1);
        assertThat(after(track, 3, reached(3, 8, 8))).isEqualTo(2);
        assertThat(after(track, 3, reached(3, 0, 8))).isEqualTo(4);
        assertThat(after(track, 3, reached(3, 4, 8))).isEqualTo(3);
        assertThat(after(track, 3, reached(3, 5, 8))).isEqualTo(2.75, within(1e-12));
        assertThat(after(track, 2.75, reached(3, 8, 8)))
                .as("2.75 is shown as 3 thoughts")
                .isEqualTo(1.75, within(1e-12));
        assertThat(after(track, 6, reached(6, 0, 8))).as("the longest").isEqualTo(6);
        assertThat(after(track, .25, reached(0, 8, 8))).isZero();
    }

    @Test
    void stepGoesUpAndDownAroundTheShortestThatWorks() {
        PrefixControl step = new PrefixControl(Rule.STEP, .5, 2, 2);
        assertThat(after(step, 3, reached(3, 2, 8))).isEqualTo(2);
        assertThat(after(step, 3, reached(3, 1, 8))).isEqualTo(4);
        assertThat(after(step, 6, reached(6, 0, 8))).isEqualTo(6);
        assertThat(after(step, 0, reached(0, 1, 8))).isEqualTo(1);
    }

    @Test
    void helpIsWithdrawnWhereTheRootDoesWhatLetsAGuidedGroupLoseAThought() {
        assertThat(after(new PrefixControl(Rule.TRACK, .5, 2, 1), 4, reached(4, 0, 8), reached(0, 4, 8)))
                .isZero();
        assertThat(after(new PrefixControl(Rule.TRACK, .5, 2, 1), 4, reached(0, 3, 8)))
                .isEqualTo(4);
        assertThat(after(new PrefixControl(Rule.STEP, .5, 2, 1), 4, reached(0, 1, 8)))
                .isZero();
        assertThat(after(new PrefixControl(Rule.FIXED, .5, 2, 1), 4, reached(0, 8, 8)))
                .isEqualTo(4);
    }

    @Test
    void whatWasDrawnBeforeTheLengthChangedSaysNothing() {
        for (Rule rule : Rule.values()) {
            assertThat(after(new PrefixControl(rule, .5, 2, 1), 4, reached(5, 8, 8), reached(3, 0, 8)))
                    .isEqualTo(4);
        }
    }

    @Test
    void problemsWithoutAPrefixArePassedOver() {
        Map<String, Double> lengths = Map.of("p", 4.0);
        assertThat(new PrefixControl(Rule.STEP, .5, 2, 1).after(lengths, LONGEST, List.of(new Reached("q", 0, 1, 1))))
                .isEqualTo(lengths);
    }

    /** Success of 1 / (1 + exp(c - l)) is half at l = c: there the tracking rule ends, wherever it begins, and follows when c falls. */
    @Test
    void trackFindsTheLengthAtWhichHalfPassAndFollowsIt() {
        PrefixControl track = new PrefixControl(Rule.TRACK, .5, 2, 1);
        for (double first : new double[] {0, 6}) {
            SplittableRandom random = new SplittableRandom(3);
            double length = first;
            double centre = 4;
            double sum = 0;
            for (int update = 0; update < 400; update++) {
                centre = update < 200 ? 4 : 2;
                double p = 1 / (1 + Math.exp(2 * (centre - PrefixControl.thoughts(length))));
                int passes = 0;
                for (int i = 0; i < 8; i++) {
                    passes += random.nextDouble() < p ? 1 : 0;
                }
                length = after(track, length, reached(PrefixControl.thoughts(length), passes, 8));
                sum += update % 200 >= 100 ? length : 0;
                if (update == 199) {
                    assertThat(sum / 100).isEqualTo(4, within(.3));
                    sum = 0;
                }
            }
            assertThat(sum / 100).isEqualTo(2, within(.3));
        }
    }
}
