package io.foothold.policy;

import io.foothold.policy.ModelConfig.Llama3Scaling;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The rotary embedding as {@code config.json} has it: {@code rope_theta}, {@code rope_scaling} and {@code partial_rotary_factor}
 * of transformers 4, {@code rope_parameters} of transformers 5, or both where they agree. A key that is not part of the type of
 * rope is refused, since it would have no effect.
 *
 * @param theta base of the frequencies
 * @param scaling llama3's scaling, or null for none
 */
record RopeSettings(double theta, @Nullable Llama3Scaling scaling) {
    /** What both versions of transformers take where nothing is said. */
    private static final double DEFAULT_THETA = 10_000;

    private static final String OLD = "rope_scaling";
    private static final String NEW = "rope_parameters";
    private static final String THETA = "rope_theta";
    private static final String PARTIAL = "partial_rotary_factor";
    private static final List<String> LLAMA3 =
            List.of("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings");

    static RopeSettings read(JsonFields config) {
        List<JsonFields> spellings = new ArrayList<>();
        for (String key : List.of(OLD, NEW)) {
            if (config.has(key)
                    && !(config.json().get(key).isObject()
                            && config.json().get(key).isEmpty())) {
                spellings.add(config.object(key));
            }
        }
        Set<String> types = new LinkedHashSet<>();
        spellings.forEach(s -> types.add(type(s)));
        if (types.size() > 1) {
            throw contradiction(config, OLD, NEW);
        }
        Set<Llama3Scaling> scalings = new LinkedHashSet<>();
        for (JsonFields spelling : spellings) {
            scalings.add(scaling(spelling, type(spelling)));
        }
        if (scalings.size() > 1) {
            throw contradiction(config, OLD, NEW);
        }
        List<JsonFields> everywhere = new ArrayList<>(List.of(config));
        everywhere.addAll(spellings);
        for (JsonFields at : everywhere) {
            if (at.has(PARTIAL) && at.positiveNumber(PARTIAL) != 1) {
                throw at.wrong(PARTIAL, "1: all of a head is rotated");
            }
        }
        return new RopeSettings(
                theta(config, everywhere),
                scalings.isEmpty() ? null : scalings.iterator().next());
    }

    private static double theta(JsonFields config, List<JsonFields> everywhere) {
        List<JsonFields> given = everywhere.stream().filter(at -> at.has(THETA)).toList();
        if (given.isEmpty()) {
            if (config.json().has(THETA)) {
                throw config.wrong(THETA, "a positive number");
            }
            return DEFAULT_THETA;
        }
        double theta = given.get(0).positiveNumber(THETA);
        for (JsonFields at : given) {
            if (at.positiveNumber(THETA) != theta) {
                throw new PolicyException(given.get(0).where() + ": " + THETA + " = "
                        + given.get(0).json().get(THETA) + ", but " + at.where() + ": " + THETA + " = "
                        + at.json().get(THETA) + " (expected the same in all spellings)");
            }
        }
        return theta;
    }

    private static PolicyException contradiction(JsonFields config, String one, String other) {
        return new PolicyException(
                config.where() + ": " + one + " = " + config.json().get(one) + ", but " + other + " = "
                        + config.json().get(other) + " (expected the same rope in both spellings, or one of them)");
    }

    private static String type(JsonFields rope) {
        if (rope.has("rope_type") && rope.has("type") && !rope.text("rope_type").equals(rope.text("type"))) {
            throw new PolicyException(
                    rope.where() + ": rope_type = " + rope.json().get("rope_type") + ", but type = "
                            + rope.json().get("type") + " (expected the same in both spellings, or one of them)");
        }
        return rope.has("rope_type") ? rope.text("rope_type") : rope.has("type") ? rope.text("type") : "";
    }

    private static @Nullable Llama3Scaling scaling(JsonFields rope, String type) {
        List<String> known = new ArrayList<>(List.of("rope_type", "type", THETA, PARTIAL));
        Llama3Scaling scaling =
                switch (type) {
                    case "", "default" -> null;
                    case "llama3" -> {
                        known.addAll(LLAMA3);
                        yield new Llama3Scaling(
                                rope.positiveNumber("factor"),
                                rope.positiveNumber("low_freq_factor"),
                                rope.positiveNumber("high_freq_factor"),
                                rope.positive("original_max_position_embeddings"));
                    }
                    default ->
                        throw new PolicyException(rope.where() + ": rope type '" + type
                                + "' is not supported (expected default or llama3)");
                };
        if (scaling != null && scaling.factor() < 1) {
            throw rope.wrong("factor", "1 or more");
        }
        if (scaling != null && scaling.highFrequency() <= scaling.lowFrequency()) {
            throw rope.wrong("high_freq_factor", "more than low_freq_factor = " + scaling.lowFrequency());
        }
        for (var entry : rope.json().properties()) {
            if (!known.contains(entry.getKey()) && !entry.getValue().isNull()) {
                throw type.isEmpty()
                        ? new PolicyException(rope.where() + " = " + rope.json() + " has no rope_type, but "
                                + entry.getKey() + " (expected rope_type default or llama3)")
                        : rope.wrong(entry.getKey(), "of rope type " + type + " only " + String.join(", ", known));
            }
        }
        return scaling;
    }
}
