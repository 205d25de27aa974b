package io.foothold.orchestrator.outbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.runfile.RunFile;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * An experiment of MLflow: a run is a run there, its settings are parameters, the numbers of updates and evaluations are metrics with the
 * update as their step, the run file and the samples of evaluations are artefacts. A run is found again by two of its tags, so that a
 * resumed one and another process go on with the same. What is sent twice is there once. Not thread-safe: the outbox has one thread.
 */
public final class MlflowTopic implements EventTopic {
    /** Tag with the run's id. */
    static final String RUN_TAG = "foothold.run";
    /** Tag with the time of the run's first event: ids are free again in another ledger. */
    static final String BEGUN_TAG = "foothold.begun_millis";

    private static final Logger LOG = Logger.getLogger(MlflowTopic.class);
    private static final int PARAMETERS_A_CALL = 100;
    private static final int METRICS_A_CALL = 1000;
    private static final int LONGEST_PARAMETER = 6000;
    private static final int LONGEST_TAG = 5000;
    /** Runs whose names there are kept. */
    private static final int MOST_KNOWN = 1000;

    /** A run there. */
    private record Known(String id, String artifacts) {}

    private final MlflowServer server;
    private final MlflowSettings settings;
    private final LedgerStore ledger;
    private final Function<String, Path> homes;
    private final ObjectMapper mapper = new ObjectMapper();
    private final Map<String, Known> runs = new HashMap<>();
    private @Nullable String experiment;
    private boolean toldOfArtefacts;

    /**
     * Asks for nothing before the first event.
     *
     * @param homes directories of runs by their ids
     */
    public MlflowTopic(MlflowSettings settings, LedgerStore ledger, Function<String, Path> homes) {
        this.server = new MlflowServer(settings);
        this.settings = settings;
        this.ledger = ledger;
        this.homes = homes;
    }

    @Override
    public String kind() {
        return "mlflow";
    }

    @Override
    public String name() {
        return "mlflow/" + Integer.toHexString(settings.toString().hashCode());
    }

    @Override
    public CompletableFuture<Void> send(RunEvent event) {
        try {
            bring(event);
        } catch (MlflowServer.Refusal e) {
            // Somebody deleted the run there, or it takes no such value: the next event looks for the run, or makes it.
            runs.remove(event.runId());
            LOG.warnf("event %d of run %s is passed over: %s", event.number(), event.runId(), e.getMessage());
        } catch (FootholdException e) {
            return CompletableFuture.failedFuture(e);
        }
        return CompletableFuture.completedFuture(null);
    }

    private void bring(RunEvent event) throws MlflowServer.Refusal {
        ObjectNode details = event.details();
        switch (event.kind()) {
            case "run_started" -> started(event);
            case "update_done" -> metrics(event, details, MlflowMetrics.ofUpdate(details));
            case "evaluation_done" -> evaluated(event, details);
            case "alarm" ->
                tag(run(event), "foothold.alarm", details.path("what").asText());
            case "run_ended" -> ended(event, details);
            default -> LOG.tracef("MLflow has no place for an event %s", event.kind());
        }
    }

    private void started(RunEvent event) throws MlflowServer.Refusal {
        Known run = run(event);
        server.post("runs/update", of(run).put("status", "RUNNING"));
        JsonNode there = server.get("runs/get", "run_id", run.id())
                .path("run")
                .path("data")
                .path("params");
        Map<String, String> logged = new HashMap<>();
        there.forEach(p -> logged.put(p.path("key").asText(), p.path("value").asText()));
        RunFile file = RunFile.restore(
                ledger.run(event.runId()).map(Ledger.RunRow::settings).orElseThrow());
        List<ObjectNode> fresh = new ArrayList<>();
        for (Map.Entry<String, String> setting : file.values().entrySet()) {
            String known = logged.get(setting.getKey());
            if (setting.getValue().length() > LONGEST_PARAMETER
                    || setting.getValue().equals(known)) {
                continue;
            }
            if (known == null) {
                fresh.add(entry(setting.getKey(), setting.getValue()));
            } else {
                // Parameters stay as they were first; a resumed run may have other settings of the machine.
                tag(run, "foothold.changed." + setting.getKey(), setting.getValue());
            }
        }
        batches(run, "params", fresh, PARAMETERS_A_CALL);
        store(run, "run.yaml", file.print().getBytes(StandardCharsets.UTF_8));
    }

    private void evaluated(RunEvent event, ObjectNode details) throws MlflowServer.Refusal {
        metrics(event, details, MlflowMetrics.ofEvaluation(details));
        String name = String.format(
                Locale.ROOT,
                "evaluation-%06d-%s.jsonl",
                details.path("update").asLong(),
                details.path("set").asText());
        Path samples = homes.apply(event.runId()).resolve("completions").resolve(name);
        try {
            store(run(event), "completions/" + name, Files.readAllBytes(samples));
        } catch (IOException e) {
            LOG.debugf("no samples of an evaluation of run %s for MLflow: %s", event.runId(), e);
        }
    }

