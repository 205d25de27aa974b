package io.foothold.cli.regress;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.common.math.Quantiles;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * Numbers of earlier runs of suites, a JSON object a line: {@code suite}, {@code run}, {@code at} (ISO 8601) and {@code numbers}, by measure the
 * median over seeds. Kept beside the suite in a repository, it says which commit changed what.
 */
final class History {
    /** Entries of a run that make its baseline, the newest. */
    private static final int COUNTED = 10;

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final Path file;
    private final List<JsonNode> entries = new ArrayList<>();

    /**
     * The history in a file, which need not be there yet.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} for a line that is none of its own
     */
    History(Path file) {
        this.file = file;
        try {
            int number = 0;
            for (String line : Files.exists(file) ? Files.readAllLines(file) : List.<String>of()) {
                number++;
                JsonNode entry = line.isBlank() ? null : MAPPER.readTree(line);
                if (entry == null
                        || !entry.path("numbers").isObject()
                        || !entry.path("run").isTextual()) {
                    throw new FootholdException(
                            ErrorCode.INVALID_INPUT,
                            file + ":" + number + ": expected an object with suite, run, at and numbers");
                }
                entries.add(entry);
            }
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /** The median of a measure over the newest entries of a run that have it. */
    OptionalDouble baseline(String suite, String run, String measure) {
        List<Double> values = entries.stream()
                .filter(e -> e.path("suite").asText().equals(suite)
                        && e.path("run").asText().equals(run))
                .map(e -> e.path("numbers").path(measure))
                .filter(JsonNode::isNumber)
                .map(JsonNode::asDouble)
                .toList();
        return median(values.subList(Math.max(0, values.size() - COUNTED), values.size()));
    }

    /** Adds an entry. */
    void add(String suite, String run, String at, Map<String, Double> numbers) {
        ObjectNode entry = MAPPER.createObjectNode();
        entry.put("suite", suite).put("run", run).put("at", at);
        ObjectNode values = entry.putObject("numbers");
        numbers.forEach(values::put);
        try {
            Files.writeString(file, entry + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot write " + file + ": " + e.getMessage(), e);
        }
        entries.add(entry);
    }

    static OptionalDouble median(List<Double> values) {
        return values.isEmpty()
                ? OptionalDouble.empty()
                : OptionalDouble.of(Quantiles.median().compute(values));
    }
}
