package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import io.foothold.contracts.digest.TextDigest;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.runfile.RunFile;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that a model judges, which the test stands in for. */
class JudgeRunTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir
    Path directory;

    private final AtomicInteger calls = new AtomicInteger();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private HttpServer server;

    private static final String YAML = """
            method: grpo-dial
            seed: 4
            updates: 2
            policy: {base: %s}
            problems:
              train: {family: dial, level: medium, count: 4, seed: 3}
              evaluate:
                test: {family: dial, level: medium, count: 2, seed: 3, split: test}
            prompts: {root: "<|solve|>{problem}<|assistant|>"}
            sampling: {groups_per_update: 2, rollouts_per_group: 4, max_tokens: 8}
            evaluation: {every: 100, samples: 2}
            reward: score
            verification:
              pass_score: 0.5
              judge: {url: "http://127.0.0.1:%d/v1", model: m, prompt: "<{response}> for <{answer}>"}
            """;

    /** Marks a response by its characters; one in eleven calls answers nothing that can be read. */
    @BeforeEach
    void begin() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/v1/chat/completions", exchange -> {
            String question = MAPPER.readTree(exchange.getRequestBody().readAllBytes())
                    .path("messages")
                    .path(0)
                    .path("content")
                    .asText();
            String response = question.substring(1, question.lastIndexOf("> for <"));
            var body = MAPPER.createObjectNode();
            body.putArray("choices")
                    .addObject()
                    .putObject("message")
                    .put("content", calls.incrementAndGet() % 11 == 5 ? "hm" : "Score: " + mark(response));
            byte[] bytes = body.toString().getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, bytes.length);
            exchange.getResponseBody().write(bytes);
            exchange.close();
        });
        server.start();
    }

    @AfterEach
    void end() {
        server.stop(0);
        threads.shutdownNow();
    }

    private static int mark(String response) {
        return response.chars().sum() % 11;
    }

    private String yaml() {
        return YAML.formatted(
                Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial"),
                server.getAddress().getPort());
    }

    @Test
    void itsMarksAreTheScoresAndWhatHasNoneIsNoZero() throws Exception {
        try (Stack stack = new Stack(directory.resolve("home"))) {
            stack.runs.create("r", yaml(), List.of("alarms.max_verifier_error_share=0.9"));
            Ledger.RunRow row = stack.runs.end("r").get(60, TimeUnit.SECONDS);
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            List<String> lines = Files.readAllLines(
                    stack.runs.homeOf("r").resolve("completions").resolve("update-000001.jsonl"));
            assertThat(lines).hasSize(8);
            for (String text : lines) {
                JsonNode line = MAPPER.readTree(text);
                double score = mark(line.path("response").asText()) / 10.0;
                assertThat(line.path("score").asDouble(-1)).isEqualTo(score);
                assertThat(line.path("reward").asDouble(-1)).isEqualTo(score);
                assertThat(line.path("verdict").asText()).isEqualTo(score >= .5 ? "PASS" : "FAIL");
                assertThat(line.path("rule").asText()).startsWith("judge m at http://127.0.0.1:");
            }
            assertThat(stack.events).anySatisfy(e -> assertThat(e.json())
                    .contains("\"model\":\"m\"")
                    .contains(TextDigest.sha256("<{response}> for <{answer}>")));
            assertThat(stack.ledger.audit("r").sound()).isTrue();
        }
    }

    private void resume(Stack stack, int budget) {
        stack.runs.move(
                "r",
                RunFile.resolve(
                        "run.yaml",
                        yaml(),
                        List.of("verification.judge_budget=" + budget, "alarms.max_verifier_error_share=0.9")));
        stack.runs.resume("r");
    }

    @Test
    void behindItsBudgetARunEndsAndSaysSo() throws Exception {
        try (Stack stack = new Stack(directory.resolve("home"))) {
            stack.runs.create(
                    "r", yaml(), List.of("verification.judge_budget=9", "alarms.max_verifier_error_share=0.9"));
            Ledger.RunRow row = stack.runs.end("r").get(60, TimeUnit.SECONDS);
            assertThat(row.state()).isEqualTo("failed");
            assertThat(row.reason())
                    .contains(
                            "verification.judge_budget: the run's judges and reward models were asked about 9 responses")
                    .contains("resume it with a larger budget");
            int before = calls.get();
            assertThat(before).isLessThanOrEqualTo(9);
            resume(stack, 13);
            row = stack.runs.end("r").get(60, TimeUnit.SECONDS);
            assertThat(row.reason()).as("what was asked before counts").contains("asked about 13 responses");
            assertThat(calls.get() - before).isLessThanOrEqualTo(4);
            resume(stack, 500);
            row = stack.runs.end("r").get(60, TimeUnit.SECONDS);
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(stack.ledger.audit("r").sound()).isTrue();
        }
    }
}
