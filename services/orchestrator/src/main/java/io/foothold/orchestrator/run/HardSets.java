package io.foothold.orchestrator.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.stats.SetStatistics;
import io.foothold.orchestrator.remote.Augmentation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What mining stores. */
final class HardSets {
    private HardSets() {}

    static String stored(Augmentation.HardSet set, Map<String, SetStatistics.Count> rates) {
        ObjectNode json =
                new ObjectMapper().createObjectNode().put("tried", set.tried()).put("rollouts", set.rollouts());
        set.problemIds().forEach(json.withArray("problem_ids")::add);
        rates.forEach((id, count) -> json.withObjectProperty("rates")
                .putObject(id)
                .put("passes", count.passes())
                .put("judged", count.judged()));
        return json.toString();
    }

    /** Ids of a stored hard set. */
    static List<String> ids(String stored) {
        List<String> ids = new ArrayList<>();
        parse(stored).path("problem_ids").forEach(id -> ids.add(id.asText()));
        return ids;
    }

    /** How often each problem was solved, by its id. */
    static JsonNode rates(String stored) {
        return parse(stored).path("rates");
    }

    private static JsonNode parse(String stored) {
        try {
            return new ObjectMapper().readTree(stored);
        } catch (JsonProcessingException e) {
            throw new FootholdException(ErrorCode.INVALID_DATA, "the stored hard set cannot be read", e);
        }
    }
}
