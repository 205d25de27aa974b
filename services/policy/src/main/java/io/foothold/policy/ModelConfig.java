package io.foothold.policy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The shape of a transformer, read from {@code config.json} in the spelling of transformers 4 ({@code rope_theta},
 * {@code rope_scaling}) or 5 ({@code rope_parameters}). Keys that change the maths and are not supported are refused by name.
 *
 * @param architecture Qwen2, Qwen3 or Llama
 * @param vocabulary rows of the embedding
 * @param width model width
 * @param feedForward width of the gated feed-forward layer
 * @param layers number of layers
 * @param heads query heads
 * @param kvHeads key and value heads
 * @param headDim width of a head
 * @param maxPositions longest sequence
 * @param epsilon of the RMS norms
 * @param ropeTheta base of the rotary frequencies
 * @param ropeScaling llama3 scaling, or null
 * @param tied whether the head shares the embedding
 * @param qkvBias whether the projections have biases
 * @param qkNorm whether queries and keys are normalised
 * @param endTokens end-of-sequence ids
 */
public record ModelConfig(
        Architecture architecture,
        int vocabulary,
        int width,
        int feedForward,
        int layers,
        int heads,
        int kvHeads,
        int headDim,
        int maxPositions,
        double epsilon,
        double ropeTheta,
        @Nullable Llama3Scaling ropeScaling,
        boolean tied,
        boolean qkvBias,
        boolean qkNorm,
        List<Integer> endTokens) {

    /** Supported families. */
    public enum Architecture {
        /** {@code Qwen2ForCausalLM}. */
        QWEN2("Qwen2ForCausalLM", "qwen2"),
        /** {@code Qwen3ForCausalLM}. */
        QWEN3("Qwen3ForCausalLM", "qwen3"),
        /** {@code LlamaForCausalLM}. */
        LLAMA("LlamaForCausalLM", "llama");

        private final String className;
        private final String modelType;

        Architecture(String className, String modelType) {
            this.className = className;
            this.modelType = modelType;
        }
    }

    /** Llama 3's frequency scaling. */
    public record Llama3Scaling(double factor, double lowFrequency, double highFrequency, int originalPositions) {}

    /** Keys that are read, or that do not change the maths of inference and plain training. */
    private static final Set<String> KNOWN = Set.of(
            "architectures",
            "model_type",
            "vocab_size",
            "hidden_size",
            "intermediate_size",
            "num_hidden_layers",
            "num_attention_heads",
            "num_key_value_heads",
            "head_dim",
            "max_position_embeddings",
            "rms_norm_eps",
            "rope_theta",
            "rope_scaling",
            "rope_parameters",
            "tie_word_embeddings",
            "attention_bias",
            "mlp_bias",
            "hidden_act",
            "attention_dropout",
            "eos_token_id",
            "bos_token_id",
            "pad_token_id",
            "torch_dtype",
            "dtype",
            "transformers_version",
            "use_cache",
            "initializer_range",
            "use_sliding_window",
            "sliding_window",
            "max_window_layers",
            "layer_types",
            "pretraining_tp",
            "_name_or_path",
            "name_or_path",
            "output_attentions",
            "output_hidden_states",
            "return_dict",
            "use_mrope",
            "chunk_size_feed_forward",
            "is_encoder_decoder",
            "id2label",
            "label2id",
            "problem_type",
            "is_decoder",
            "add_cross_attention",
            "tokenizer_class",
            "finetuning_task",
            "task_specific_params",
            "auto_map");

    /** Copies the ids and checks the shape. */
    public ModelConfig {
        endTokens = List.copyOf(endTokens);
        if (heads % kvHeads != 0) {
            throw new PolicyException("config.json: num_attention_heads " + heads
                    + " is not a multiple of num_key_value_heads " + kvHeads);
        }
        if (headDim % 2 != 0) {
            throw new PolicyException("config.json: head_dim must be even: " + headDim);
        }
    }

    /** A Qwen3 shape with tied embeddings. */
    public static ModelConfig qwen3(
            int vocabulary,
            int width,
            int feedForward,
            int layers,
            int heads,
            int kvHeads,
            int headDim,
            int positions,
            List<Integer> endTokens) {
        return new ModelConfig(
                Architecture.QWEN3,
                vocabulary,
                width,
                feedForward,
                layers,
                heads,
                kvHeads,
                headDim,
                positions,
                1e-6,
                10_000,
                null,
                true,
                false,
                true,
                endTokens);
    }

    /** Reads {@code config.json} and, for the end tokens, {@code generation_config.json} of a directory. */
    public static ModelConfig read(Path directory) {
        Path file = directory.resolve("config.json");
        JsonNode json = parse(file);
        Architecture architecture = architecture(json, file);
        for (String key : new TreeSet<>(fieldNames(json))) {
            if (!KNOWN.contains(key)) {
                throw new PolicyException(file + ": key '" + key + "' = " + json.get(key)
                        + " is not supported; it may change the maths of the model");
            }
        }
        refuseUnless(json, file, "hidden_act", "silu", json.path("hidden_act").asText("silu"));
        refuseUnless(json, file, "mlp_bias", "false", json.path("mlp_bias").asText("false"));
        refuseUnless(json, file, "use_mrope", "false", json.path("use_mrope").asText("false"));
        refuseUnless(
                json,
                file,
                "use_sliding_window",
                "false",
                json.path("use_sliding_window").asText("false"));
        for (JsonNode type : json.path("layer_types")) {
            refuseUnless(json, file, "layer_types", "full_attention", type.asText());
        }
        boolean attentionBias = json.path("attention_bias").asBoolean(false);
        if (attentionBias && architecture != Architecture.QWEN2) {
            throw new PolicyException(file + ": attention_bias = true is not supported for " + architecture);
        }
        int heads = required(json, file, "num_attention_heads");
        int width = required(json, file, "hidden_size");
        JsonNode rope = json.has("rope_parameters") ? json.get("rope_parameters") : json.path("rope_scaling");
        double theta = json.path("rope_parameters")
                .path("rope_theta")
                .asDouble(json.path("rope_theta").asDouble(10_000));
        return new ModelConfig(
                architecture,
                required(json, file, "vocab_size"),
                width,
                required(json, file, "intermediate_size"),
                required(json, file, "num_hidden_layers"),
                heads,
                json.path("num_key_value_heads").asInt(heads),
                json.path("head_dim").asInt(width / heads),
                json.path("max_position_embeddings").asInt(2048),
                json.path("rms_norm_eps").asDouble(1e-6),
                theta,
                scaling(rope, file),
                json.path("tie_word_embeddings").asBoolean(false),
                architecture == Architecture.QWEN2,
                architecture == Architecture.QWEN3,
                endTokens(json, directory.resolve("generation_config.json")));
    }

    /** The config in the spelling of transformers 4. */
    public String toJson() {
        String text = """
                {
                  "architectures": ["%s"],
                  "model_type": "%s",
                  "vocab_size": %d,
                  "hidden_size": %d,
                  "intermediate_size": %d,
                  "num_hidden_layers": %d,
                  "num_attention_heads": %d,
                  "num_key_value_heads": %d,
                  "head_dim": %d,
                  "max_position_embeddings": %d,
                  "hidden_act": "silu",
                  "rms_norm_eps": %s,
                  "rope_theta": %s,
                  "rope_scaling": %s,
                  "tie_word_embeddings": %s,
                  "attention_bias": %s,
                  "attention_dropout": 0.0,
                  "eos_token_id": %s,
                  "torch_dtype": "float32"
                }
                """;
        String scaling = ropeScaling == null
                ? "null"
                : String.format(
                        Locale.ROOT,
                        "{\"rope_type\": \"llama3\", \"factor\": %s, \"low_freq_factor\": %s, \"high_freq_factor\": %s, \"original_max_position_embeddings\": %d}",
                        ropeScaling.factor(),
                        ropeScaling.lowFrequency(),
                        ropeScaling.highFrequency(),
                        ropeScaling.originalPositions());
        return String.format(
                Locale.ROOT,
                text,
                architecture.className,
                architecture.modelType,
                vocabulary,
                width,
                feedForward,
                layers,
                heads,
                kvHeads,
                headDim,
                maxPositions,
                epsilon,
                ropeTheta,
                scaling,
                tied,
                qkvBias,
                endTokens.size() == 1 ? endTokens.get(0).toString() : endTokens.toString());
    }

    /** Rotary frequencies, shape [headDim / 2]. */
    float[] inverseFrequencies() {
        float[] out = new float[headDim / 2];
        for (int i = 0; i < out.length; i++) {
            double f = Math.pow(ropeTheta, -2.0 * i / headDim);
            Llama3Scaling s = ropeScaling;
            if (s != null) {
                double wavelength = 2 * Math.PI / f;
                double lowWave = s.originalPositions() / s.lowFrequency();
                double highWave = s.originalPositions() / s.highFrequency();
                if (wavelength > lowWave) {
                    f /= s.factor();
                } else if (wavelength > highWave) {
                    double smooth = (s.originalPositions() / wavelength - s.lowFrequency())
                            / (s.highFrequency() - s.lowFrequency());
                    f = (1 - smooth) * f / s.factor() + smooth * f;
                }
            }
            out[i] = (float) f;
        }
        return out;
    }

    /** Number of parameters. */
    public long parameters() {
        return WeightLayout.of(this).parameters();
    }

    static JsonNode parse(Path file) {
        try {
            return new ObjectMapper().readTree(Files.readAllBytes(file));
        } catch (java.nio.file.NoSuchFileException e) {
            throw new PolicyException(
                    file + " is missing (expected a Hugging Face directory with config.json, "
                            + "tokenizer.json and model.safetensors)",
                    e);
        } catch (IOException e) {
            throw new PolicyException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static Architecture architecture(JsonNode json, Path file) {
        String name = json.path("architectures")
                .path(0)
                .asText(json.path("model_type").asText());
        for (Architecture a : Architecture.values()) {
            if (a.className.equals(name) || a.modelType.equals(name)) {
                return a;
            }
        }
        throw new PolicyException(file + ": architecture '" + name
                + "' is not supported (expected Qwen2ForCausalLM, Qwen3ForCausalLM or LlamaForCausalLM)");
    }

    private static void refuseUnless(JsonNode json, Path file, String key, String expected, String found) {
        if (json.hasNonNull(key) && !expected.equals(found)) {
            throw new PolicyException(
                    file + ": " + key + " = " + found + " is not supported (expected " + expected + ")");
        }
    }

    private static int required(JsonNode json, Path file, String key) {
        if (!json.path(key).canConvertToInt() || json.path(key).asInt() < 1) {
            throw new PolicyException(file + ": " + key + " must be a positive integer, found " + json.path(key));
        }
        return json.get(key).asInt();
    }

    private static @Nullable Llama3Scaling scaling(JsonNode rope, Path file) {
        String type = rope.path("rope_type").asText(rope.path("type").asText("default"));
        return switch (type) {
            case "default" -> null;
            case "llama3" ->
                new Llama3Scaling(
                        rope.path("factor").asDouble(),
                        rope.path("low_freq_factor").asDouble(),
                        rope.path("high_freq_factor").asDouble(),
                        rope.path("original_max_position_embeddings").asInt());
            default ->
                throw new PolicyException(
                        file + ": rope type '" + type + "' is not supported (expected default or llama3)");
        };
    }

    private static List<Integer> endTokens(JsonNode config, Path generationFile) {
        JsonNode node = config.path("eos_token_id");
        if (Files.exists(generationFile)) {
            JsonNode generation = parse(generationFile).path("eos_token_id");
            node = generation.isMissingNode() ? node : generation;
        }
        if (node.isArray()) {
            List<Integer> ids = new java.util.ArrayList<>();
            node.forEach(id -> ids.add(id.asInt()));
            return ids;
        }
        return node.isInt() ? List.of(node.asInt()) : List.of();
    }

    private static List<String> fieldNames(JsonNode json) {
        List<String> names = new java.util.ArrayList<>();
        json.fieldNames().forEachRemaining(names::add);
        return names;
    }
}
