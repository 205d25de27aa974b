package io.foothold.core.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class CanaryTest {
    private static Canary canary(float... logProbs) {
        return new Canary(List.of(new int[logProbs.length + 1]), List.of(logProbs));
    }

    private static List<Canary.Scored> scored(float... logProbs) {
        return List.of(new Canary.Scored(0, 0, logProbs));
    }

    @Test
    void sequencesAreThoseOfTheSeedAndOneIsLongerThanABlockOfAnyKnownCache() {
        List<int[]> sequences = Canary.sequences(7, 38, 4096);
        assertThat(sequences).hasSizeGreaterThanOrEqualTo(3);
        assertThat(sequences.stream().map(s -> s.length).distinct()).hasSize(sequences.size());
        assertThat(sequences).anyMatch(s -> s.length > 128 + 16);
        assertThat(sequences).allSatisfy(s -> assertThat(Arrays.stream(s)).allMatch(id -> id >= 0 && id < 38));
        assertThat(Canary.sequences(7, 38, 4096)).usingRecursiveComparison().isEqualTo(sequences);
        assertThat(Canary.sequences(8, 38, 4096).get(0)).isNotEqualTo(sequences.get(0));
        assertThat(Canary.sequences(7, 38, 20)).allMatch(s -> s.length <= 20 && s.length >= 2);
    }

    @Test
    void whatTravelsIsTheSameCanary() {
        Canary canary = new Canary(
                List.of(new int[] {1, 2, 3}, new int[] {4, 5}), List.of(new float[] {-1, -2}, new float[] {-3}));
        Canary there = Canary.of(canary.ids(), canary.lengths(), canary.allLogProbs());
        assertThat(there).usingRecursiveComparison().isEqualTo(canary);
        assertThatThrownBy(() -> Canary.of(new int[] {1, 2, 3}, new int[] {2, 2}, new float[] {-1, -1}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[2, 2]");
        assertThatThrownBy(() -> Canary.of(new int[] {1, 2, 3}, new int[] {3}, new float[] {-1}))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Canary.of(new int[] {1, 2, 3}, new int[] {2}, new float[] {-1}))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Canary.of(new int[] {1}, new int[] {1}, new float[0]))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Canary.of(new int[0], new int[0], new float[0]))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void whatIsNoNumberIsBeyondEveryBound() {
        Canary.Bound bound = new Canary.Bound(0.1, 0.5);
        assertThat(bound.holds(canary(-1, -2).difference(scored(-1.05f, -2.1f))))
                .isTrue();
        assertThat(bound.holds(canary(-1, -2).difference(scored(-1, -2.6f))))
                .as("one token, though the mean is small")
                .isFalse();
        assertThat(bound.holds(canary(-1, -2).difference(scored(-1.2f, -2.2f))))
                .as("the mean, though each is small")
                .isFalse();
        for (float bad : new float[] {Float.NaN, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY}) {
            assertThat(new Canary.Bound(1e9, 1e9).holds(canary(-1, -2).difference(scored(-1, bad))))
                    .isFalse();
            assertThat(new Canary.Bound(1e9, 1e9).holds(canary(bad).difference(scored(bad))))
                    .isFalse();
        }
        assertThat(canary(-1, -2, -3).difference(scored(-1)))
                .as("a cut sequence")
                .isEqualTo(new Canary.Difference(0, 0));
        assertThat(canary(-1, -2, -3)
                        .difference(List.of(
                                new Canary.Scored(0, 2, new float[] {-3}), new Canary.Scored(0, 1, new float[] {-4}))))
                .as("parts of it")
                .isEqualTo(new Canary.Difference(1, 2));
        assertThatThrownBy(() -> canary(-1).difference(List.of())).hasMessageContaining("nothing");
    }

    @Test
    void scoresAreClearlyOfOneOfTwoOnlyWhereTheTwoDifferByMoreThanTheirOwnNoise() {
        Canary old = canary(-1, -2, -3);
        Canary next = canary(-1.001f, -2.001f, -2.999f);
        List<Canary.Scored> ofOld = scored(-1, -2.00001f, -3);
        List<Canary.Scored> ofNext = scored(-1.001f, -2.001f, -2.99901f);
        assertThat(old.isClearly(ofOld, next)).isTrue();
        assertThat(next.isClearly(ofOld, old)).isFalse();
        assertThat(next.isClearly(ofNext, old)).isTrue();
        assertThat(old.isClearly(ofNext, next)).isFalse();
        for (List<Canary.Scored> between : List.of(scored(-1.0004f, -2.0004f, -2.9996f), scored(-1.1f, -2, -3))) {
            assertThat(old.isClearly(between, next)).isFalse();
            assertThat(next.isClearly(between, old)).isFalse();
        }
        assertThat(old.isClearly(ofOld, canary(-1, -2, -3))).as("the same").isFalse();
        assertThat(old.isClearly(scored(Float.NaN), next)).isFalse();
        assertThat(old.comparesWith(next)).isTrue();
        assertThat(old.comparesWith(canary(-1, -2))).isFalse();
    }

    @Test
    void boundsAreReadAndRefusedByTheirForm() {
        assertThat(Canary.Bound.parse("0.15, 2")).isEqualTo(new Canary.Bound(0.15, 2));
        for (String bad : new String[] {"", "1", "a,b", "1,2,3", "2,1", "-1,1", "NaN,1", "0.1,NaN"}) {
            assertThatThrownBy(() -> Canary.Bound.parse(bad)).as(bad).isInstanceOf(IllegalArgumentException.class);
        }
    }
}
