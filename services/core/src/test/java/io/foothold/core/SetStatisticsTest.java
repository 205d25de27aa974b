package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.stats.SetStatistics;
import io.foothold.core.stats.SetStatistics.Count;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SetStatisticsTest {

    /** 15 right of 15 verdicts, one of 16 samples without: pass@16 was not measured, and is not 0. */
    @Test
    void kAboveTheVerdictsIsLeftOut() {
        SetStatistics s = SetStatistics.of(Collections.nCopies(4, new Count(15, 15)), 16, 1, 8, 16, 32);
        assertThat(s.passAtK()).containsOnlyKeys(1, 8, 16);
        assertThat(s.passAtK().get(8)).isEqualTo(new SetStatistics.Estimate(OptionalDouble.of(1), 4));
        assertThat(s.passAtK().get(16)).isEqualTo(new SetStatistics.Estimate(OptionalDouble.empty(), 0));
        assertThat(s.judged()).isEqualTo(60);
    }

    @Test
    void problemsWithTooFewVerdictsDoNotPullTheOthersDown() {
        SetStatistics s =
                SetStatistics.of(List.of(new Count(8, 8), new Count(7, 7), new Count(0, 8), new Count(0, 0)), 8, 1, 8);
        assertThat(s.passAtK().get(8)).isEqualTo(new SetStatistics.Estimate(OptionalDouble.of(.5), 2));
        assertThat(s.passAtK().get(1).value().orElseThrow()).isCloseTo(2 / 3.0, within(1e-12));
        assertThat(s.passAtK().get(1).problems()).isEqualTo(3);
        assertThat(s.problemsJudged()).isEqualTo(3);
    }

    @Test
    void nothingJudgedIsNotNothingRight() {
        for (List<Count> counts : List.of(List.<Count>of(), Collections.nCopies(9, new Count(0, 0)))) {
            SetStatistics s = SetStatistics.of(counts, 4, 1);
            assertThat(s.passAt1()).isEmpty();
            assertThat(s.judged()).isZero();
        }
        assertThat(SetStatistics.of(List.of(new Count(0, 4)), 4, 1).passAt1()).hasValue(0);
        assertThatThrownBy(() -> new Count(1, 0)).hasMessageContaining("1 of 0");
    }

    /** By enumeration: the share of draws of k of the verdicts that hold a right one. */
    @Test
    void agreesWithCountingTheDraws() {
        SplittableRandom random = new SplittableRandom(5);
        for (int round = 0; round < 60; round++) {
            int k = 1 + random.nextInt(5);
            List<Count> counts = new ArrayList<>();
            double sum = 0;
            int enough = 0;
            for (int p = 0; p < 6; p++) {
                int judged = random.nextInt(9);
                int passes = judged == 0 ? 0 : random.nextInt(judged + 1);
                counts.add(new Count(passes, judged));
                if (judged >= k) {
                    sum += share(judged, passes, k);
                    enough++;
                }
            }
            SetStatistics.Estimate e = SetStatistics.of(counts, 8, k).passAtK().get(k);
            assertThat(e.problems()).isEqualTo(enough);
            if (enough > 0) {
                assertThat(e.value().orElseThrow()).isCloseTo(sum / enough, within(1e-12));
            } else {
                assertThat(e.value()).isEmpty();
            }
        }
    }

    private static double share(int n, int c, int k) {
        List<Integer> draws = IntStream.range(0, 1 << n)
                .filter(d -> Integer.bitCount(d) == k)
                .boxed()
                .toList();
        return draws.stream().filter(d -> (d & ((1 << c) - 1)) != 0).count() / (double) draws.size();
    }

    @Test
    void problemsAreAlwaysSometimesOrNeverSolved() {
        SetStatistics s = SetStatistics.of(
                List.of(new Count(4, 4), new Count(3, 4), new Count(1, 1), new Count(0, 4), new Count(0, 0)), 4, 1);
        assertThat(s.solved()).isEqualTo(new SetStatistics.Solved(2, 1, 1));
        assertThat(SetStatistics.of(List.of(), 4, 1).solved()).isEqualTo(new SetStatistics.Solved(0, 0, 0));
    }

    /** Wilson's interval of 3 of 4 is .3006 to .9544; problems are what was drawn, not samples. */
    @Test
    void passAtKHasAnIntervalOverProblems() {
        SetStatistics s =
                SetStatistics.of(List.of(new Count(1, 8), new Count(8, 8), new Count(2, 8), new Count(0, 8)), 8, 1, 8);
        assertThat(s.passAtK().get(8).value()).hasValue(.75);
        assertThat(s.passAtK().get(8).interval().low()).isEqualTo(.3006, within(1e-4));
        assertThat(s.passAtK().get(8).interval().high()).isEqualTo(.9544, within(1e-4));
        assertThat(SetStatistics.of(List.of(), 8, 8).passAtK().get(8).interval().high())
                .isEqualTo(1);
    }
}
