package io.foothold.cli.regress;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.common.math.Quantiles;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.StoreConfig;
import io.foothold.contracts.files.StoreUri;
import io.foothold.store.StoredLines;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Numbers of earlier runs of suites, a JSON object a line: {@code suite}, {@code run}, {@code at} (ISO 8601) and {@code numbers}, by measure the
 * median over seeds. Kept beside the suite in a repository, it says which commit changed what.
 */
final class History {
    /** Entries of a run that make its baseline, the newest. */
    private static final int COUNTED = 10;

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final String name;
    private final Consumer<String> writer;
    private final List<JsonNode> entries = new ArrayList<>();

    /**
     * The history in a file or in an object of a store, which need not be there yet.
     *
     * @param name a path, or s3://BUCKET/KEY in the store that {@code foothold.store} is set for
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} for a line that is none of its own; what a store refuses
     */
    static History of(String name) {
        if (StoreUri.meant(name)) {
            StoreUri object = StoreUri.parse("--history", name);
            return new History(
                    name,
                    asking(object, StoredLines::read),
                    line -> asking(object, lines -> {
                        lines.add(List.of(line));
                        return line;
                    }));
        }
        Path file = Path.of(name);
        try {
            return new History(
                    name, Files.exists(file) ? Files.readAllLines(file) : List.of(), line -> append(file, line));
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /** A store is asked twice, with minutes between. */
    private static <T> T asking(StoreUri object, Function<StoredLines, T> question) {
        StoreConfig config = new SmallRyeConfigBuilder()
                .addDefaultSources()
                .addDiscoveredConverters()
                .withMapping(StoreConfig.class)
                .build()
                .getConfigMapping(StoreConfig.class);
        try (StoredLines lines = StoredLines.of(config, object)) {
            return question.apply(lines);
        }
    }

    private static void append(Path file, String line) {
        try {
            Files.writeString(file, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    private History(String name, List<String> lines, Consumer<String> writer) {
        this.name = name;
        this.writer = writer;
        for (int i = 0; i < lines.size(); i++) {
            entries.add(entry(i + 1, lines.get(i)));
        }
    }

    private JsonNode entry(int number, String line) {
        try {
            JsonNode entry = MAPPER.readTree(line);
            if (entry.path("numbers").isObject() && entry.path("run").isTextual()) {
                return entry;
            }
        } catch (IOException e) {
            // Told below, with what was expected.
        }
        throw new FootholdException(
                ErrorCode.INVALID_INPUT, name + ":" + number + ": expected an object with suite, run, at and numbers");
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
        writer.accept(entry.toString());
        entries.add(entry);
    }

    static OptionalDouble median(List<Double> values) {
        return values.isEmpty()
                ? OptionalDouble.empty()
                : OptionalDouble.of(Quantiles.median().compute(values));
    }
}
