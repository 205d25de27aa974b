package io.foothold.orchestrator.outbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** The numbers of an event under names that MLflow takes: letters, digits, underscores, dots, slashes, dashes, spaces and colons. */
final class MlflowMetrics {
    /** What tells where a number belongs, and is no measurement. */
    private static final Set<String> PLACES = Set.of("update", "at_millis");

    private static final Pattern FORBIDDEN = Pattern.compile("[^\\w./\\- :]");
    private static final int LONGEST = 250;

    private MlflowMetrics() {}

    /** Numbers of {@code update_done}; histograms are left out. */
    static Map<String, Double> ofUpdate(ObjectNode details) {
        Map<String, Double> out = new TreeMap<>();
        details.properties().forEach(field -> number(out, field.getKey(), field.getKey(), field.getValue()));
        return out;
    }

    /** Numbers of {@code evaluation_done}, those of its parts too, behind {@code evaluation/SET/}. */
    static Map<String, Double> ofEvaluation(ObjectNode details) {
        Map<String, Double> out = new TreeMap<>();
        nested(out, "evaluation/" + details.path("set").asText() + "/", details);
        return out;
    }

    private static void nested(Map<String, Double> out, String at, JsonNode object) {
        object.properties().forEach(field -> {
            number(out, field.getKey(), at + field.getKey(), field.getValue());
            if (field.getValue().isObject()) {
                nested(out, at + field.getKey() + "/", field.getValue());
            }
        });
    }

    private static void number(Map<String, Double> out, String field, String name, JsonNode value) {
        // What JSON has no number for stands in events as a text.
        boolean other =
                value.isTextual() && Set.of("NaN", "Infinity", "-Infinity").contains(value.asText());
        if (!PLACES.contains(field) && (value.isNumber() || other)) {
            out.put(named(name), other ? Double.parseDouble(value.asText()) : value.asDouble());
        }
    }

    private static String named(String name) {
        String allowed = FORBIDDEN.matcher(name.replace("@", "_at_")).replaceAll("_");
        return allowed.length() > LONGEST ? allowed.substring(0, LONGEST) : allowed;
    }
}
