package io.foothold.orchestrator.explain;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.ledger.LedgerLookup;
import io.foothold.orchestrator.update.Manifest;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Tells why a rollout or an update is as it is. Thread-safe. */
public final class Explainer {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final LedgerLookup lookup;
    private final Function<String, Path> homes;

    /**
     * An explainer.
     *
     * @param homes directory of a run's files by its id
     */
    public Explainer(LedgerLookup lookup, Function<String, Path> homes) {
        this.lookup = lookup;
        this.homes = homes;
    }

    /**
     * A rollout.
     *
     * @throws FootholdException NOT_FOUND when the ledger has none of that id
     */
    public RolloutStory rollout(String id) {
        LedgerLookup.Row row = lookup.rollout(id)
                .orElseThrow(() ->
                        new FootholdException(ErrorCode.NOT_FOUND, "there is no rollout '" + id + "' in the ledger"));
        Optional<Manifest> manifest = row.update() == 0 ? Optional.empty() : lookup.manifest(row.run(), row.update());
        Map<String, Double> advantages = advantages(manifest);
        List<RolloutStory.Compared> group = lookup.group(row.group()).stream()
                .map(r -> new RolloutStory.Compared(r, advantages.get(r.id())))
                .toList();
        JsonNode said = said(row);
        String seed = said == null ? "" : said.path("seed").asText();
        JsonNode reset =
                row.update() == 0 ? null : line(row, "resets-%06d.jsonl", "rollout", seed.isEmpty() ? row.id() : seed);
        return new RolloutStory(
                row,
                advantages.get(id),
                said,
                group,
                reset,
                Reasons.of(row, advantages.get(id), manifest, group, said));
    }

    /**
     * An update.
     *
     * @throws FootholdException NOT_FOUND when the run has not done it
     */
    public UpdateStory update(String runId, long update) {
        Manifest manifest = lookup.manifest(runId, update)
                .orElseThrow(() -> new FootholdException(
                        ErrorCode.NOT_FOUND, "run '" + runId + "' has not done update " + update));
        Map<String, List<RolloutStory.Compared>> groups = new LinkedHashMap<>();
        Map<String, LedgerLookup.Row> rows = lookup.rollouts(
                manifest.rollouts().stream().map(Manifest.Trained::rolloutId).toList());
        for (Manifest.Trained trained : manifest.rollouts()) {
            LedgerLookup.Row row = rows.get(trained.rolloutId());
            if (row != null) {
                groups.computeIfAbsent(row.group(), g -> new ArrayList<>())
                        .add(new RolloutStory.Compared(row, trained.advantage()));
            }
        }
        List<UpdateStory.Group> out = new ArrayList<>();
        groups.forEach((id, rollouts) -> {
            LedgerLookup.Row first = rollouts.getFirst().row();
            boolean signal = rollouts.stream().anyMatch(r -> r.advantage() != null && r.advantage() != 0);
            out.add(new UpdateStory.Group(id, first.problem(), first.start(), signal, rollouts));
        });
        return new UpdateStory(
                runId,
                update,
                manifest.policyVersion(),
                manifest.digest(),
                manifest.steps().optimizerSteps(),
                manifest.steps().groupsWithSignal(),
                manifest.metrics(),
                out);
    }

    private static Map<String, Double> advantages(Optional<Manifest> manifest) {
        Map<String, Double> out = new HashMap<>();
        manifest.ifPresent(m -> m.rollouts().forEach(r -> out.put(r.rolloutId(), r.advantage())));
        return out;
    }

    /** What the completions have of a rollout; of evaluations they have the first sample of every problem. */
    private @Nullable JsonNode said(LedgerLookup.Row row) {
        if (row.update() > 0) {
            return line(row, "update-%06d.jsonl", "rollout", row.id());
        }
        if (!row.purpose().equals("evaluation")) {
            return null;
        }
        // run/eval/set/update/problem, see Evaluator.
        String[] parts = row.group().split("/", 5);
        return parts.length == 5 && parts[1].equals("eval") && parts[3].matches("\\d{1,18}")
                ? line(
                        row,
                        String.format(Locale.ROOT, "evaluation-%06d-%s.jsonl", Long.parseLong(parts[3]), parts[2]),
                        "rollout",
                        row.id())
                : null;
    }

    /** The line of a file of completions whose field has a value; null where there is no such file or line. */
    private @Nullable JsonNode line(LedgerLookup.Row row, String name, String field, String value) {
        Path directory = homes.apply(row.run()).resolve("completions");
        Path file = directory
                .resolve(String.format(Locale.ROOT, name, row.update()))
                .normalize();
        if (!directory.normalize().equals(file.getParent()) || !Files.isRegularFile(file)) {
            return null;
        }
        try (BufferedReader lines = Files.newBufferedReader(file)) {
            for (String text = lines.readLine(); text != null; text = lines.readLine()) {
                if (text.contains(value)) {
                    JsonNode line = MAPPER.readTree(text);
                    if (line.path(field).asText().equals(value)) {
                        return line;
                    }
                }
            }
            return null;
        } catch (JsonProcessingException e) {
            // The line of an update that is being written, or of a process that died over it: the rest is told.
            return null;
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot read " + file + ": " + e.getMessage(), e);
        }
    }
}
