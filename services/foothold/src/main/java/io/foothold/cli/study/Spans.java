package io.foothold.cli.study;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/** Numbers of a run's updates at its beginning and at its end, each the mean of ten of them that have it. */
final class Spans {
    private static final int SPAN = 10;

    /** What they are called on the page, by the metric. */
    private static final Map<String, String> METRICS = new LinkedHashMap<>();

    static {
        METRICS.put("entropy", "entropy of training samples, nats a token");
        METRICS.put("transfer_gap", "transfer gap, guided less unguided pass@1 in training");
        METRICS.put("overlap_share", "unguided rollouts that come by the guided state");
        METRICS.put("pass@1_through", "pass@1 of those");
        METRICS.put("pass@1_around", "pass@1 of unguided rollouts that do not");
    }

    private Spans() {}

    /**
     * The numbers by their names; those that no update has are left out.
     *
     * @param updates in order
     */
    static Map<String, Double> of(List<JsonNode> updates) {
        Map<String, Double> out = new LinkedHashMap<>();
        METRICS.forEach((metric, name) -> {
            List<JsonNode> with =
                    updates.stream().filter(u -> u.path(metric).isNumber()).toList();
            mean(with.subList(0, Math.min(SPAN, with.size())), metric).ifPresent(v -> out.put(name + ", at first", v));
            mean(with.subList(Math.max(0, with.size() - SPAN), with.size()), metric)
                    .ifPresent(v -> out.put(name + ", at last", v));
        });
        return out;
    }

    private static OptionalDouble mean(List<JsonNode> updates, String metric) {
        return updates.stream().mapToDouble(u -> u.path(metric).asDouble()).average();
    }
}
