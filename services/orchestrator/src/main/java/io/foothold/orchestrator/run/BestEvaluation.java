package io.foothold.orchestrator.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.util.List;

/**
 * The best pass@1 so far on the evaluation set that decides which policy is kept as the best. What earlier
 * processes of the run measured counts too. Owned by one thread.
 */
final class BestEvaluation {
    private double best = -1;

    /**
     * Takes up what was measured before.
     *
     * @param evaluations stored evaluations of the run, JSON, in order
     * @param set the set that decides
     */
    void restore(List<String> evaluations, String set) {
        ObjectMapper mapper = new ObjectMapper();
        for (String text : evaluations) {
            try {
                JsonNode json = mapper.readTree(text);
                JsonNode value = json.path("pass@1");
                if (json.path("set").asText().equals(set) && value.isNumber()) {
                    best = Math.max(best, value.asDouble());
                }
            } catch (JsonProcessingException e) {
                throw new FootholdException(ErrorCode.INVALID_DATA, "a stored evaluation cannot be read", e);
            }
        }
    }

    /** Whether a pass@1 is better than all before it; it is the best from now on if so. The first of equals stays. */
    boolean improvedBy(double passAt1) {
        if (passAt1 > best) {
            best = passAt1;
            return true;
        }
        return false;
    }
}
