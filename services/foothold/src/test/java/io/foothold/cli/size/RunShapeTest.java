package io.foothold.cli.size;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.CausalModel;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run's processes are set up with when its user chooses nothing. */
class RunShapeTest {
    private static final Path DIAL = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");
    private static final String PROMPT = "<|solve|>{problem}<|assistant|>";

    @TempDir
    Path directory;

    private Path policy = DIAL;
    private long available = Long.MAX_VALUE;
    private int threads;

    /** The dial's tokenizer and a config that says more positions, and if asked a larger model. */
    private void policy(int layers, int width, int positions) throws IOException {
        policy = Files.createDirectories(directory.resolve("policy"));
        for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
            if (Files.exists(DIAL.resolve(name))) {
                Files.copy(DIAL.resolve(name), policy.resolve(name), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        ObjectNode config = (ObjectNode) new ObjectMapper().readTree(Files.readString(DIAL.resolve("config.json")));
        if (width > 0) {
            config.put("hidden_size", width).put("intermediate_size", 4 * width).put("num_hidden_layers", layers);
            config.put("num_attention_heads", width / 64)
                    .put("num_key_value_heads", width / 64)
                    .put("head_dim", 64);
        }
        config.put("max_position_embeddings", positions);
        Files.writeString(policy.resolve("config.json"), config.toString());
    }

    @BeforeEach
    void smallPolicyWithRoom() throws IOException {
        policy(0, 0, 4096);
    }

    private RunShape shape(String more, @Nullable Boolean deterministic, int slots, int length, String... settings) {
        RunFile file = RunFile.resolve(
                "run.yaml", """
                method: grpo-dial
                policy: {base: %s}
                problems:
                  train: {jsonl: %s, segmenter: line}
                  evaluate:
                    test: {family: dial, level: easy, count: 2, seed: 3, split: test}
                prompts: {root: "%s"%s}
                sampling: {max_tokens: 100}
                """.formatted(policy, directory.resolve("train.jsonl"), PROMPT, more), List.of(settings));
        return RunShape.of(
                file,
                CausalModel.open(policy),
                false,
                new Inference(),
                deterministic,
                slots,
                length,
                threads,
                () -> available);
    }

    private void problems(String... lines) throws IOException {
        Files.write(directory.resolve("train.jsonl"), List.of(lines));
    }

    private static String problem(int digits, String more) {
        return "{\"problem\": \"%s\", \"answer\": \"5\", \"kind\": \"numeric\"%s}".formatted(" 7".repeat(digits), more);
    }

    private int tokens(String text) {
        try (var tokenizer = PolicyDirectory.open(policy).tokenizer()) {
            return tokenizer.encode(text).length;
        }
    }

    @Test
    void theLongestPromptAndItsAnswerDecideTheLength() throws IOException {
        problems(problem(3, ""), problem(90, ""), problem(20, ""));
        int prompt = tokens(PROMPT.replace("{problem}", " 7".repeat(90)));
        assertThat(shape("", null, 0, 0).engine().orElseThrow().maxLength()).isEqualTo(prompt + 100);
        assertThat(shape("", null, 0, 0, "sampling.max_tokens=700")
                        .engine()
                        .orElseThrow()
                        .maxLength())
                .isEqualTo(prompt + 700);
        assertThat(shape("", null, 0, 0, "sampling.max_tokens=5000")
                        .engine()
                        .orElseThrow()
                        .maxLength())
                .as("no longer than the model's positions")
                .isEqualTo(4096);
        assertThat(shape("", null, 0, 150).engine().orElseThrow().maxLength())
                .as("chosen")
                .isEqualTo(150);
    }

    @Test
    void aProblemsOwnLimitCountsWhereItIsTheSmaller() throws IOException {
        problems(problem(90, ", \"max_tokens\": 40"));
        int prompt = tokens(PROMPT.replace("{problem}", " 7".repeat(90)));
        assertThat(shape("", null, 0, 0).engine().orElseThrow().maxLength()).isEqualTo(prompt + 40);
        assertThat(shape("", null, 0, 0, "sampling.max_tokens=0")
                        .engine()
                        .orElseThrow()
                        .maxLength())
                .isEqualTo(prompt + 40);
    }

    @Test
    void guidedPromptsCountWithTheLongestPrefix() throws IOException {
        String thought = " 1".repeat(60);
        problems(problem(4, ", \"thoughts\": [\"%s\", \"%s\", \"%s\", \" 5\"]".formatted(thought, thought, thought)));
        int root = shape("", null, 0, 0).engine().orElseThrow().maxLength();
        String guided = ", guided: \"<|continue|>{problem}{prefix}<|assistant|>\"";
        assertThat(shape(guided, null, 0, 0).engine().orElseThrow().maxLength())
                .as("a template that the mixture does not use")
                .isEqualTo(root);
        assertThat(shape(guided, null, 0, 0, "mixture.guided=1")
                        .engine()
                        .orElseThrow()
                        .maxLength())
                .isGreaterThanOrEqualTo(tokens("<|continue|> 7 7 7 7" + thought.repeat(2) + "<|assistant|>") + 100);
    }

    @Test
    void revisionsAndSelfLocalizersShowTheAnswerAgain() throws IOException {
        problems(problem(30, ""));
        int root = shape("", null, 0, 0).engine().orElseThrow().maxLength();
        assertThat(shape("", null, 0, 0, "revision.prompt={problem} {response} better")
                        .engine()
                        .orElseThrow()
                        .maxLength())
                .isGreaterThanOrEqualTo(root + 200);
        assertThat(shape(
                                ", thought_delimiter: \";\"",
                                null,
                                0,
                                0,
                                "resets.share=1",
                                "resets.localizer=self",
                                "localizer.max_tokens=300")
                        .engine()
                        .orElseThrow()
                        .maxLength())
                .isGreaterThanOrEqualTo(root + 400);
    }

    @Test
    void aSmallModelIsExactAndDeterministicAndALargeOneFast() throws IOException {
        problems(problem(3, ""));
        RunShape small = shape("", null, 0, 0);
        assertThat(small.precision()).isEqualTo(Precision.EXACT);
        assertThat(small.deterministic()).isTrue();
        assertThat(small.difference()).isEqualTo(1e-5);
        assertThat(small.microBatchTokens()).isEqualTo(8192);
        assertThat(small.engine()).as("96 rollouts an update").contains(new EngineSize(112, 96));
        assertThat(small.slotsWhy()).isEqualTo("the rollouts of an update");
        assertThat(shape("", null, 0, 0, "evaluation.samples=60")
                        .engine()
                        .orElseThrow()
                        .slots())
                .as("2 problems, 60 samples each")
                .isEqualTo(120);
        assertThat(shape("", null, 0, 0, "staleness=3", "loss.ratio=token")
                        .engine()
                        .orElseThrow()
                        .slots())
                .as("four updates under way, 128 at most")
                .isEqualTo(128);
        assertThat(small.told()).contains("exact precision", " deterministic", "1.0E-5");

        policy(30, 576, 4096);
        RunShape large = shape("", null, 0, 0);
        assertThat(large.model().parameters()).isGreaterThan(10_000_000);
        assertThat(large.precision()).isEqualTo(Precision.FAST);
        assertThat(large.deterministic()).isFalse();
        assertThat(large.difference()).isEqualTo(1e-2);
        assertThat(large.microBatchTokens()).isBetween(256, 4096);
        assertThat(large.told()).contains("fast precision", "not deterministic", "0.01");

        RunShape corrected = shape("", null, 0, 0, "loss.mismatch.rule=truncate");
        assertThat(corrected.difference()).isInfinite();
        assertThat(corrected.told()).contains("corrected by loss.mismatch");
        assertThat(shape("", null, 0, 0, "loss.mismatch.rule=truncate", "precision=exact")
                        .difference())
                .as("the hard bound of exact mode")
                .isEqualTo(1e-5);
    }

    @Test
    void whatIsChosenWins() throws IOException {
        problems(problem(3, ""));
        RunShape chosen = shape(
                "",
                false,
                24,
                200,
                "precision=fast",
                "max_log_prob_difference=0.5",
                "optimizer.micro_batch_tokens=1000");
        assertThat(chosen.precision()).isEqualTo(Precision.FAST);
        assertThat(chosen.deterministic()).isFalse();
        assertThat(chosen.difference()).isEqualTo(.5);
        assertThat(chosen.microBatchTokens()).isEqualTo(1000);
        assertThat(chosen.engine()).contains(new EngineSize(200, 24));
        policy(30, 576, 4096);
        assertThat(shape("", true, 0, 0, "precision=exact").serverSettings(policy))
                .containsEntry("foothold.policy-server.precision", "exact")
                .containsEntry("foothold.policy-server.deterministic", "true");
    }

    @Test
    void longSequencesGetFewerSlots() throws IOException {
        policy(30, 576, 32_768);
        problems(problem(3, ""));
        RunShape shape = shape("", null, 0, 0, "sampling.max_tokens=8000");
        assertThat(shape.engine().orElseThrow().slots()).isEqualTo(8);
        assertThat(shape.engine()
                        .orElseThrow()
                        .cacheBytes(shape.model().embedded().orElseThrow(), shape.precision()))
                .isEqualTo(2L * 30 * 9 * 64 * 4 * (shape.engine().orElseThrow().maxLength() + 4) * 8);
    }

    @Test
    void aSmallMachineGetsFewerSlotsAndASmallerMicroBatchAndIsToldWhy() throws IOException {
        policy(30, 576, 4096);
        problems(problem(3, ""));
        RunShape roomy = shape("", null, 0, 0);
        assertThat(roomy.overrides()).isEmpty();
        assertThat(roomy.slotsWhy()).isEqualTo("1 GiB of keys and values");
        available = 2L << 30;
        RunShape tight = shape("", null, 0, 0);
        assertThat(tight.engine().orElseThrow().slots())
                .isLessThan(roomy.engine().orElseThrow().slots());
        assertThat(tight.told())
                .contains("0.3 GiB of keys and values, an eighth of the memory available")
                .contains("micro-batches of 256 tokens (an eighth of the memory available)");
        assertThat(tight.overrides())
                .as("written into the run: it is resumed with the same")
                .containsExactly("optimizer.micro_batch_tokens=256");
        assertThat(shape("", null, 0, 0, "optimizer.micro_batch_tokens=300").overrides())
                .as("chosen")
                .isEmpty();
    }

    @Test
    void threadsOfAnOperationAreThoseThatWereChosen() throws IOException {
        problems(problem(3, ""));
        assertThat(shape("", null, 0, 0).threads()).isEqualTo(1);
        threads = 3;
        RunShape chosen = shape("", false, 0, 0);
        assertThat(chosen.told()).endsWith("; 3 threads an operation");
        assertThat(chosen.serverSettings(policy)).containsEntry("ai.djl.pytorch.num_threads", "3");
        assertThatThrownBy(() -> shape("", true, 0, 0))
                .hasMessageContaining("--threads 3: the deterministic mode has one");
    }
}
