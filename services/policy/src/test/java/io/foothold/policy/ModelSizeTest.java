package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How large models are that the embedded transformer knows, and those that it does not. */
class ModelSizeTest {
    private static final ModelConfig KNOWN =
            ModelConfig.qwen3(38, 32, 64, 2, 4, 2, 8, 64).endingWith(List.of(1));
    private static final String NEOX = "\"architectures\": [\"GPTNeoXForCausalLM\"], \"model_type\": \"gpt_neox\"";

    @TempDir
    Path directory;

    private void config(String json) throws IOException {
        Files.writeString(directory.resolve("config.json"), json);
    }

    /** A file with tensors of zeros; each is its name, dtype, width of a number and shape. */
    private void weights(String file, Object[]... tensors) throws IOException {
        StringBuilder header = new StringBuilder("{");
        long at = 0;
        for (Object[] t : tensors) {
            long bytes = (int) t[2];
            for (Object s : (List<?>) t[3]) {
                bytes *= (int) s;
            }
            header.append(header.length() > 1 ? "," : "")
                    .append("\"%s\": {\"dtype\": \"%s\", \"shape\": %s, \"data_offsets\": [%d, %d]}"
                            .formatted(t[0], t[1], t[3], at, at + bytes));
            at += bytes;
        }
        byte[] text = header.append("}").toString().getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(text.length)
                .array());
        out.writeBytes(text);
        out.writeBytes(new byte[(int) at]);
        Files.write(directory.resolve(file), out.toByteArray());
    }

    private static Object[] tensor(String name, String dtype, int width, Integer... shape) {
        return new Object[] {name, dtype, width, List.of(shape)};
    }

    private static Object[][] neox() {
        return new Object[][] {
            tensor("gpt_neox.embed_in.weight", "F32", 4, 50, 8),
            tensor("gpt_neox.layers.0.attention.query_key_value.weight", "BF16", 2, 24, 8),
            tensor("gpt_neox.layers.0.attention.query_key_value.bias", "BF16", 2, 24),
            tensor("gpt_neox.layers.0.attention.bias", "BOOL", 1, 1, 1, 4, 4),
            tensor("gpt_neox.layers.0.mlp.dense_h_to_4h.weight", "F16", 2, 32, 8),
            tensor("embed_out.weight", "F32", 4, 50, 8)
        };
    }

    @Test
    void aFamilyOfTheEmbeddedTransformerFollowsFromItsConfigAlone() throws IOException {
        config(KNOWN.toJson());
        ModelSize size = ModelSize.read(directory);
        assertThat(size).isEqualTo(ModelSize.of(KNOWN));
        assertThat(size.torchOnly()).isFalse();
        assertThat(size.architecture()).isEqualTo("Qwen3ForCausalLM");
        assertThat(size.parameters()).isEqualTo(KNOWN.parameters());
        assertThat(size.maxPositions()).isEqualTo(64);
        assertThat(size.bytesPerToken()).isEqualTo(TrainingSize.bytesPerToken(KNOWN));
        assertThat(size.microBatchTokens()).isEqualTo(TrainingSize.microBatchTokens(KNOWN));
        Lora lora = new Lora(3, 3, List.of("q_proj", "down_proj"));
        assertThat(size.parameters(lora)).isEqualTo(lora.parameters(KNOWN));
        assertThat(size.matrices().stream()
                        .filter(m -> lora.targets().contains(m.module()))
                        .mapToLong(m -> 3 * (m.rows() + m.columns()))
                        .sum())
                .as("as it is estimated for others")
                .isEqualTo(lora.parameters(KNOWN));
    }

    @Test
    void anotherFamilyIsCountedByTheHeadersOfItsWeights() throws IOException {
        config("{" + NEOX + ", \"vocab_size\": 50, \"max_position_embeddings\": 128}");
        weights("model.safetensors", neox());
        ModelSize size = ModelSize.read(directory);
        assertThat(size.torchOnly()).isTrue();
        assertThat(size.architecture()).isEqualTo("GPTNeoXForCausalLM");
        assertThat(size.parameters()).as("numbers, no masks").isEqualTo(2 * 50 * 8 + 24 * 8 + 24 + 32 * 8);
        assertThat(size.vocabulary()).isEqualTo(50);
        assertThat(size.maxPositions()).isEqualTo(128);
        assertThat(size.matrices())
                .containsExactly(
                        new ModelSize.Matrix("query_key_value", 24, 8), new ModelSize.Matrix("dense_h_to_4h", 32, 8));
        assertThat(size.bytesPerToken()).isEqualTo(4 * (32 + 40) + 4 * 4 * 50);
        assertThat(size.parameters(new Lora(2, 2, List.of()))).as("all layers").isEqualTo(2 * (32 + 40));
        assertThat(size.parameters(new Lora(2, 2, List.of("query_key_value")))).isEqualTo(2 * 32);
        assertThat(size.learnerBytes(Optional.empty())).isEqualTo(4 * 4 * size.parameters());
        assertThat(size.learnerBytes(Optional.of(new Lora(2, 2, List.of()))))
                .isEqualTo(4 * size.parameters() + 4 * 4 * 144);
        assertThat(size.standardPrecision()).isEqualTo(Precision.FAST);
    }

    @Test
    void expertsInOneTensorCountOnceForATokenAndAllForTheParameters() throws IOException {
        config("{" + NEOX + ", \"vocab_size\": 50}");
        weights("model.safetensors", tensor("model.layers.0.mlp.experts.gate_up_proj", "F32", 4, 4, 16, 8));
        ModelSize size = ModelSize.read(directory);
        assertThat(size.parameters()).isEqualTo(4 * 16 * 8);
        assertThat(size.matrices()).containsExactly(new ModelSize.Matrix("gate_up_proj", 16, 8));
    }

    @Test
    void positionsAreReadInEverySpellingAndBelowTextConfig() throws IOException {
        weights("model.safetensors", neox());
        for (String key : List.of(
                "max_position_embeddings",
                "n_positions",
                "n_ctx",
                "max_sequence_length",
                "max_seq_len",
                "seq_length")) {
            config("{" + NEOX + ", \"vocab_size\": 50, \"" + key + "\": 77}");
            assertThat(ModelSize.read(directory).maxPositions()).as(key).isEqualTo(77);
        }
        config("{" + NEOX + ", \"text_config\": {\"vocab_size\": 60, \"max_position_embeddings\": 99}}");
        ModelSize nested = ModelSize.read(directory);
        assertThat(nested.vocabulary()).isEqualTo(60);
        assertThat(nested.maxPositions()).isEqualTo(99);
        config("{" + NEOX + ", \"vocab_size\": 50, \"n_positions\": null}");
        assertThat(ModelSize.read(directory).maxPositions())
                .as("state spaces and ALiBi have none")
                .isEqualTo(ModelSize.UNBOUNDED);
    }

    @Test
    void shardsAreCountedTogetherAndAMissingOneIsNamed() throws IOException {
        config("{" + NEOX + ", \"vocab_size\": 50}");
        weights("model-00001-of-00002.safetensors", tensor("a", "F32", 4, 5));
        weights("model-00002-of-00002.safetensors", tensor("b", "BF16", 2, 7));
        Files.writeString(
                directory.resolve("model.safetensors.index.json"),
                "{\"weight_map\": {\"a\": \"model-00001-of-00002.safetensors\", \"b\": \"model-00002-of-00002.safetensors\"}}");
        assertThat(ModelSize.read(directory).parameters()).isEqualTo(12);
        Files.delete(directory.resolve("model-00002-of-00002.safetensors"));
        assertThatThrownBy(() -> ModelSize.read(directory))
                .isInstanceOf(PolicyException.class)
                .hasMessageContaining("2 shards, of which 1 is missing: model-00002-of-00002.safetensors");
    }

    @Test
    void whatIsWrongInAnotherFamilysFilesIsNamed() throws IOException {
        weights("model.safetensors", neox());
        config("{" + NEOX + "}");
        assertThatThrownBy(() -> ModelSize.read(directory)).hasMessageContaining("config.json: vocab_size is missing");
        config("{" + NEOX + ", \"vocab_size\": 50, \"n_positions\": \"long\"}");
        assertThatThrownBy(() -> ModelSize.read(directory)).hasMessageContaining("n_positions = \"long\"");
        config("{" + NEOX + ", \"vocab_size\": 50, \"quantization_config\": {\"bits\": 4}}");
        assertThatThrownBy(() -> ModelSize.read(directory)).hasMessageContaining("quantization_config");
        config("{" + NEOX + ", \"vocab_size\": 50}");
        Path file = directory.resolve("model.safetensors");
        byte[] whole = Files.readAllBytes(file);
        Files.write(file, java.util.Arrays.copyOf(whole, whole.length - 1));
        assertThatThrownBy(() -> ModelSize.read(directory)).hasMessageContaining("truncated");
        Files.delete(file);
        assertThatThrownBy(() -> ModelSize.read(directory)).hasMessageContaining(file + " is missing");
    }

    @Test
    void mathsThatTheEmbeddedTransformerRefusesAreNoHindranceToTorch() throws IOException {
        config(KNOWN.toJson()
                .replace("\"rope_scaling\": null", "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4}"));
        weights("model.safetensors", neox());
        assertThatThrownBy(() -> ModelSize.read(directory)).hasMessageContaining("rope_scaling");
        ModelSize size = ModelSize.readForTorch(directory);
        assertThat(size.torchOnly()).isTrue();
        assertThat(size.architecture()).isEqualTo("Qwen3ForCausalLM");
        assertThat(size.vocabulary()).isEqualTo(38);
    }
}
