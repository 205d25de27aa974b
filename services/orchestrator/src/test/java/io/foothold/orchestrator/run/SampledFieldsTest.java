package io.foothold.orchestrator.run;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.orchestrator.rollout.FinishReason;
import io.foothold.orchestrator.rollout.SampledRollout;
import java.util.List;
import org.junit.jupiter.api.Test;

class SampledFieldsTest {
    @Test
    void everyTokenKeepsItsLogProbAndTheVersionThatSampledIt() {
        ObjectNode line = new ObjectMapper().createObjectNode();
        SampledFields.put(
                line,
                new SampledRollout(
                        "a",
                        "g",
                        List.of(1),
                        List.of(7, 8),
                        new SampledRollout.Tokens(
                                List.of(3, 4, 5),
                                List.of(-1.23456f, 0f, -2f),
                                List.of(6L, 6L, 7L),
                                "",
                                FinishReason.LENGTH),
                        new SampledRollout.Response("ab cd", List.of(2, 5), List.of(3, 5), false)));
        assertThat(line.toString())
                .isEqualTo("{\"finish\":\"length\",\"thought_ends\":[3,5],\"given_tokens\":2,\"given_text_end\":3,"
                        + "\"log_probs\":[-1.2346,0.0,-2.0],\"policy_versions\":[[6,2],[7,1]]}");
    }
}
