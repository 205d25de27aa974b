package io.foothold.orchestrator.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DataDigestTest {
    private static Problem problem(int number) {
        return new Problem(
                "p" + number,
                "what is " + number,
                ProblemKind.MATH,
                Integer.toString(number),
                List.of("first", "second"),
                "",
                "train",
                0);
    }

    private static List<Problem> problems(int count) {
        return new ArrayList<>(
                IntStream.range(0, count).mapToObj(DataDigestTest::problem).toList());
    }

    private static List<String> differences(List<Problem> now) {
        DataDigest before = DataDigest.of(Map.of("problems.train", problems(5)));
        return DataDigest.restore(before.stored()).differences(DataDigest.of(Map.of("problems.train", now)));
    }

    @Test
    void theSameProblemsHaveNoDifference() {
        assertThat(differences(problems(5))).isEmpty();
    }

    @Test
    void changedAddedAndRemovedProblemsAreCountedAndTheFirstIsNamed() {
        List<Problem> now = problems(7);
        now.set(1, now.get(1).withAnswer("7"));
        now.remove(3);
        assertThat(differences(now))
                .singleElement()
                .asString()
                .startsWith(
                        "problems.train: 1 problems changed, 2 added, 1 removed; first difference at problem 2: was 'p1' (content ")
                .contains(", is 'p1' (content ");
    }

    @Test
    void anotherOrderAndACutAreSeen() {
        List<Problem> reversed = problems(5);
        Collections.reverse(reversed);
        assertThat(differences(reversed))
                .singleElement()
                .asString()
                .contains("the same 5 problems in another order; first difference at problem 1: was 'p0'")
                .contains("is 'p4'");
        assertThat(differences(problems(3)))
                .singleElement()
                .asString()
                .contains("0 problems changed, 0 added, 2 removed; first difference at problem 4: was 'p3'")
                .endsWith("is not there");
        assertThat(differences(List.of())).singleElement().asString().contains("5 removed");
    }

    @Test
    void whereAThoughtEndsIsContent() {
        List<Problem> now = problems(5);
        now.set(4, new Problem("p4", "what is 4", ProblemKind.MATH, "4", List.of("firstsecond"), "", "train", 0));
        assertThat(differences(now))
                .singleElement()
                .asString()
                .contains("1 problems changed")
                .contains("at problem 5");
    }

    @Test
    void anotherFormIsRefused() {
        assertThatThrownBy(() -> DataDigest.restore("{\"form\":2}")).hasMessageContaining("does not know");
        assertThatThrownBy(() -> DataDigest.restore("{")).hasMessageContaining("cannot be read");
    }
}
