package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.reset.LocalizationStatistics;
import io.foothold.core.reset.LocalizationStatistics.Outcome;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class LocalizationStatisticsTest {
    @Test
    void cleanAndDirtyResetsAreCountedApart() {
        List<Outcome> outcomes = List.of(
                new Outcome(3, OptionalInt.of(3), 0, 4, 2),
                new Outcome(1, OptionalInt.of(3), -1, 4, 0),
                new Outcome(5, OptionalInt.of(3), 2, 4, 0),
                new Outcome(2, OptionalInt.empty(), 0, 4, 1));
        Map<String, Double> out = LocalizationStatistics.of(outcomes);
        assertThat(out)
                .containsEntry("localizations", 4.0)
                .containsEntry("localization_exact", 1 / 3.0)
                .containsEntry("localization_clean", 2 / 3.0)
                .containsEntry("suffix_pass_rate", 3 / 16.0)
                .containsEntry("suffix_pass@k", 2 / 4.0)
                .containsEntry("clean_suffix_pass_rate", 2 / 8.0)
                .containsEntry("clean_suffix_pass@k", 1 / 2.0)
                .containsEntry("dirty_suffix_pass_rate", 0.0);
        assertThat(LocalizationStatistics.deviations(outcomes, false)).isEqualTo(Map.of(0, 1, -2, 1, 2, 1));
        assertThat(LocalizationStatistics.deviations(outcomes, true)).isEqualTo(Map.of(0, 1, -1, 1, 2, 1));
    }

    @Test
    void withoutAnOracleOnlySuffixesAreCounted() {
        assertThat(LocalizationStatistics.of(List.of(new Outcome(2, OptionalInt.empty(), 0, 4, 1))))
                .containsOnlyKeys("localizations", "suffix_pass_rate", "suffix_pass@k");
        assertThat(LocalizationStatistics.of(List.of())).isEqualTo(Map.of("localizations", 0.0));
    }

    @Test
    void shortThoughtsAreNoEffectiveSteps() {
        List<String> thoughts = List.of("one two three four five", "so", "a b c d e", "x", "1 2 3 4 5 6");
        assertThat(LocalizationStatistics.effectiveDeviation(thoughts, 5, 1)).isEqualTo(2);
        assertThat(LocalizationStatistics.effectiveDeviation(thoughts, 1, 5)).isEqualTo(-2);
        assertThat(LocalizationStatistics.effectiveDeviation(thoughts, 2, 1)).isZero();
        assertThat(LocalizationStatistics.effectiveDeviation(thoughts, 6, 5))
                .as("a missing thought")
                .isZero();
    }
}
