package io.foothold.orchestrator.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.start.StartState;
import io.foothold.orchestrator.event.Happening;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.remote.Waits;
import io.foothold.orchestrator.update.Manifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jboss.logging.Logger;

/** What one sees of a run: events, TensorBoard scalars, completions as JSON lines. */
final class RunLog {
    private static final Logger LOG = Logger.getLogger(RunLog.class);
    private static final int LONGEST_LINE = 600;
    private static final ObjectMapper DETAILS =
            new ObjectMapper().setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE);

    private final String runId;
    private final Path home;
    private final Ledger ledger;
    private final Consumer<RunEvent> sink;
    private final RunClock clock;
    private final ObjectMapper mapper = new ObjectMapper();
    /** Not a monitor: what is done under it takes as long as the ledger. */
    private final ReentrantLock telling = new ReentrantLock();

    private final AtomicLong number;
    private final TensorBoardFile board;

    RunLog(String runId, Path home, Ledger ledger, Consumer<RunEvent> sink, RunClock clock) {
        this.runId = runId;
        this.home = home;
        this.ledger = ledger;
        this.sink = sink;
        this.clock = clock;
        List<Ledger.EventRow> past = ledger.events(runId, 0);
        this.number =
                new AtomicLong(past.isEmpty() ? 0 : past.get(past.size() - 1).number());
        try {
            Files.createDirectories(home.resolve("completions"));
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot create " + home + ": " + e.getMessage(), e);
        }
        this.board = new TensorBoardFile(home.resolve("tensorboard"), clock.time());
    }

    /** Says it as events when the run waits for a service that is away. */
    Waits waits() {
        return new Waits() {
            @Override
            public void lost(String service, String reason) {
                event(new Happening.ServiceLost(service, reason));
            }

            @Override
            public void found(String service, Duration after) {
                event(new Happening.ServiceFound(service, after.toMillis() / 1e3));
            }
        };
    }

    ObjectNode object() {
        return mapper.createObjectNode();
    }

    /** What happened as details of an event, without its time. */
    ObjectNode details(Happening what) {
        return DETAILS.valueToTree(what);
    }

    /** Saves and tells what happened, stamped with the time in milliseconds since the epoch. */
    void event(Happening what) {
        telling.lock();
        try {
            tell(what);
        } finally {
            telling.unlock();
        }
    }

    private void tell(Happening what) {
        String kind = what.kind();
        String details = details(what)
                .put("at_millis", clock.time().instant().toEpochMilli())
                .toString();
        RunEvent event = new RunEvent(runId, number.incrementAndGet(), kind, details);
        Ledger.await(ledger.saveEvent(runId, new Ledger.EventRow(event.number(), kind, details)));
        sink.accept(event);
        LOG.infof(
                "run %s: %s %s",
                runId, kind, details.length() <= LONGEST_LINE ? details : details.substring(0, LONGEST_LINE) + "…");
    }

    /** Details of the events of a kind that were told so far, in order. */
    List<JsonNode> past(String kind) {
        List<JsonNode> out = new ArrayList<>();
        for (Ledger.EventRow event : ledger.events(runId, 0)) {
            if (event.kind().equals(kind)) {
                out.add(event.details());
            }
        }
        return out;
    }

    void scalars(long step, Map<String, Double> values) {
        board.write(step, values);
    }

    /**
     * Completions of an update, one line a rollout.
     *
     * @param prefixes the thoughts behind which a problem is guided
     */
    void completions(Manifest manifest, List<FilledGroup> groups, Function<String, List<String>> prefixes) {
        Map<String, Double> advantages = new HashMap<>();
        manifest.rollouts().forEach(r -> advantages.put(r.rolloutId(), r.advantage()));
        StringBuilder out = new StringBuilder();
        for (FilledGroup g : groups) {
            for (FilledMember m : g.members()) {
                Judged j = m.judged();
                ObjectNode line = line(g.start().prompt(), j);
                line.put("group", g.id()).put("problem", g.start().problemId());
                line.put("start", g.start().kind());
                line.put("reward", m.reward());
                rewards(line, j);
                if (g.start().prefixThoughts() > 0) {
                    prefixes.apply(g.start().problemId()).forEach(line.putArray("prefix")::add);
                }
                if (g.start().origin() instanceof StartState.Reset reset) {
                    line.put("seed", reset.rolloutId());
                    line.put("thought", reset.thought());
                }
                if (m.refines() != null) {
                    line.put("refines", m.refines().id());
                }
                line.put("advantage", advantages.getOrDefault(j.rolloutId(), 0.0));
                append(out, line);
            }
        }
        write(String.format("update-%06d.jsonl", manifest.update()), out);
    }

    /** The seeds of an update, one line each, with the thought that each was reset to. */
    void resets(long update, List<Continuation> continued) {
        StringBuilder out = new StringBuilder();
        for (Continuation c : continued) {
            ObjectNode line = object();
            line.put("rollout", c.seed().id()).put("problem", c.problemId());
            c.seed().thoughts().forEach(line.putArray("thoughts")::add);
            line.put("response", c.seed().response().text());
            line.put("thought", c.outcome().step());
            c.outcome().firstError().ifPresent(error -> line.put("first_error", error));
            line.put("suffixes", c.outcome().suffixes())
                    .put("passes", c.outcome().passes());
            append(out, line);
        }
        write(String.format("resets-%06d.jsonl", update), out);
    }

    /** The first sample of every problem of an evaluation. */
    void samples(String set, long update, List<Evaluator.Sample> samples) {
        StringBuilder out = new StringBuilder();
        for (Evaluator.Sample s : samples) {
            ObjectNode line = line(s.start().prompt(), s.judged());
            line.put("problem", s.problem().id()).put("gold", s.problem().answer());
            rewards(line, s.judged());
            append(out, line);
        }
        write(String.format("evaluation-%06d-%s.jsonl", update, set), out);
    }

    /** Oracle solutions of a set with their tokens and log-probs, one line a problem. */
    void oracles(String set, long update, List<ObjectNode> lines) {
        StringBuilder out = new StringBuilder();
        lines.forEach(line -> append(out, line));
        write(String.format("oracle-%06d-%s.jsonl", update, set), out);
    }

    /** Several rewards by their names. */
    private static void rewards(ObjectNode line, Judged j) {
        if (!j.rewards().isEmpty()) {
            ObjectNode out = line.putObject("rewards");
            j.rewards().forEach(out::put);
        }
    }

    private ObjectNode line(String prompt, Judged j) {
        ObjectNode line = object();
        line.put("rollout", j.rolloutId()).put("prompt", prompt);
        line.put("response", j.rollout() == null ? "" : j.rollout().response().text());
        line.put("verdict", j.verdictName()).put("tokens", j.tokens());
        if (j.verdict() != null) {
            line.put("score", j.verdict().score()).put("rule", j.verdict().rule());
        }
        if (j.rollout() != null) {
            SampledFields.put(line, j.rollout());
        }
        return line;
    }

    private void append(StringBuilder out, ObjectNode line) {
        try {
            out.append(mapper.writeValueAsString(line)).append('\n');
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    private void write(String name, StringBuilder text) {
        Path file = home.resolve("completions").resolve(name);
        try {
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot write " + file + ": " + e.getMessage(), e);
        }
    }
}
