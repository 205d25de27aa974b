package io.foothold.verifier.function;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.verdict.Verdict;
import io.foothold.verifier.code.Running;
import io.foothold.verifier.code.Sandbox;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;

/** A process that has loaded a function. Owned by the thread that started it. */
final class FunctionProcess implements AutoCloseable {
    /** Imports of large libraries take their time. */
    private static final double LOADING_SECONDS = 60;

    private static final String WORKER = "foothold-worker.py";
    private static final int LONGEST_COMPLAINT = 500;
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String SCRIPT = script();

    private final RewardFunction function;
    private final Sandbox.Scratch scratch;
    private final Running running;
    private boolean over;

    private FunctionProcess(RewardFunction function, Sandbox.Scratch scratch, Running running) {
        this.function = function;
        this.scratch = scratch;
        this.running = running;
    }

    private static String script() {
        try (InputStream in = FunctionProcess.class.getResourceAsStream("worker.py")) {
            if (in == null) {
                throw new IllegalStateException("worker.py is not in the jar");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException("worker.py cannot be read from the jar", e);
        }
    }

    /**
     * Starts a process and has it load the function.
     *
     * @param printedBytes most that a call may print, or write into a file
     * @throws FootholdException INVALID_INPUT with Python's report when the function does not load; INTERNAL when the sandbox failed
     */
    static FunctionProcess start(Sandbox sandbox, RewardFunction function, long printedBytes) {
        Sandbox.Scratch scratch = new Sandbox.Scratch(Map.of(WORKER, SCRIPT, function.file(), function.source()));
        try {
            Running running = sandbox.converse(
                    scratch,
                    List.of(WORKER, function.file(), function.name(), Long.toString(printedBytes)),
                    new Sandbox.Limits(LOADING_SECONDS, function.limits().memoryBytes(), printedBytes),
                    new Sandbox.Life(true, function.limits().network()));
            FunctionProcess process = new FunctionProcess(function, scratch, running);
            process.load();
            return process;
        } catch (RuntimeException e) {
            scratch.close();
            throw e;
        }
    }

    private void load() {
        Optional<String> line = running.hear();
        JsonNode said = line.map(FunctionProcess::message).orElseGet(MAPPER::missingNode);
        if (said.has("loaded")) {
            running.rest();
            return;
        }
        String why = said.has("error") ? said.get("error").asText() : ended().rule();
        running.close();
        throw new FootholdException(ErrorCode.INVALID_INPUT, function + " does not load: " + why);
    }

    boolean alive() {
        return !over && running.alive();
    }

    /**
     * Has calls answered in their order, until one ends the process.
     *
     * @param told each with its verdict as it comes
     * @return how many were told
     */
    int answer(List<FunctionCall> calls, BiConsumer<FunctionCall, Verdict> told) {
        ArrayNode batch = JsonNodeFactory.instance.arrayNode();
        calls.forEach(call -> call.addTo(batch));
        running.allow(function.limits().seconds());
        running.say(batch.toString());
        for (int i = 0; i < calls.size(); i++) {
            Optional<String> line = running.hear();
            if (line.isEmpty()) {
                over = true;
                told.accept(calls.get(i), ended());
                return i + 1;
            }
            JsonNode said = message(line.get());
            // The next one's time begins before anybody is told of this one.
            running.allow(function.limits().seconds());
            over = said.has("ends");
            told.accept(calls.get(i), verdict(said));
            if (over) {
                return i + 1;
            }
        }
        running.rest();
        return calls.size();
    }

    private Verdict verdict(JsonNode said) {
        if (said.has("none")) {
            return new Verdict(Verdict.Kind.ABSTAIN, 0, "", function.toString());
        }
        double score = said.path("score").asDouble(Double.NaN);
        if (!(score >= 0 && score <= 1)) {
            return Verdict.verifierError(
                    function + ": " + said.path("error").asText("wrote where its answers are expected"));
        }
        return new Verdict(
                score >= function.passScore() ? Verdict.Kind.PASS : Verdict.Kind.FAIL, score, "", function.toString());
    }

    /** A line of the process as JSON; whatever else it is ends the process. */
    private static JsonNode message(String line) {
        try {
            JsonNode node = MAPPER.readTree(line);
            if (node != null && node.isObject()) {
                return node;
            }
        } catch (JsonProcessingException e) {
            // Said below.
        }
        return JsonNodeFactory.instance.objectNode().put("ends", true);
    }

    /** What is said of the call at which the process ended. */
    private Verdict ended() {
        Sandbox.Outcome outcome;
        try {
            outcome = running.await();
        } catch (FootholdException e) {
            return Verdict.verifierError(function + ": " + e.text());
        }
        String complaint = outcome.stderr().strip();
        if (complaint.length() > LONGEST_COMPLAINT) {
            complaint = "…" + complaint.substring(complaint.length() - LONGEST_COMPLAINT);
        }
        String how =
                switch (outcome.end()) {
                    case TIME_LIMIT -> "no answer in " + text(function.limits().seconds()) + " s (python_seconds)";
                    case MEMORY_LIMIT ->
                        "its process had more than " + (function.limits().memoryBytes() >> 20)
                                + " MiB of memory (python_memory_mb)";
                    case PROCESS_LIMIT -> "it started too many processes";
                    case OUTPUT_LIMIT -> "it printed too much";
                    case FINISHED, FAILED -> "its process ended by itself";
                };
        String why = function + ": " + how + (complaint.isEmpty() ? "" : ": " + complaint);
        return outcome.end() == Sandbox.End.TIME_LIMIT ? Verdict.timeout(why) : Verdict.verifierError(why);
    }

    private static String text(double seconds) {
        return String.format(Locale.ROOT, seconds == Math.rint(seconds) ? "%.0f" : "%s", seconds);
    }

    @Override
    public void close() {
        running.close();
        scratch.close();
    }
}
