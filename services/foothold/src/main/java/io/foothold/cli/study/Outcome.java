package io.foothold.cli.study;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.cli.machine.Workspace;
import io.foothold.cli.report.Evaluations;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.run.RunManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;

/**
 * What came of one run.
 *
 * @param digest of the settings and the base policy that it was made with
 * @param evaluations of all sets, in their order
 * @param rollouts how many by their purpose
 * @param measured other numbers, see {@link Study#measured}
 * @param seconds that the run took
 * @param sound whether every rollout of its ledger has exactly one end
 */
record Outcome(
        String arm,
        long seed,
        String digest,
        List<JsonNode> evaluations,
        Map<String, Long> rollouts,
        Map<String, Double> measured,
        double seconds,
        boolean sound) {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String TRAINED = "train";
    private static final String EVALUATED = "evaluation";

    /** Copies. */
    Outcome {
        evaluations = List.copyOf(evaluations);
        rollouts = new TreeMap<>(rollouts);
        measured = new TreeMap<>(measured);
    }

    /** Of a run that has finished, with what its ledger says. */
    static Outcome of(
            RunManager runs,
            String runId,
            Job job,
            List<JsonNode> evaluations,
            Map<String, Double> measured,
            double seconds) {
        return new Outcome(
                job.arm().name(),
                job.seed(),
                job.digest(),
                evaluations,
                runs.ledger().countsByPurpose(runId),
                measured,
                seconds,
                runs.ledger().audit(runId).sound());
    }

    /** The evaluations of a set, first to last. */
    List<JsonNode> of(String set) {
        return evaluations.stream()
                .filter(e -> e.path("set").asText().equals(set))
                .toList();
    }

    /** The sets that were evaluated, in the order of their first evaluations. */
    List<String> sets() {
        return evaluations.stream().map(e -> e.path("set").asText()).distinct().toList();
    }

    /** The last evaluation of a set. */
    JsonNode end(String set) {
        List<JsonNode> of = of(set);
        if (of.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA, arm + ", seed " + seed + " has no evaluation of " + set);
        }
        return of.getLast();
    }

    /** Rollouts that found start states before the first update: mining, prefix search. */
    long preparing() {
        return rollouts.entrySet().stream()
                .filter(e -> !e.getKey().equals(TRAINED) && !e.getKey().equals(EVALUATED))
                .mapToLong(Map.Entry::getValue)
                .sum();
    }

    /** Rollouts that the policy of an evaluation has cost, evaluations left out. */
    double rolloutsAt(JsonNode evaluation) {
        long updates = evaluations.stream()
                .mapToLong(e -> e.path("update").asLong())
                .max()
                .orElse(0);
        double done = updates == 0 ? 0 : evaluation.path("update").asDouble() / updates;
        return preparing() + done * rollouts.getOrDefault(TRAINED, 0L);
    }

    /**
     * What it cost until pass@1 of a set first reached a threshold, linear between evaluations; empty where it never did.
     *
     * @param window evaluations whose mean is looked at, an odd number; fewer at both ends
     */
    OptionalDouble costTo(double threshold, String set, Cost cost, int window) {
        double before = 0;
        double at = 0;
        List<JsonNode> all = of(set);
        for (int i = 0; i < all.size(); i++) {
            double value = all.subList(Math.max(0, i - window / 2), Math.min(all.size(), i + window / 2 + 1)).stream()
                    .mapToDouble(Evaluations::passAt1)
                    .average()
                    .orElseThrow();
            double here = cost.at(this, all.get(i));
            if (value >= threshold) {
                return OptionalDouble.of(i == 0 ? here : at + (here - at) * (threshold - before) / (value - before));
            }
            before = value;
            at = here;
        }
        return OptionalDouble.empty();
    }

    /** pass@1 of a set at a cost, linear between evaluations; that of the last one behind it, that of the first one before it. */
    double passAt1At(double spent, String set, Cost cost) {
        List<JsonNode> all = of(set);
        double at = cost.at(this, all.getFirst());
        double before = Evaluations.passAt1(all.getFirst());
        for (JsonNode evaluation : all.subList(1, all.size())) {
            double here = cost.at(this, evaluation);
            double value = Evaluations.passAt1(evaluation);
            if (spent <= here) {
                return spent <= at ? before : before + (value - before) * (spent - at) / (here - at);
            }
            at = here;
            before = value;
        }
        return before;
    }

    /** Writes it whole or not at all. */
    void write(Path file) {
        ObjectNode root = MAPPER.createObjectNode();
        root.put("arm", arm).put("seed", seed).put("digest", digest);
        root.putArray("evaluations").addAll(evaluations);
        ObjectNode counts = root.putObject("rollouts");
        rollouts.forEach(counts::put);
        ObjectNode numbers = root.putObject("measured");
        measured.forEach(numbers::put);
        root.put("seconds", seconds).put("ledger_sound", sound);
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        Workspace.write(fresh, root + "\n");
        try {
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    /**
     * What {@link #write} wrote; empty where there is no such file.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_DATA} for a file that is something else
     */
    static Optional<Outcome> read(Path file) {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try {
            JsonNode root = MAPPER.readTree(file.toFile());
            for (String key : List.of("arm", "seed", "digest", "evaluations", "rollouts")) {
                if (!root.has(key)) {
                    throw new FootholdException(
                            ErrorCode.INVALID_DATA,
                            file + " is no result of a study: it has no '" + key + "'; delete it to run the arm again");
                }
            }
            List<JsonNode> evaluations = new ArrayList<>();
            root.path("evaluations").forEach(evaluations::add);
            Map<String, Long> counts = new TreeMap<>();
            root.path("rollouts")
                    .properties()
                    .forEach(e -> counts.put(e.getKey(), e.getValue().asLong()));
            Map<String, Double> numbers = new TreeMap<>();
            root.path("measured")
                    .properties()
                    .forEach(e -> numbers.put(e.getKey(), e.getValue().asDouble()));
            return Optional.of(new Outcome(
                    root.path("arm").asText(),
                    root.path("seed").asLong(),
                    root.path("digest").asText(),
                    evaluations,
                    counts,
                    numbers,
                    root.path("seconds").asDouble(),
                    root.path("ledger_sound").asBoolean()));
        } catch (IOException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    file + " is no result of a study: " + e.getMessage() + "; delete it to run the arm again",
                    e);
        }
    }
}
