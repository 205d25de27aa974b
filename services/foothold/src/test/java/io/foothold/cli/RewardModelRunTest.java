package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.cli.process.RunInputs;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.triton.RewardModelServer;
import io.foothold.orchestrator.ledger.Ledger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that a reward model judges, whose server the test stands in for. */
class RewardModelRunTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private static final String YAML = """
            method: grpo-dial
            seed: 4
            updates: 3
            policy: {base: %s}
            problems:
              train: {family: dial, level: medium, count: 4, seed: 3}
              evaluate:
                test: {family: dial, level: medium, count: 2, seed: 3, split: test}
            prompts: {root: "<|solve|>{problem}<|assistant|>"}
            sampling: {groups_per_update: 2, rollouts_per_group: 4, max_tokens: 8}
            evaluation: {every: 100, samples: 2}
            reward: score
            """;

    private static final String ALONE = """
            verification:
              pass_score: 0.5
              reward_model: {server: "%s", model: length, scale: range, low: -64, high: 0}
            """;

    private static final String SEVERAL = """
            verification:
              rewards:
                - {name: right}
                - {name: short, weight: 0.25, reward_model: {server: "%s", model: length, scale: range, low: -64, high: 0}}
            """;

    @TempDir
    Path directory;

    private RewardModelServer server;
    private int asked;

    @BeforeEach
    void begin() throws IOException {
        server = new RewardModelServer();
        server.scoring = responses -> {
            float[] out = new float[responses.size()];
            for (int i = 0; i < out.length; i++) {
                out[i] = -sum(responses.get(i).getOrDefault("response", ""));
            }
            return RewardModelServer.column(out);
        };
    }

    @AfterEach
    void end() {
        server.close();
    }

    private String yaml(String more) {
        return YAML.formatted(Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial"))
                + more.formatted(server.address());
    }

    private static int sum(String response) {
        return response.chars().sum() % 61;
    }

    private static double score(String response) {
        return (64.0 - sum(response)) / 64;
    }

    private static List<String> completions(Stack stack, int update) throws IOException {
        return Files.readAllLines(
                stack.runs.homeOf("r").resolve("completions").resolve("update-00000%d.jsonl".formatted(update)));
    }

    /** The server dies while an update is sampled, and comes back: what it was asked about is asked again. */
    @Test
    void itsNumbersAreTheScoresOfAWholeRunWhateverBecomesOfItsServer() throws Exception {
        try (Stack stack = new Stack(directory.resolve("home"))) {
            AtomicBoolean died = new AtomicBoolean();
            stack.onEvent = event -> {
                if (event.kind().equals("update_done") && died.compareAndSet(false, true)) {
                    Thread.ofVirtual().start(() -> {
                        try {
                            server.die();
                            TimeUnit.MILLISECONDS.sleep(900);
                            server.begin();
                        } catch (InterruptedException | IOException e) {
                            throw new AssertionError(e);
                        }
                    });
                }
            };
            stack.runs.create("r", yaml(ALONE), List.of());
            Ledger.RunRow row = stack.runs.end("r").get(60, TimeUnit.SECONDS);
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(died).isTrue();
            for (int update = 1; update <= 3; update++) {
                List<String> lines = completions(stack, update);
                assertThat(lines).hasSize(8);
                for (String text : lines) {
                    JsonNode line = MAPPER.readTree(text);
                    String response = line.path("response").asText().replaceAll("<\\|[^|]*\\|>$", "");
                    assertThat(line.path("score").asDouble(-1)).as(text).isEqualTo(score(response));
                    assertThat(line.path("reward").asDouble(-1)).isEqualTo(score(response));
                    assertThat(line.path("verdict").asText()).isEqualTo(score(response) >= .5 ? "PASS" : "FAIL");
                    assertThat(line.path("rule").asText()).startsWith("reward model length at grpc://127.0.0.1:");
                }
            }
            assertThat(stack.events).noneMatch(e -> e.kind().equals("no_verdict"));
            assertThat(stack.events).anySatisfy(e -> assertThat(e.toString())
                    .contains("reward_model_found", "gives score FP32, 16 responses a call"));
            assertThat(stack.ledger.audit("r").sound()).isTrue();
        }
    }

    @Test
    void besideTheVerdictItIsWeighedAndToldApartAndAfterAResumeToo() throws Exception {
        try (Stack stack = new Stack(directory.resolve("home"))) {
            AtomicBoolean ended = new AtomicBoolean();
            stack.onEvent = event -> {
                if (event.kind().equals("update_done") && ended.compareAndSet(false, true)) {
                    stack.runs.abort("r", new FootholdException(ErrorCode.PEER_UNAVAILABLE, "as the test wants"));
                }
            };
            stack.runs.create("r", yaml(SEVERAL), List.of());
            assertThat(stack.runs.end("r").get(60, TimeUnit.SECONDS).reason()).isEqualTo("as the test wants");
            stack.runs.resume("r");
            Ledger.RunRow row = stack.runs.end("r").get(60, TimeUnit.SECONDS);
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(stack.ledger.audit("r").sound()).isTrue();
            List<String> lines = new ArrayList<>();
            for (int update = 1; update <= 3; update++) {
                lines.addAll(completions(stack, update));
            }
            assertThat(lines).hasSize(24);
            for (String text : lines) {
                JsonNode line = MAPPER.readTree(text);
                String response = line.path("response").asText().replaceAll("<\\|[^|]*\\|>$", "");
                double right = line.path("rewards").path("right").asDouble(-1);
                assertThat(line.path("rewards").path("short").asDouble(-1)).isEqualTo(score(response));
                assertThat(right).isEqualTo(line.path("score").asDouble());
                assertThat(line.path("reward").asDouble()).isEqualTo(right + .25 * score(response));
            }
            assertThat(stack.events).anySatisfy(e -> assertThat(e.toString()).contains("update_done", "reward/short"));
        }
    }

    @Test
    void whatItCannotScoreIsSampledAgainAndNoZero() throws Exception {
        server.scoring = responses -> {
            float[] out = new float[responses.size()];
            for (int i = 0; i < out.length; i++) {
                String response = responses.get(i).getOrDefault("response", "");
                out[i] = ++asked % 9 == 5 ? Float.NaN : -sum(response);
            }
            return RewardModelServer.column(out);
        };
        try (Stack stack = new Stack(directory.resolve("home"))) {
            stack.runs.create("r", yaml(ALONE), List.of("alarms.max_verifier_error_share=0.9"));
            Ledger.RunRow row = stack.runs.end("r").get(60, TimeUnit.SECONDS);
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(stack.events)
                    .anySatisfy(e -> assertThat(e.toString()).contains("no_verdict", "gave NaN, which is no score"));
            for (String text : completions(stack, 1)) {
                assertThat(MAPPER.readTree(text).path("verdict").asText()).isIn("PASS", "FAIL");
            }
        }
    }

    @Test
    void aModelThatIsNotThereIsFoundBeforeAnythingIsSampled() throws Exception {
        String wrong = yaml(ALONE).replace("model: length", "model: lenght");
        RunInputs inputs = RunInputs.read("run.yaml", wrong, List.of());
        assertThatThrownBy(inputs::check)
                .isInstanceOf(FootholdException.class)
                .hasMessageContaining("run.yaml:15: 'verification.reward_model.server': reward model lenght at")
                .hasMessageContaining("the server has no such model (did you mean 'length'?)");
        RunInputs.read("run.yaml", yaml(ALONE), List.of()).check();
        try (Stack stack = new Stack(directory.resolve("home"))) {
            stack.runs.create("r", wrong, List.of());
            Ledger.RunRow row = stack.runs.end("r").get(60, TimeUnit.SECONDS);
            assertThat(row.state()).isEqualTo("failed");
            assertThat(row.reason())
                    .contains("verification.reward_model.server")
                    .contains("did you mean 'length'?");
            assertThat(server.calls).isEmpty();
        }
    }
}