    private void ended(RunEvent event, ObjectNode details) throws MlflowServer.Refusal {
        Known run = run(event);
        String reason = details.path("reason").asText();
        if (!reason.isEmpty()) {
            tag(run, "foothold.reason", reason);
        }
        String status =
                switch (details.path("state").asText()) {
                    case "finished" -> "FINISHED";
                    case "stopped" -> "KILLED";
                    default -> "FAILED";
                };
        server.post("runs/update", of(run).put("status", status).put("end_time", at(details)));
    }

    private void metrics(RunEvent event, ObjectNode details, Map<String, Double> numbers) throws MlflowServer.Refusal {
        long at = at(details);
        long update = details.path("update").asLong();
        List<ObjectNode> entries = new ArrayList<>();
        numbers.forEach((key, value) -> {
            ObjectNode entry = mapper.createObjectNode().put("key", key);
            // JSON has no name for these; MLflow takes them as texts.
            if (Double.isFinite(value)) {
                entry.put("value", value);
            } else {
                entry.put("value", Double.toString(value));
            }
            entries.add(entry.put("timestamp", at).put("step", update));
        });
        batches(run(event), "metrics", entries, METRICS_A_CALL);
    }

    private void batches(Known run, String what, List<ObjectNode> entries, int most) throws MlflowServer.Refusal {
        for (int from = 0; from < entries.size(); from += most) {
            ObjectNode body = of(run);
            body.putArray(what).addAll(entries.subList(from, Math.min(entries.size(), from + most)));
            server.post("runs/log-batch", body);
        }
    }

    private void tag(Known run, String key, String value) throws MlflowServer.Refusal {
        server.post(
                "runs/set-tag",
                of(run).put("key", key)
                        .put("value", value.length() > LONGEST_TAG ? value.substring(0, LONGEST_TAG) : value));
    }

    private ObjectNode of(Known run) {
        return mapper.createObjectNode().put("run_id", run.id());
    }

    private ObjectNode entry(String key, String value) {
        return mapper.createObjectNode().put("key", key).put("value", value);
    }

    private void store(Known run, String name, byte[] content) throws MlflowServer.Refusal {
        URI root = URI.create(run.artifacts());
        if (!"mlflow-artifacts".equals(root.getScheme())) {
            if (!toldOfArtefacts) {
                toldOfArtefacts = true;
                LOG.warnf(
                        "MLflow keeps artefacts of experiment %s at %s and not behind its own server (mlflow server"
                                + " --serve-artifacts): run files and samples are not stored there",
                        settings.experiment(), root.getScheme());
            }
            return;
        }
        server.put(root.getPath() + "/" + name, content);
    }

    private Known run(RunEvent event) throws MlflowServer.Refusal {
        Known known = runs.get(event.runId());
        if (known == null) {
            known = found(event.runId());
            if (runs.size() >= MOST_KNOWN) {
                runs.clear();
            }
            runs.put(event.runId(), known);
        }
        return known;
    }

    private Known found(String runId) throws MlflowServer.Refusal {
        Ledger.EventRow first = ledger.cursors().next(runId, 0, 1).get(0);
        String begun = first.details().path("at_millis").asText();
        ObjectNode search = mapper.createObjectNode().put("max_results", 1);
        search.putArray("experiment_ids").add(experiment());
        search.put("filter", "tags.`" + RUN_TAG + "` = '" + runId + "' and tags.`" + BEGUN_TAG + "` = '" + begun + "'");
        JsonNode info = server.post("runs/search", search).path("runs").path(0).path("info");
        if (info.isMissingNode()) {
            ObjectNode create = mapper.createObjectNode()
                    .put("experiment_id", experiment())
                    .put("run_name", runId)
                    .put("start_time", Long.parseLong(begun));
            ArrayNode tags = create.putArray("tags");
            tags.add(entry(RUN_TAG, runId)).add(entry(BEGUN_TAG, begun)).add(entry("mlflow.source.name", "foothold"));
            info = server.post("runs/create", create).path("run").path("info");
        }
        return new Known(info.path("run_id").asText(), info.path("artifact_uri").asText());
    }

    private String experiment() throws MlflowServer.Refusal {
        String known = experiment;
        if (known == null) {
            known = experiment(true);
            experiment = known;
        }
        return known;
    }

    private String experiment(boolean create) throws MlflowServer.Refusal {
        try {
            JsonNode there = server.get("experiments/get-by-name", "experiment_name", settings.experiment())
                    .path("experiment");
            if (!there.path("lifecycle_stage").asText().equals("active")) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        MlflowSettings.EXPERIMENT_KEY + ": experiment '" + settings.experiment()
                                + "' was deleted in MLflow; restore it there, or name another one");
            }
            return there.path("experiment_id").asText();
        } catch (MlflowServer.Refusal e) {
            if (!create || !e.is("RESOURCE_DOES_NOT_EXIST")) {
                throw e;
            }
        }
        try {
            return server.post("experiments/create", mapper.createObjectNode().put("name", settings.experiment()))
                    .path("experiment_id")
                    .asText();
        } catch (MlflowServer.Refusal e) {
            if (e.is("RESOURCE_ALREADY_EXISTS")) {
                return experiment(false);
            }
            throw e;
        }
    }

    private static long at(ObjectNode details) {
        return details.path("at_millis").asLong();
    }

    @Override
    public void close() {
        server.close();
    }
}
