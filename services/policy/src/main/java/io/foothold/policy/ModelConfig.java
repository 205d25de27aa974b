package io.foothold.policy;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jboss.logging.Logger;
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
        QWEN2("Qwen2ForCausalLM", "qwen2", 32_768),
        /** {@code Qwen3ForCausalLM}. */
        QWEN3("Qwen3ForCausalLM", "qwen3", 32_768),
        /** {@code LlamaForCausalLM}. */
        LLAMA("LlamaForCausalLM", "llama", 2_048);

        private final String className;
        private final String modelType;
        /** Longest sequence where {@code config.json} says nothing, as in transformers. */
        private final int maxPositions;

        Architecture(String className, String modelType, int maxPositions) {
            this.className = className;
            this.modelType = modelType;
            this.maxPositions = maxPositions;
        }
    }

    /** Llama 3's frequency scaling. */
    public record Llama3Scaling(double factor, double lowFrequency, double highFrequency, int originalPositions) {}

    private static final Logger LOG = Logger.getLogger(ModelConfig.class);

    /** What has been said: a process opens the same directory in several places, and one warning is enough. */
    private static final Set<String> TOLD = ConcurrentHashMap.newKeySet();

    private static final String END_TOKEN = "eos_token_id";

    /** Width of a Qwen3 head where {@code config.json} says nothing, as in transformers. */
    private static final int QWEN3_HEAD = 128;

    /** Beyond this it is a typing error, and lists of layers would fill the memory. */
    private static final int MOST_LAYERS = 10_000;

    /** Copies the ids and checks the shape. */
    public ModelConfig {
        endTokens = List.copyOf(endTokens);
        if (heads % kvHeads != 0) {
            throw new PolicyException("config.json: num_attention_heads " + heads
                    + " is not a multiple of num_key_value_heads " + kvHeads);
        }
        if (headDim < 2 || headDim % 2 != 0) {
            throw new PolicyException("config.json: head_dim = " + headDim + " (expected a positive even number)");
        }
        if (layers > MOST_LAYERS) {
            throw new PolicyException(
                    "config.json: num_hidden_layers = " + layers + " (expected at most " + MOST_LAYERS + ")");
        }
    }

    /** A Qwen3 shape with tied embeddings, which no token ends. */
    public static ModelConfig qwen3(
            int vocabulary,
            int width,
            int feedForward,
            int layers,
            int heads,
            int kvHeads,
            int headDim,
            int positions) {
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
                List.of());
    }

    /** The same shape, with these tokens at the end of an answer. */
    public ModelConfig endingWith(List<Integer> tokens) {
        return new ModelConfig(
                architecture,
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
                ropeScaling,
                tied,
                qkvBias,
                qkNorm,
                tokens);
    }

    /**
     * Reads {@code config.json} of a directory. The end tokens are those of {@code generation_config.json}; where that file, or
     * {@code eos_token_id} in it, is absent or null, those of {@code config.json}.
     *
     * <p>Keys that are not known and do not look as if they changed the maths are passed over with one warning.
     *
     * @throws PolicyException for what is missing, has a wrong type or range, contradicts itself, or asks for maths that are not
     *     supported; with the file, the key, the value and what was expected
     */
    public static ModelConfig read(Path directory) {
        JsonFields json = JsonFields.read(directory.resolve("config.json"));
        Architecture architecture = architecture(json);
        Set<String> passedOver = ConfigKeys.passedOver(json, architecture);
        if (json.has("hidden_act")
                && !Set.of("silu", "swish")
                        .contains(json.json().get("hidden_act").asText())) {
            throw json.wrong("hidden_act", "silu");
        }
        if (json.flag("mlp_bias")) {
            throw json.wrong("mlp_bias", "false");
        }
        if (json.flag("attention_bias") && architecture != Architecture.QWEN2) {
            throw json.wrong("attention_bias", "false for " + architecture.className);
        }
        int heads = json.positive("num_attention_heads");
        int width = json.positive("hidden_size");
        int layers = json.positive("num_hidden_layers");
        int maxPositions = json.json().has("max_position_embeddings")
                ? json.positive("max_position_embeddings")
                : architecture.maxPositions;
        checkAttention(json, architecture, layers, maxPositions);
        int vocabulary = json.positive("vocab_size");
        RopeSettings rope = RopeSettings.read(json);
        ModelConfig config = new ModelConfig(
                architecture,
                vocabulary,
                width,
                json.positive("intermediate_size"),
                layers,
                heads,
                json.has("num_key_value_heads") ? json.positive("num_key_value_heads") : heads,
                json.has("head_dim")
                        ? json.positive("head_dim")
                        : architecture == Architecture.QWEN3 ? QWEN3_HEAD : width / heads,
                maxPositions,
                json.json().has("rms_norm_eps") ? json.positiveNumber("rms_norm_eps") : 1e-6,
                rope.theta(),
                rope.scaling(),
                json.flag("tie_word_embeddings"),
                architecture == Architecture.QWEN2,
                architecture == Architecture.QWEN3,
                endTokens(json, directory.resolve("generation_config.json"), vocabulary));
        // Sizes that no array can have are told here, where their file is known.
        WeightLayout.of(config);
        if (!passedOver.isEmpty() && TOLD.add(json.where() + passedOver)) {
            LOG.warnf(
                    "%s: passed over keys that are not known and do not seem to change the maths of the model: %s",
                    json.where(), String.join(", ", passedOver));
        }
        return config;
    }

    /** Every layer must look at all positions before its own. */
    private static void checkAttention(JsonFields json, Architecture architecture, int layers, int maxPositions) {
        JsonNode types = json.json().path("layer_types");
        if (json.has("layer_types")) {
            boolean full = types.isArray() && types.size() == layers;
            for (JsonNode type : types) {
                full &= type.asText().equals("full_attention");
            }
            if (!full) {
                throw json.wrong("layer_types", layers + " times full_attention");
            }
        }
        boolean given = json.has("sliding_window");
        int window = given ? json.positive("sliding_window") : maxPositions;
        boolean wanted = json.json().has("use_sliding_window")
                ? json.flag("use_sliding_window")
                : architecture == Architecture.LLAMA;
        int from = json.has("max_window_layers") && architecture != Architecture.LLAMA
                ? json.json().get("max_window_layers").asInt()
                : 0;
        if (wanted && window < maxPositions && from < layers && !json.has("layer_types")) {
            throw json.wrong(
                    "sliding_window",
                    "null, or use_sliding_window = false: sliding windows are not supported, and this one is in effect");
        }
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

    /** The class of transformers that computes it. */
    public String className() {
        return architecture.className;
    }

    /** Number of parameters. */
    public long parameters() {
        return WeightLayout.of(this).parameters();
    }

    /**
     * The architecture that a directory's {@code config.json} names, when it is none of the supported ones.
     *
     * @throws PolicyException when the file cannot be read or names none
     */
    public static Optional<String> foreignArchitecture(Path directory) {
        JsonFields json = JsonFields.read(directory.resolve("config.json"));
        String name = architectureName(json);
        return named(name) == null ? Optional.of(name) : Optional.empty();
    }

    /** The architecture that a directory's {@code config.json} names. */
    static String architectureName(Path directory) {
        return architectureName(JsonFields.read(directory.resolve("config.json")));
    }

    private static String architectureName(JsonFields json) {
        JsonNode names = json.json().path("architectures");
        if (json.has("architectures") && (!names.isArray() || names.isEmpty())) {
            throw json.wrong("architectures", "a list with the name of a class");
        }
        return names.path(0).asText(json.json().path("model_type").asText());
    }

    private static @Nullable Architecture named(String name) {
        for (Architecture a : Architecture.values()) {
            if (a.className.equals(name) || a.modelType.equals(name)) {
                return a;
            }
        }
        return null;
    }

    private static Architecture architecture(JsonFields json) {
        String name = architectureName(json);
        Architecture a = named(name);
        if (a != null) {
            if (json.has("model_type") && !a.modelType.equals(json.text("model_type"))) {
                throw json.wrong("model_type", a.modelType + " for " + name);
            }
            return a;
        }
        throw new PolicyException(json.where() + ": architecture '" + name
                + "' is not supported (expected Qwen2ForCausalLM, Qwen3ForCausalLM or LlamaForCausalLM)");
    }

    /**
     * The tokens that end a response of a directory's model, whatever its architecture; see {@link #read}.
     *
     * @param vocabulary ids are below this
     * @throws PolicyException when there are none, or what stands there is none
     */
    public static List<Integer> endTokens(Path directory, int vocabulary) {
        return endTokens(
                JsonFields.read(directory.resolve("config.json")),
                directory.resolve("generation_config.json"),
                vocabulary);
    }

    private static List<Integer> endTokens(JsonFields config, Path generationFile, int vocabulary) {
        JsonFields from = config;
        if (Files.exists(generationFile)) {
            JsonFields generation = JsonFields.read(generationFile);
            from = generation.has(END_TOKEN) ? generation : config;
        }
        if (!from.has(END_TOKEN)) {
            throw new PolicyException(config.where() + ": " + END_TOKEN + " is neither here nor in " + generationFile
                    + " (expected the id, or a list of ids, of the tokens that end a response: without one every response"
                    + " runs into its limit)");
        }
        JsonNode node = from.json().get(END_TOKEN);
        Set<Integer> ids = new LinkedHashSet<>();
        for (JsonNode id : node.isArray() ? node : List.of(node)) {
            if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0 || id.intValue() >= vocabulary) {
                throw from.wrong(
                        END_TOKEN, "ids from 0 to " + (vocabulary - 1) + ", the rows of vocab_size; got " + id);
            }
            ids.add(id.intValue());
        }
        if (ids.isEmpty()) {
            throw from.wrong(END_TOKEN, "at least one id");
        }
        return List.copyOf(ids);
    }
}
