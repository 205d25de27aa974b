package io.foothold.augmentation.problems;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AdditionTest {
    private static List<Problem> load(String level, int count, String split) {
        return List.copyOf(new ProblemSets()
                .load(new ProblemSets.Source.Generated("add", level, count, 7, split))
                .values());
    }

    @ParameterizedTest
    @EnumSource(Addition.Level.class)
    void thoughtsLeadFromTheStatementToTheAnswer(Addition.Level level) {
        for (Problem p : Addition.problems(level, 50, 3, "train")) {
            int[] numbers = Arrays.stream(
                            p.statement().replaceAll("[^\\d,]", "").split(","))
                    .mapToInt(Integer::parseInt)
                    .toArray();
            assertThat(p.answer())
                    .isEqualTo(Integer.toString(Arrays.stream(numbers).sum()));
            assertThat(p.oracleThoughts()).hasSize(numbers.length - 1);
            int total = numbers[0];
            for (int i = 1; i < numbers.length; i++) {
                assertThat(p.oracleThoughts().get(i - 1).strip())
                        .isEqualTo(total + " + " + numbers[i] + " = " + (total + numbers[i]));
                total += numbers[i];
            }
            assertThat(String.join("", p.oracleThoughts()).lines()).hasSize(numbers.length - 1);
        }
    }

    @Test
    void splitsShareNoProblemAndDrawsAreRepeatable() {
        List<Problem> train = load("easy", 190, "train");
        List<Problem> test = load("easy", 60, "test");
        Set<String> statements = new HashSet<>();
        train.forEach(p -> assertThat(statements.add(p.statement())).isTrue());
        test.forEach(p -> assertThat(statements.add(p.statement())).isTrue());
        assertThat(load("easy", 190, "train")).isEqualTo(train);
        assertThat(load("medium", 5, "train")).doesNotContainAnyElementsOf(train);
    }

    @Test
    void wrongLevelsSplitsAndCountsAreNamed() {
        assertThatThrownBy(() -> load("esay", 5, "train"))
                .isInstanceOf(FootholdException.class)
                .hasMessageContaining("unknown level 'esay' of family add")
                .hasMessageContaining("easy");
        assertThatThrownBy(() -> load("easy", 5, "dev")).hasMessageContaining("split must be train or test");
        assertThatThrownBy(() -> load("easy", 500, "train"))
                .hasMessageContaining("has 192 problems of level easy for split train, 500 are asked for");
    }
}
