package io.foothold.orchestrator.outbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.TestDatabase;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.runfile.RunFile;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is asked of an MLflow, and what becomes of answers that are none. The real one: {@code MlflowRunTest}. */
class MlflowTopicTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String MISSING = "{\"error_code\": \"RESOURCE_DOES_NOT_EXIST\", \"message\": \"none\"}";

    /** An answer. */
    private record Answer(int status, String body) {}

    @TempDir
    Path directory;

    private final List<String> calls = new ArrayList<>();
    private final Map<String, Answer> answers = new HashMap<>();
    private final LedgerStore ledger = new LedgerStore(TestDatabase.inMemory(), () -> Instant.EPOCH);
    private HttpServer server;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::answer);
        server.start();
        answers.put("experiments/get-by-name", new Answer(404, MISSING));
        answers.put("experiments/create", new Answer(200, "{\"experiment_id\": \"7\"}"));
        answers.put("runs/search", new Answer(200, "{}"));
        answers.put(
                "runs/create",
                new Answer(
                        200,
                        "{\"run\": {\"info\": {\"run_id\": \"abc\", \"artifact_uri\": \"mlflow-artifacts:/7/abc/artifacts\"}}}"));
        answers.put("runs/get", new Answer(200, "{\"run\": {\"data\": {}}}"));
        RunFile file = RunFile.resolve("r.yaml", """
                method: grpo
                updates: 3
                policy: {base: p}
                problems:
                  train: {family: dial, level: medium, count: 4}
                  evaluate:
                    medium: {family: dial, level: medium, count: 4}
                """, List.of());
        Ledger.await(ledger.createRun("r", file.stored(), 3));
        save(1, "run_started", "{\"update\": 0, \"updates\": 3, \"at_millis\": 1000}");
    }

    @AfterEach
    void stop() {
        server.stop(0);
        ledger.close();
    }

    private void answer(HttpExchange exchange) throws IOException {
        String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        String path = exchange.getRequestURI().getRawPath();
        String call = path.replace("/api/2.0/mlflow/", "");
        synchronized (calls) {
            calls.add(call + " " + body);
        }
        Answer answer = answers.getOrDefault(call, new Answer(200, "{}"));
        byte[] said = answer.body().getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(answer.status(), said.length == 0 ? -1 : said.length);
        exchange.getResponseBody().write(said);
        exchange.close();
    }

    private RunEvent save(long number, String kind, String json) {
        Ledger.await(ledger.saveEvent("r", new Ledger.EventRow(number, kind, json)));
        return new RunEvent("r", number, kind, json);
    }

    private MlflowTopic topic(Optional<Path> secret) {
        String address = "http://127.0.0.1:" + server.getAddress().getPort();
        return new MlflowTopic(MlflowSettings.of(address, "e", secret), ledger, directory::resolve);
    }

    private FootholdException failure(RunEvent event) {
        try (MlflowTopic topic = topic(Optional.empty())) {
            try {
                topic.send(event).join();
            } catch (CompletionException e) {
                return (FootholdException) e.getCause();
            }
            throw new AssertionError("it arrived");
        }
    }

    private JsonNode last(String call) throws IOException {
        String found = "";
        for (String one : calls) {
            found = one.startsWith(call + " ") ? one.substring(call.length() + 1) : found;
        }
        return MAPPER.readTree(found);
    }

    @Test
    void aRunBeginsWithItsSettingsAndItsFile() throws Exception {
        try (MlflowTopic topic = topic(Optional.empty())) {
            topic.send(new RunEvent("r", 1, "run_started", "{\"at_millis\": 1000}"))
                    .join();
        }
        assertThat(last("runs/create").path("tags").toString()).contains("foothold.begun_millis", "\"1000\"");
        List<String> batches =
                calls.stream().filter(c -> c.startsWith("runs/log-batch")).toList();
        assertThat(batches).hasSizeGreaterThan(1);
        assertThat(String.join("", batches)).contains("{\"key\":\"updates\",\"value\":\"3\"}");
        for (String batch : batches) {
            assertThat(MAPPER.readTree(batch.substring("runs/log-batch ".length()))
                            .path("params"))
                    .hasSizeLessThanOrEqualTo(100);
        }
        assertThat(calls)
                .anyMatch(c -> c.startsWith("/api/2.0/mlflow-artifacts/artifacts/7/abc/artifacts/run.yaml ")
                        && c.contains("updates: 3"));
    }

    /** What was logged is not logged again, and what is another now is a tag: MLflow refuses another value of a parameter. */
    @Test
    void aResumedRunKeepsItsParameters() throws Exception {
        answers.put(
                "runs/search",
                new Answer(200, "{\"runs\": [{\"info\": {\"run_id\": \"old\", \"artifact_uri\": \"s3://b/x\"}}]}"));
        answers.put(
                "runs/get",
                new Answer(
                        200,
                        "{\"run\": {\"data\": {\"params\": [{\"key\": \"updates\", \"value\": \"2\"},"
                                + " {\"key\": \"seed\", \"value\": \"0\"}]}}}"));
        try (MlflowTopic topic = topic(Optional.empty())) {
            topic.send(new RunEvent("r", 1, "run_started", "{\"at_millis\": 1000}"))
                    .join();
        }
        assertThat(calls).noneMatch(c -> c.startsWith("runs/create") || c.contains("mlflow-artifacts"));
        assertThat(last("runs/set-tag").toString()).contains("foothold.changed.updates", "\"3\"", "old");
        assertThat(String.join("", calls)).doesNotContain("{\"key\":\"seed\"").doesNotContain("\"key\":\"updates\"");
        assertThat(last("runs/search").path("filter").asText())
                .isEqualTo("tags.`foothold.run` = 'r' and tags.`foothold.begun_millis` = '1000'");
    }

    @Test
    void numbersGoUnderNamesThatItTakes() throws Exception {
        Path samples = directory.resolve("r/completions/evaluation-000002-held out.jsonl");
        Files.createDirectories(samples.getParent());
        Files.writeString(samples, "{}");
        try (MlflowTopic topic = topic(Optional.empty())) {
            topic.send(new RunEvent(
                            "r",
                            2,
                            "update_done",
                            "{\"update\": 2, \"digest\": \"d\", \"kl\": \"NaN\", \"reward_mean\": 0.5, \"lengths\": [1],"
                                    + " \"by\": {\"a\": 1}, \"at_millis\": 2000}"))
                    .join();
            assertThat(last("runs/log-batch").path("metrics").toString())
                    .isEqualTo("[{\"key\":\"kl\",\"value\":\"NaN\",\"timestamp\":2000,\"step\":2},"
                            + "{\"key\":\"reward_mean\",\"value\":0.5,\"timestamp\":2000,\"step\":2}]");
            topic.send(new RunEvent(
                            "r",
                            3,
                            "evaluation_done",
                            "{\"update\": 2, \"set\": \"held out\", \"pass@1\": 0.25, \"oracle\": {\"log_prob\": -3},"
                                    + " \"at_millis\": 2001}"))
                    .join();
            assertThat(last("runs/log-batch").path("metrics").toString())
                    .contains("\"evaluation/held out/pass_at_1\",\"value\":0.25", "held out/oracle/log_prob");
            topic.send(new RunEvent(
                            "r", 4, "run_ended", "{\"state\": \"failed\", \"reason\": \"x\", \"at_millis\": 3}"))
                    .join();
        }
        assertThat(calls).anyMatch(c -> c.contains("/artifacts/completions/evaluation-000002-held%20out.jsonl"));
        assertThat(last("runs/update").toString()).contains("FAILED").contains("\"end_time\":3");
        assertThat(last("runs/set-tag").toString()).contains("foothold.reason");
    }

    /** The run was deleted there: what it refuses is passed over, the next event makes the run again. */
    @Test
    void whatItRefusesHoldsNothingUp() throws Exception {
        RunEvent event = new RunEvent("r", 2, "update_done", "{\"update\": 1, \"reward_mean\": 1, \"at_millis\": 5}");
        try (MlflowTopic topic = topic(Optional.empty())) {
            answers.put(
                    "runs/log-batch",
                    new Answer(400, "{\"error_code\": \"INVALID_PARAMETER_VALUE\", \"message\": \"not active\"}"));
            topic.send(event).join();
            answers.remove("runs/log-batch");
            calls.clear();
            topic.send(event).join();
        }
        assertThat(calls).anyMatch(c -> c.startsWith("runs/create")).anyMatch(c -> c.startsWith("runs/log-batch"));
    }

    @Test
    void anAnswerThatIsNoneIsWaitedFor() {
        RunEvent event = new RunEvent("r", 2, "update_done", "{\"update\": 1, \"reward_mean\": 1, \"at_millis\": 5}");
        for (Answer bad : List.of(
                new Answer(404, "<html>no page</html>"),
                new Answer(200, "<html>welcome</html>"),
                new Answer(429, "{\"error_code\": \"REQUEST_LIMIT_EXCEEDED\", \"message\": \"slow\"}"),
                new Answer(302, ""),
                new Answer(503, "busy"))) {
            answers.put("experiments/get-by-name", bad);
            FootholdException failure = failure(event);
            assertThat(failure.code()).as(bad.body()).isEqualTo(ErrorCode.PEER_UNAVAILABLE);
            assertThat(failure.text()).contains("foothold.events.mlflow.uri");
        }
        answers.put(
                "experiments/get-by-name",
                new Answer(200, "{\"experiment\": {\"experiment_id\": \"7\", \"lifecycle_stage\": \"deleted\"}}"));
        assertThat(failure(event).text())
                .contains("foothold.events.mlflow.experiment")
                .contains("deleted");
        server.stop(0);
        assertThat(failure(event).code()).isEqualTo(ErrorCode.PEER_UNAVAILABLE);
    }

    @Test
    void aSecretIsSentAndNeverTold() throws Exception {
        Path secret = directory.resolve("secret");
        Files.writeString(secret, "me:hunter2\n");
        answers.put("experiments/get-by-name", new Answer(401, "who are you"));
        MlflowSettings settings = MlflowSettings.of("http://127.0.0.1:1", "e", Optional.of(secret));
        assertThat(settings.authorization()).contains("Basic bWU6aHVudGVyMg==");
        assertThat(settings.toString()).doesNotContain("bWU6").doesNotContain("hunter2");
        FootholdException failure =
                failure(new RunEvent("r", 2, "update_done", "{\"update\": 1, \"reward_mean\": 1, \"at_millis\": 5}"));
        assertThat(failure.text())
                .contains("foothold.events.mlflow.secret-file")
                .contains("401");
    }

    @Test
    void wrongSettingsAreNamed() throws Exception {
        assertThatThrownBy(() -> MlflowSettings.of("sqlite:///x.db", "e", Optional.empty()))
                .hasMessageContaining("foothold.events.mlflow.uri is 'sqlite:///x.db'");
        assertThatThrownBy(() -> MlflowSettings.of("mlflow.test:5000", "e", Optional.empty()))
                .hasMessageContaining("http://HOST:PORT");
        assertThatThrownBy(() -> MlflowSettings.of("http://me:secret@host", "e", Optional.empty()))
                .hasMessageContaining("foothold.events.mlflow.secret-file")
                .hasMessageNotContaining("secret@");
        assertThatThrownBy(() -> MlflowSettings.of("http://host", " ", Optional.empty()))
                .hasMessageContaining("foothold.events.mlflow.experiment");
        Path empty = directory.resolve("empty");
        Files.writeString(empty, "\n");
        assertThatThrownBy(() -> MlflowSettings.of("http://host", "e", Optional.of(empty)))
                .hasMessageContaining("foothold.events.mlflow.secret-file");
        assertThatThrownBy(() -> MlflowSettings.of("http://host", "e", Optional.of(directory.resolve("none"))))
                .hasMessageContaining("cannot be read");
    }
}
