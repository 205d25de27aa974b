package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.junit.jupiter.api.Test;

class EvalCommandTest {
    private static ObjectNode evaluation(String set, double pass1, double pass8) {
        return new ObjectMapper()
                .createObjectNode()
                .put("update", 0)
                .put("set", set)
                .put("pass@1", pass1)
                .put("pass@1_low", 0.1)
                .put("pass@8", pass8);
    }

    @Test
    void severalPoliciesGetMeanAndStandardDeviationBySet() {
        List<ObjectNode> lines = EvalCommand.overPolicies(List.of(
                evaluation("late", 0.25, 0.5),
                evaluation("spread", 1, 1),
                evaluation("late", 0.5, 0.5),
                evaluation("late", 0.75, 0.5)));
        assertThat(lines).hasSize(2);
        ObjectNode late = lines.getFirst();
        assertThat(late.path("set").asText()).isEqualTo("late");
        assertThat(late.path("policies").asInt()).isEqualTo(3);
        assertThat(late.path("pass@1_mean").asDouble()).isCloseTo(0.5, within(1e-12));
        assertThat(late.path("pass@1_std").asDouble()).isCloseTo(0.25, within(1e-12));
        assertThat(late.path("pass@8_std").asDouble()).isZero();
        assertThat(late.has("pass@1_low_mean")).isFalse();
        assertThat(lines.getLast().path("pass@1_mean").asDouble()).isEqualTo(1);
        assertThat(lines.getLast().has("pass@1_std"))
                .as("one value has no deviation")
                .isFalse();
    }

    @Test
    void aPolicyWithoutVerdictsIsCountedAndNotTakenForNought() {
        ObjectNode unjudged = evaluation("late", 0, 1);
        unjudged.putNull("pass@1");
        ObjectNode line = EvalCommand.overPolicies(
                        List.of(evaluation("late", 0.5, 1), unjudged, evaluation("late", 0.7, 1)))
                .getFirst();
        assertThat(line.path("pass@1_mean").asDouble()).isCloseTo(0.6, within(1e-12));
        assertThat(line.path("pass@1_policies").asInt()).isEqualTo(2);
        assertThat(line.has("pass@8_policies")).isFalse();
    }
}
