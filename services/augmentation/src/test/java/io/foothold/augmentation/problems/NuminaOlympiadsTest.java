package io.foothold.augmentation.problems;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class NuminaOlympiadsTest {
    @Test
    void theLastCompleteBoxIsTheAnswer() {
        assertThat(NuminaOlympiads.lastBoxed("\\boxed{1} then \\boxed{\\frac{1}{2}} ."))
                .isEqualTo("\\frac{1}{2}");
        assertThat(NuminaOlympiads.lastBoxed("\\boxed{\\{1, 2\\}}")).isEqualTo("\\{1, 2\\}");
        assertThat(NuminaOlympiads.lastBoxed("\\boxed{1")).isEmpty();
        assertThat(NuminaOlympiads.lastBoxed("1")).isEmpty();
    }

    @Test
    void onlyAnswersThatCanBeVerifiedStay() {
        for (String good : List.of("5", "\\frac{\\sqrt{3}}{2}", "B", "(1,2)", "2^{n+1}", "\\sin 30", "n=3")) {
            assertThat(NuminaOlympiads.reasonAgainst(good)).as(good).isEmpty();
        }
        Map.of(
                        "",
                        "no boxed answer",
                        "1".repeat(61),
                        "longer than 60 characters",
                        "5 \\text{ apples}",
                        "text",
                        "5 apples",
                        "words",
                        "40\\%",
                        "units or percent",
                        "30^\\circ",
                        "units or percent",
                        "12 cm",
                        "units or percent",
                        "5\\, m^2",
                        "units or percent",
                        "x",
                        "no digit and no letter A to E")
                .forEach((answer, reason) -> assertThat(NuminaOlympiads.reasonAgainst(answer))
                        .as(answer)
                        .isEqualTo(reason));
    }
}
