package io.foothold.orchestrator.rest;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerLookup;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A run in a list of runs: what it is, and the last that is known of it.
 *
 * @param run what it is
 * @param lastUpdate details of the event of its last update; null before the first
 * @param lastEvaluations details of the last evaluation of each set, by set
 * @param warnings how many there were
 * @param lastAlarm what the last alarm said; empty where there was none
 */
public record RunStanding(
        RunView run, JsonNode lastUpdate, Map<String, JsonNode> lastEvaluations, long warnings, String lastAlarm) {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    static RunStanding of(Ledger.RunRow row, Ledger ledger, LedgerLookup lookup) {
        LedgerLookup.Standing standing = lookup.standing(row.id());
        Map<String, JsonNode> evaluations = new LinkedHashMap<>();
        // They come by update: the last of a set stays.
        ledger.evaluations(row.id()).forEach(json -> {
            JsonNode evaluation = read(json);
            evaluations.put(evaluation.path("set").asText(), evaluation);
        });
        return new RunStanding(
                RunView.of(row),
                standing.lastUpdate().isEmpty() ? MAPPER.nullNode() : read(standing.lastUpdate()),
                evaluations,
                standing.warnings(),
                standing.lastAlarm().isEmpty()
                        ? ""
                        : read(standing.lastAlarm()).path("what").asText());
    }

    private static JsonNode read(String json) {
        try {
            return MAPPER.readTree(json);
        } catch (JsonProcessingException e) {
            throw new FootholdException(ErrorCode.INTERNAL, "an event of ours cannot be read: " + json, e);
        }
    }
}
