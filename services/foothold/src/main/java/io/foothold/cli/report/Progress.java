package io.foothold.cli.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.run.RunManager;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Prints a run as it goes: a bar that redraws itself on a terminal, plain lines otherwise. */
public final class Progress {
    private static final int BAR = 24;
    /** Of a run with no more updates than this each one has its line. */
    private static final int EACH_SHOWN = 50;

    private final RunManager runs;
    private final PrintStream out;
    private final boolean updates;
    private final boolean terminal =
            System.console() != null && System.console().isTerminal();
    private final ObjectMapper mapper = new ObjectMapper();
    private long next = 1;
    private long start = System.nanoTime();
    private long firstUpdate = -1;
    private double tokens;

    public Progress(RunManager runs, PrintStream out) {
        this(runs, out, true);
    }

    /**
     * Progress of runs.
     *
     * @param updates whether updates are shown; pointless for runs whose length is counted in tokens
     */
    public Progress(RunManager runs, PrintStream out, boolean updates) {
        this.runs = runs;
        this.out = out;
        this.updates = updates;
    }

    /**
     * Follows a run to its end and gives its evaluations, in their order.
     *
     * @throws FootholdException WRONG_STATE when it does not finish
     */
    public List<JsonNode> finished(String runId) throws InterruptedException {
        Ledger.RunRow end = follow(runId, 1);
        if (!end.state().equals("finished")) {
            throw new FootholdException(
                    ErrorCode.WRONG_STATE, "run " + runId + " " + end.state() + ": " + end.reason());
        }
        return runs.ledger().evaluations(runId).stream().map(this::parse).toList();
    }

    /** Follows a run to its end. */
    public Ledger.RunRow follow(String runId, long from) throws InterruptedException {
        next = from;
        start = System.nanoTime();
        CompletableFuture<Ledger.RunRow> end = runs.end(runId);
        Ledger.RunRow row = null;
        while (row == null) {
            try {
                row = end.get(200, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                // Not over yet: print what is there.
            } catch (ExecutionException e) {
                throw FootholdException.of(e);
            }
            for (Ledger.EventRow event : runs.ledger().events(runId, next)) {
                next = event.number() + 1;
                print(runId, event, runs.row(runId).updates());
            }
        }
        return row;
    }

    private void print(String runId, Ledger.EventRow event, long updates) {
        JsonNode json = parse(event.json());
        switch (event.kind()) {
            case "prepared" -> line(runId + ": " + prepared(json));
            case "update_done" -> {
                if (this.updates) {
                    update(runId, json, updates);
                }
            }
            case "evaluation_done" -> {
                String at = runId + ": update " + json.path("update").asLong() + ", "
                        + json.path("set").asText() + ": ";
                line(at + Evaluations.text(json));
                String oracles = Evaluations.oracleText(json);
                if (!oracles.isEmpty()) {
                    line(at + oracles);
                }
            }
            case "localizer_fallback" ->
                line(runId + ": too few resets were clean; thoughts are chosen at random from update "
                        + json.path("update").asLong());
            case "checkpoint_damaged" ->
                line(runId + ": " + json.path("what").asText() + "; going on from update "
                        + json.path("resumed_from").asLong());
            case "machine_changed" ->
                json.path("settings").forEach(setting -> line(runId + ": goes on with " + setting.asText()));
            case "alarm" -> line(runId + ": ALARM: " + json.path("what").asText());
            case "warning" ->
                line(runId + ": update " + json.path("update").asLong() + ": warning: "
                        + json.path("what").asText());
            case "service_lost" ->
                line(runId + ": waiting for " + json.path("service").asText() + ": "
                        + json.path("reason").asText());
            case "service_found" ->
                line(String.format(
                        Locale.ROOT,
                        "%s: %s is there again after %.0f s",
                        runId,
                        json.path("service").asText(),
                        json.path("seconds").asDouble()));
            case "group_dropped" ->
                line(runId + ": group dropped: " + json.path("reason").asText());
            case "run_ended" -> {
                String reason = json.path("reason").asText();
                line(runId + ": " + json.path("state").asText() + (reason.isEmpty() ? "" : ": " + reason));
            }
            default -> {}
        }
    }

    private static String prepared(JsonNode json) {
        return switch (json.path("step").asText()) {
            case "mining" ->
                String.format(
                        Locale.ROOT,
                        "hard-set mining: %d of %d problems are hard, %d were looked at twice, %d rollouts; the policy may still solve "
                                + "one of them in up to %.2g %% of its samples (95 %% interval)",
                        json.path("hard").asLong(),
                        json.path("tried").asLong(),
                        json.path("looked_at_twice").asLong(),
                        json.path("rollouts").asLong(),
                        100 * json.path("hard_pass_rate_below").asDouble(1));
            case "guided_traces" ->
                String.format(
                        Locale.ROOT,
                        "guided traces: %d of %d answers passed, on %d of %d problems, and are imitated",
                        json.path("accepted").asLong(),
                        json.path("rollouts").asLong(),
                        json.path("solved").asLong(),
                        json.path("problems").asLong());
            default ->
                String.format(
                        Locale.ROOT,
                        "prefix search: %d problems, %d rollouts, %d fell back, %.1f s; problems by prefix length: %s",
                        json.path("problems").asLong(),
                        json.path("rollouts").asLong(),
                        json.path("fallbacks").asLong(),
                        json.path("seconds").asDouble(),
                        json.path("prefixes"));
        };
    }

    private void update(String runId, JsonNode json, long updates) {
        long update = json.path("update").asLong();
        if (firstUpdate < 0) {
            firstUpdate = update - 1;
        }
        tokens += json.path("sampled_tokens").asDouble();
        double seconds = (System.nanoTime() - start) / 1e9;
        double eta = seconds / Math.max(1, update - firstUpdate) * (updates - update);
        String numbers = String.format(
                Locale.ROOT,
                "update %d of %d, reward %.3f%s, %.0f tokens/s, %.0f s left",
                update,
                updates,
                json.path("reward_mean").asDouble(),
                passes(json),
                tokens / seconds,
                eta);
        if (terminal) {
            int full = (int) (BAR * update / updates);
            out.print("\r" + runId + " [" + "#".repeat(full) + "-".repeat(BAR - full) + "] " + numbers + "   ");
            out.flush();
        } else if (updates <= EACH_SHOWN || update % 10 == 0 || update == updates) {
            out.println(runId + ": " + numbers);
        }
    }

    /** What passed without guidance and with it; nothing where no rollout was guided. */
    public static String passes(JsonNode update) {
        return update.has("passes_guided")
                ? String.format(
                        Locale.ROOT,
                        ", passed unguided %.0f of %.0f, guided %.0f of %.0f",
                        update.path("passes_root").asDouble(),
                        update.path("rollouts_root").asDouble(),
                        update.path("passes_guided").asDouble(),
                        update.path("rollouts_guided").asDouble())
                : "";
    }

    private void line(String text) {
        out.println((terminal ? "\r\u001b[K" : "") + text);
    }

    private JsonNode parse(String json) {
        try {
            return mapper.readTree(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
