package io.foothold.cli.regress;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.core.bandit.EstimatorTable;
import io.foothold.core.ledger.LedgerAudit;
import io.foothold.orchestrator.ledger.Ledger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a run left that gates look at.
 *
 * @param updates details of its updates, in order
 * @param evaluations in order
 * @param counts of what should not happen, by the names of {@link Measure.Count}
 * @param estimators of a table of estimators, by method, then column: {@code NAME for TARGET}, and {@code NAME} for the first of its rows
 */
record Numbers(
        List<JsonNode> updates,
        List<JsonNode> evaluations,
        Map<String, Long> counts,
        Map<String, Map<String, Double>> estimators) {
    /** Those of a run in a ledger. */
    static Numbers of(Ledger ledger, String run) {
        List<JsonNode> updates = new ArrayList<>();
        List<JsonNode> evaluations = new ArrayList<>();
        Map<String, Long> counts = new LinkedHashMap<>();
        for (Ledger.EventRow event : ledger.events(run, 0)) {
            switch (event.kind()) {
                case "update_done" -> updates.add(event.details());
                case "evaluation_done" -> evaluations.add(event.details());
                case "group_dropped" -> counts.merge("dropped groups", 1L, Long::sum);
                case "warning" -> counts.merge("warnings", 1L, Long::sum);
                case "alarm" -> counts.merge("alarms", 1L, Long::sum);
                default -> {}
            }
        }
        LedgerAudit.Report audit = ledger.audit(run);
        counts.put("lost rollouts", (long) audit.lost().size());
        counts.put("rollouts trained twice", (long) audit.trainedTwice().size());
        return new Numbers(updates, evaluations, counts, Map.of());
    }

    /** Those of a table. */
    static Numbers of(List<EstimatorTable.Row> rows) {
        Map<String, Map<String, Double>> out = new LinkedHashMap<>();
        for (EstimatorTable.Row r : rows) {
            Map<String, Double> columns = Map.of("cosine", r.cosine(), "bias", r.bias(), "noise", r.noise());
            // Presets stand in the table as code.
            String method = r.method().replace("`", "");
            out.putIfAbsent(method, columns);
            out.put(method + " for " + r.target(), columns);
        }
        return new Numbers(List.of(), List.of(), Map.of(), out);
    }

    /** The sets that were evaluated. */
    List<String> sets() {
        return evaluations.stream().map(e -> e.path("set").asText()).distinct().toList();
    }

    /** The evaluation of a set behind an update, or the last one. */
    Optional<JsonNode> evaluation(String set, Optional<Long> update) {
        return evaluations.stream()
                .filter(e -> e.path("set").asText().equals(set))
                .filter(e -> update.isEmpty() || e.path("update").asLong() == update.get())
                .reduce((a, b) -> b);
    }

    /** The details of an update, or of the last one. */
    Optional<JsonNode> update(Optional<Long> number) {
        return updates.stream()
                .filter(e -> number.isEmpty() || e.path("update").asLong() == number.get())
                .reduce((a, b) -> b);
    }
}
