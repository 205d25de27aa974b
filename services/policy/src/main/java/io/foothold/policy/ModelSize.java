package io.foothold.policy;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * How large a causal language model is, of any family that transformers has: what lengths and memory of a run follow from. Of a family
 * that the embedded transformer knows it follows from {@code config.json} alone; of others vocabulary and positions stand there, in one of
 * many spellings, and parameters in the headers of the weights' files.
 *
 * @param architecture class of transformers, such as GPTNeoXForCausalLM
 * @param embedded the shape, where the embedded transformer computes the model
 * @param parameters how many numbers the weights have
 * @param vocabulary token ids that there is a row for
 * @param maxPositions longest sequence in tokens; {@link #UNBOUNDED} where the model has no bound
 * @param bytesPerToken what a micro-batch keeps of each of its tokens when every one is predicted, in bytes of float32; an estimate
 * @param matrices weights of the layers that are matrices
 */
public record ModelSize(
        String architecture,
        Optional<ModelConfig> embedded,
        long parameters,
        int vocabulary,
        int maxPositions,
        long bytesPerToken,
        List<Matrix> matrices) {
    /** Positions of a model whose attention needs no table of them. */
    public static final int UNBOUNDED = 1 << 30;

    private static final String CONFIG = "config.json";

    /** Where models of several kinds of input keep the settings of their language model. */
    private static final String NESTED = "text_config";

    /** How families spell the longest sequence, as {@code tokens.py} of Triton's model and the torch worker read it. */
    private static final List<String> POSITIONS = List.of(
            "max_position_embeddings",
            "n_positions",
            "n_ctx",
            "max_sequence_length",
            "max_seq_len",
            "max_seq_length",
            "seq_length");

    private static final Set<String> NUMBERS = Set.of("F64", "F32", "F16", "BF16");

    /** A layer's number in a tensor's name. */
    private static final Pattern LAYER = Pattern.compile(".*\\.\\d+\\..*");

    /**
     * A weight of a layer.
     *
     * @param module name of the module that has it, without what comes before the last dot, such as {@code q_proj}
     * @param rows numbers that come out of it
     * @param columns numbers that go into it
     */
    public record Matrix(String module, long rows, long columns) {}

    /** Copies the matrices. */
    public ModelSize {
        matrices = List.copyOf(matrices);
    }

    /** Of a model that the embedded transformer computes. */
    public static ModelSize of(ModelConfig config) {
        List<Matrix> matrices = new ArrayList<>();
        for (WeightLayout.Slot slot : WeightLayout.of(config).slots()) {
            for (WeightLayout.Part part : slot.parts()) {
                addMatrix(matrices, part.name(), part.shape());
            }
        }
        return new ModelSize(
                config.className(),
                Optional.of(config),
                config.parameters(),
                config.vocabulary(),
                config.maxPositions(),
                TrainingSize.bytesPerToken(config),
                matrices);
    }

    /**
     * Reads a directory.
     *
     * @throws PolicyException for what the embedded transformer refuses of the families that it knows; of others for settings that are
     *     missing or of another type, and for files of weights that are missing, cut short or not of their index
     */
    public static ModelSize read(Path directory) {
        return ModelConfig.foreignArchitecture(directory)
                .map(name -> foreign(directory, name))
                .orElseGet(() -> of(ModelConfig.read(directory)));
    }

    /**
     * Reads a directory whose model the torch worker computes: what the embedded transformer refuses of a family that it knows, such as a
     * frequency scaling, is no hindrance.
     */
    public static ModelSize readForTorch(Path directory) {
        try {
            return read(directory);
        } catch (PolicyException refused) {
            return foreign(directory, ModelConfig.architectureName(directory));
        }
    }

    private static ModelSize foreign(Path directory, String architecture) {
        JsonFields top = JsonFields.read(directory.resolve(CONFIG));
        if (top.has("quantization_config")) {
            throw top.wrong("quantization_config", "none: quantised weights cannot be trained");
        }
        int vocabulary = holder(top, List.of("vocab_size"), "vocab_size").positive("vocab_size");
        int positions = UNBOUNDED;
        for (String key : POSITIONS) {
            JsonFields from = holder(top, POSITIONS, key);
            if (from.has(key)) {
                positions = from.positive(key);
                break;
            }
        }
        long parameters = 0;
        List<Matrix> matrices = new ArrayList<>();
        for (Map.Entry<String, Safetensors.Stored> tensor :
                Safetensors.stored(directory).entrySet()) {
            if (NUMBERS.contains(tensor.getValue().dtype())) {
                long[] shape = tensor.getValue().shape();
                parameters += Arrays.stream(shape).reduce(1, Math::multiplyExact);
                addMatrix(matrices, tensor.getKey(), shape);
            }
        }
        long kept = matrices.stream().mapToLong(m -> m.rows() + m.columns()).sum();
        return new ModelSize(
                architecture,
                Optional.empty(),
                parameters,
                vocabulary,
                positions,
                Float.BYTES * kept + TrainingSize.logitBytesPerToken(vocabulary),
                matrices);
    }

    /** The object that holds a key: the file, unless none of the spellings is there and the nested one has them. */
    private static JsonFields holder(JsonFields top, List<String> spellings, String key) {
        JsonNode nested = top.json().path(NESTED);
        boolean there = spellings.stream().anyMatch(top::has);
        return !there && nested.hasNonNull(key) ? top.object(NESTED) : top;
    }

    /** Experts that lie in one tensor count once: a token meets few of them. */
    private static void addMatrix(List<Matrix> to, String name, long... shape) {
        if (shape.length < 2 || !LAYER.matcher(name).matches()) {
            return;
        }
        String[] parts = name.split("\\.");
        boolean weight = parts[parts.length - 1].equals("weight") && parts.length > 1;
        to.add(new Matrix(parts[parts.length - (weight ? 2 : 1)], shape[shape.length - 2], shape[shape.length - 1]));
    }

    /** Whether nothing but torch computes it. */
    public boolean torchOnly() {
        return embedded.isEmpty();
    }

    /** How many numbers adapters of this form have; an estimate for a family that the embedded transformer does not know. */
    public long parameters(Lora lora) {
        return embedded.map(lora::parameters).orElseGet(() -> matrices.stream()
                .filter(m -> lora.targets().isEmpty() || lora.targets().contains(m.module()))
                .mapToLong(m -> lora.rank() * (m.rows() + m.columns()))
                .sum());
    }

    /** Tokens of a micro-batch that follow from the model alone; see {@link TrainingSize#microBatchTokens(ModelConfig)}. */
    public int microBatchTokens() {
        return TrainingSize.microBatchTokens(bytesPerToken);
    }

    /** The same within a bound on the memory of a micro-batch, bytes. */
    public int microBatchTokens(long bytes) {
        return TrainingSize.microBatchTokens(bytesPerToken, bytes);
    }

    /** What the learner holds for as long as it trains, in bytes of float32; an estimate. */
    public long learnerBytes(Optional<Lora> lora) {
        return embedded.map(config -> TrainingSize.learnerBytes(config, lora))
                .orElseGet(() -> Float.BYTES
                        * ((lora.isPresent() ? 1 : 4) * parameters
                                + 4 * lora.map(this::parameters).orElse(0L)));
    }

    /** What a model is run with when nobody says otherwise. */
    public Precision standardPrecision() {
        return embedded.map(Precision::standard).orElse(Precision.FAST);
    }
}
