package io.foothold.cli.study;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SpansTest {
    /** 25 updates whose entropy is their number; every fifth tells how many came by the guided state. */
    @Test
    void beginningAndEndAreMeansOfTenUpdatesThatHaveTheNumber() {
        List<JsonNode> updates = new ArrayList<>();
        for (int i = 1; i <= 25; i++) {
            var update = new ObjectMapper().createObjectNode().put("entropy", i);
            updates.add(i % 5 == 0 ? update.put("overlap_share", i / 100.0) : update);
        }
        assertThat(Spans.of(updates))
                .containsEntry("entropy of training samples, nats a token, at first", 5.5)
                .containsEntry("entropy of training samples, nats a token, at last", 20.5)
                .containsEntry("unguided rollouts that come by the guided state, at last", .15)
                .hasSize(4);
        assertThat(Spans.of(List.of())).isEmpty();
    }
}
