package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Checkpoints that transformers saved, against the log-probs that it computed in float64; {@code hf/make.py} makes both. */
class HuggingFaceParityTest {
    @TempDir
    Path directory;

    private static Path checkpoint(String name) {
        return Path.of(System.getProperty("foothold.root"), "services/policy/src/test/resources/hf", name);
    }

    @ParameterizedTest
    @CsvSource({
        "qwen3-tied-sharded, EXACT",
        "qwen3-tied-sharded, FAST",
        "qwen2-bias-bf16, EXACT",
        "qwen2-bias-bf16, FAST",
        "llama-untied-fp16, EXACT",
        "llama-untied-fp16, FAST",
        "llama3-scaled, EXACT",
        "llama3-scaled, FAST",
        "llama3-scaled-old-spelling, EXACT",
        "qwen2-old-spelling, FAST"
    })
    void learnerAndSamplerGiveTheLogProbsOfTransformers(String name, Precision precision) throws IOException {
        JsonNode expected = new ObjectMapper()
                .readTree(checkpoint(name).resolve("expected.json").toFile());
        int[] ids = new ObjectMapper().convertValue(expected.path("ids"), int[].class);
        double[] logProbs = new ObjectMapper().convertValue(expected.path("log_probs"), double[].class);
        PolicyDirectory policy = PolicyDirectory.open(checkpoint(name));
        assertThat(policy.config().endTokens()).containsExactlyInAnyOrder(1, 5);
        int[] prompt = Arrays.copyOf(ids, 1);
        int[] response = Arrays.copyOfRange(ids, 1, ids.length);
        NativeRuntime.enterThread();
        try (Trainer trainer = new Trainer(policy.weights(), 4096, precision)) {
            float[] learner = trainer.score(
                            List.of(new Trainer.Sequence(prompt, new int[0], response, new float[response.length])), 1)
                    .get(0)
                    .logProbs();
            close(learner, logProbs);
        }
        int given = expected.path("prompt").asInt();
        int[] greedy = new ObjectMapper().convertValue(expected.path("greedy"), int[].class);
        assertThat(new Scorer(policy.weights(), precision)
                        .greedy(List.of(Arrays.copyOf(ids, given), Arrays.copyOf(ids, given)), greedy.length))
                .as("greedy tokens of generate(), end tokens masked")
                .containsExactly(greedy, greedy);
        // The sampler: all but the last token given, one at a time, so that each next token's probability is its own.
        try (GenerationEngine engine = new GenerationEngine(
                policy.weights(), 0, null, new GenerationEngine.Settings(8, ids.length + 1, 4, true, precision))) {
            for (int position : new int[] {0, 1, 13, response.length - 1}) {
                float sampled = sampled(engine, prompt, Arrays.copyOf(response, position), response[position]);
                assertThat((double) sampled).as("position %d", position).isEqualTo(logProbs[position], within(1e-5));
            }
        }
    }

    /** Draws with one seed after another until the token comes up, and gives the log-prob that the engine reports for it. */
    private static float sampled(GenerationEngine engine, int[] prompt, int[] given, int token) {
        float[] found = {Float.NaN};
        for (int seed = 0; seed < 200_000 && Float.isNaN(found[0]); seed += 64) {
            for (int i = 0; i < 64; i++) {
                engine.submit(
                        new GenerationRequest(
                                "s" + seed + "-" + i,
                                prompt,
                                given,
                                1,
                                1.0,
                                1.0,
                                0,
                                seed + i,
                                GenerationRequest.Ends.IGNORE,
                                List.of(),
                                List.of()),
                        new GenerationRequest.Listener() {
                            @Override
                            public void tokens(int[] tokens, float[] logProbs, long version) {
                                if (tokens[0] == token) {
                                    found[0] = logProbs[0];
                                }
                            }

                            @Override
                            public void ended(GenerationRequest.End end, int stopIndex) {
                                // The token is all that counts.
                            }
                        });
            }
            while (engine.step()) {
                // Until all have their token.
            }
        }
        return found[0];
    }

    private static void close(float[] actual, double[] expected) {
        assertThat(actual).hasSize(expected.length);
        for (int i = 0; i < actual.length; i++) {
            assertThat((double) actual[i]).as("position %d", i).isEqualTo(expected[i], within(1e-5));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "qwen3-tied-sharded",
        "qwen2-bias-bf16",
        "llama-untied-fp16",
        "llama3-scaled",
        "llama3-scaled-old-spelling",
        "qwen2-old-spelling"
    })
    void whatIsReadIsWrittenAgainWithTheSameWeights(String name) throws IOException {
        PolicyDirectory policy = PolicyDirectory.open(checkpoint(name));
        PolicyDirectory.write(directory, policy.weights(), "{}");
        assertThat(Files.size(directory.resolve("model.safetensors"))).isPositive();
        PolicyWeights again = PolicyDirectory.open(directory).weights();
        assertThat(again.digest()).isEqualTo(policy.weights().digest());
        assertThat(again.config()).isEqualTo(policy.weights().config());
    }
}
