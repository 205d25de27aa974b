package io.foothold.orchestrator.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * When a run evaluates each of its sets: before its first update, and whenever its updates or the tokens sampled for training have passed
 * another multiple of a number since that set was last evaluated. What counts are evaluations that were made, by whichever process, so
 * that one which a stop or a crash gave up is due when the run goes on, if need be at a later update. Owned by one thread.
 */
final class EvaluationSchedule {
    /** Where a set was last evaluated. */
    private record Made(long update, long tokens) {}

    private final long everyUpdates;
    private final long everyTokens;
    private final Map<String, Made> last = new HashMap<>();

    /**
     * A schedule of a run that has not evaluated anything.
     *
     * @param everyUpdates updates from one evaluation to the next; read without {@code everyTokens} only
     * @param everyTokens tokens sampled for training from one evaluation to the next; 0 to go by updates
     */
    EvaluationSchedule(long everyUpdates, long everyTokens) {
        this.everyUpdates = everyUpdates;
        this.everyTokens = everyTokens;
    }

    /**
     * Takes up what earlier processes of the run evaluated.
     *
     * @param evaluations stored evaluations of the run, JSON, by update
     */
    void restore(List<String> evaluations) {
        ObjectMapper mapper = new ObjectMapper();
        for (String text : evaluations) {
            try {
                JsonNode json = mapper.readTree(text);
                made(
                        json.path("set").asText(),
                        json.path("update").asLong(),
                        json.path("training_tokens").asLong());
            } catch (JsonProcessingException e) {
                throw new FootholdException(ErrorCode.INVALID_DATA, "a stored evaluation cannot be read", e);
            }
        }
    }

    /**
     * Whether a set has to be evaluated now.
     *
     * @param update the last one that was done
     * @param tokens sampled for training so far
     */
    boolean due(String set, long update, long tokens) {
        Made before = last.get(set);
        if (before == null) {
            return true;
        }
        return everyTokens > 0
                ? tokens / everyTokens > before.tokens() / everyTokens
                : update / everyUpdates > before.update() / everyUpdates;
    }

    /** A set was evaluated. */
    void made(String set, long update, long tokens) {
        last.put(set, new Made(update, tokens));
    }
}
