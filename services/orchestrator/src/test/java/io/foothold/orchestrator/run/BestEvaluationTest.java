package io.foothold.orchestrator.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class BestEvaluationTest {
    private static String json(String set, String passAt1) {
        return "{\"set\":\"" + set + "\",\"pass@1\":" + passAt1 + "}";
    }

    @Test
    void whatAnEarlierProcessMeasuredIsTheBarForTheNextOne() {
        BestEvaluation best = new BestEvaluation();
        best.restore(
                List.of(json("main", "0.1"), json("main", "0.1875"), json("main", "0.0625"), json("other", "0.9")),
                "main");
        assertThat(best.improvedBy(0)).isFalse();
        assertThat(best.improvedBy(3.0 / 16)).as("the first of equals stays").isFalse();
        assertThat(best.improvedBy(0.1876)).isTrue();
        assertThat(best.improvedBy(0.1876)).isFalse();
    }

    @Test
    void theFirstMeasurementIsTheBestAndNothingMeasuredIsNone() {
        BestEvaluation best = new BestEvaluation();
        best.restore(List.of(json("main", "null"), "{\"set\":\"main\"}"), "main");
        assertThat(best.improvedBy(0)).isTrue();
        assertThat(best.improvedBy(0)).isFalse();
    }
}
