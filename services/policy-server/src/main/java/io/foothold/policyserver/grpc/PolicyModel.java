package io.foothold.policyserver.grpc;

import static io.foothold.contracts.triton.PolicyTensors.*;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.triton.Tensors;
import io.foothold.contracts.triton.Tensors.Tensor;
import io.foothold.core.policy.Canary;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.inference.DataType;
import io.foothold.inference.ModelConfig;
import io.foothold.inference.ModelInferRequest;
import io.foothold.inference.ModelInput;
import io.foothold.inference.ModelOutput;
import io.foothold.inference.ModelParameter;
import io.foothold.inference.ModelTransactionPolicy;
import io.foothold.policy.GenerationRequest;
import io.foothold.policyserver.serving.Wanted;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The model's side of the tensor contract: its inputs and outputs, and what their values must be. */
final class PolicyModel {
    /** Inputs by name, all optional for Triton's core; {@link #generation} demands what generation needs. */
    private static final Map<String, DataType> INPUTS = new LinkedHashMap<>();

    private static final Map<String, DataType> OUTPUTS = new LinkedHashMap<>();

    /** Tensors of any length; all others hold one value. */
    private static final Set<String> VECTORS = Set.of(
            INPUT_IDS,
            STOP_TOKEN_IDS,
            STOP_STRINGS,
            TEXT,
            TARGET_ID,
            CANARY_IDS,
            CANARY_LENGTHS,
            CANARY_LOG_PROBS,
            OUTPUT_IDS,
            OUTPUT_LOG_PROBS,
            IDS,
            LENGTHS,
            PIECES);

    static {
        INPUTS.put(OP, DataType.TYPE_STRING);
        INPUTS.put(INPUT_IDS, DataType.TYPE_INT32);
        INPUTS.put(PROMPT_LENGTH, DataType.TYPE_INT32);
        INPUTS.put(MAX_TOKENS, DataType.TYPE_INT32);
        INPUTS.put(TEMPERATURE, DataType.TYPE_FP32);
        INPUTS.put(TOP_P, DataType.TYPE_FP32);
        INPUTS.put(TOP_K, DataType.TYPE_INT32);
        INPUTS.put(RANDOM_SEED, DataType.TYPE_UINT64);
        INPUTS.put(STOP_TOKEN_IDS, DataType.TYPE_INT32);
        INPUTS.put(STOP_STRINGS, DataType.TYPE_STRING);
        INPUTS.put(IGNORE_EOS, DataType.TYPE_BOOL);
        INPUTS.put(STREAM_INTERVAL, DataType.TYPE_INT32);
        INPUTS.put(MIN_POLICY_VERSION, DataType.TYPE_INT64);
        INPUTS.put(TEXT, DataType.TYPE_STRING);
        INPUTS.put(CHAT, DataType.TYPE_STRING);
        INPUTS.put(TARGET_ID, DataType.TYPE_STRING);
        INPUTS.put(WEIGHTS_URI, DataType.TYPE_STRING);
        INPUTS.put(WEIGHTS_DIGEST, DataType.TYPE_STRING);
        INPUTS.put(POLICY_VERSION, DataType.TYPE_INT64);
        INPUTS.put(POLICY_DIGEST, DataType.TYPE_STRING);
        INPUTS.put(CANARY_IDS, DataType.TYPE_INT32);
        INPUTS.put(CANARY_LENGTHS, DataType.TYPE_INT32);
        INPUTS.put(CANARY_LOG_PROBS, DataType.TYPE_FP32);
        OUTPUTS.put(OUTPUT_IDS, DataType.TYPE_INT32);
        OUTPUTS.put(OUTPUT_LOG_PROBS, DataType.TYPE_FP32);
        OUTPUTS.put(TOKEN_OFFSET, DataType.TYPE_INT32);
        OUTPUTS.put(POLICY_VERSION, DataType.TYPE_INT64);
        OUTPUTS.put(FINISH_REASON, DataType.TYPE_STRING);
        OUTPUTS.put(STOP_INDEX, DataType.TYPE_INT32);
        OUTPUTS.put(NUM_INPUT_TOKENS, DataType.TYPE_UINT32);
        OUTPUTS.put(NUM_OUTPUT_TOKENS, DataType.TYPE_UINT32);
        OUTPUTS.put(IDS, DataType.TYPE_INT32);
        OUTPUTS.put(LENGTHS, DataType.TYPE_INT32);
        OUTPUTS.put(PIECES, DataType.TYPE_STRING);
        OUTPUTS.put(STATUS_JSON, DataType.TYPE_STRING);
    }

    private PolicyModel() {}

    static Map<String, DataType> inputs() {
        return INPUTS;
    }

    static Map<String, DataType> outputs() {
        return OUTPUTS;
    }

    /** The name of a datatype on the wire. */
    static String wireName(DataType type) {
        return type == DataType.TYPE_STRING ? "BYTES" : type.name().substring("TYPE_".length());
    }

    static ModelConfig config(String name, Map<String, String> parameters) {
        ModelConfig.Builder out = ModelConfig.newBuilder()
                .setName(name)
                .setPlatform("foothold")
                .setBackend("foothold")
                .setMaxBatchSize(0)
                .setModelTransactionPolicy(ModelTransactionPolicy.newBuilder().setDecoupled(true));
        INPUTS.forEach((input, type) -> out.addInput(ModelInput.newBuilder()
                .setName(input)
                .setDataType(type)
                .addDims(dimension(input))
                .setOptional(true)));
        OUTPUTS.forEach((output, type) -> out.addOutput(
                ModelOutput.newBuilder().setName(output).setDataType(type).addDims(dimension(output))));
        parameters.forEach((key, value) -> out.putParameters(
                key, ModelParameter.newBuilder().setStringValue(value).build()));
        return out.build();
    }

    /** The dimension of a tensor: 1 for a single value, −1 for any number of them. */
    static long dimension(String tensor) {
        return VECTORS.contains(tensor) ? -1 : 1;
    }

    /** Checks names, datatypes and shapes with Triton's wording, in its order. */
    static void check(String model, ModelInferRequest request, Map<String, Tensor> given) {
        given.forEach((name, tensor) -> {
            DataType expected = INPUTS.get(name);
            if (expected == null) {
                throw invalid("unexpected inference input '" + name + "' for model '" + model + "'");
            }
            if (!wireName(expected).equals(tensor.datatype())) {
                throw Tensors.refused(
                        request,
                        "inference input '" + name + "' data-type is '" + tensor.datatype() + "', but model '" + model
                                + "' expects '" + wireName(expected) + "'");
            }
            long dimension = dimension(name);
            if (tensor.shape().size() != 1 || (dimension > 0 && tensor.shape().get(0) != dimension)) {
                throw Tensors.refused(
                        request,
                        "unexpected shape for input '" + name + "' for model '" + model + "'. Expected [" + dimension
                                + "], got " + Tensors.shape(tensor.shape()) + ". ");
            }
        });
        for (ModelInferRequest.InferRequestedOutputTensor output : request.getOutputsList()) {
            if (!OUTPUTS.containsKey(output.getName())) {
                throw invalid("unexpected inference output '" + output.getName() + "' for model '" + model + "'");
            }
        }
    }

    /** The request of an op generate. */
    static GenerationRequest generation(String id, Map<String, Tensor> t) {
        Tensor ids = t.get(INPUT_IDS);
        if (ids == null || ids.data().isEmpty()) {
            throw invalid("input 'input_ids' is missing or empty");
        }
        if (!t.containsKey(MAX_TOKENS)) {
            throw invalid("input 'max_tokens' is missing");
        }
        int[] all = ids.ints();
        int promptLength = integer(t, PROMPT_LENGTH, all.length);
        if (promptLength < 1 || promptLength > all.length) {
            throw invalid("prompt_length must be 1.." + all.length + ", got " + promptLength);
        }
        double temperature = number(t, TEMPERATURE, 1);
        double topP = number(t, TOP_P, 1);
        int topK = integer(t, TOP_K, 0);
        if (!(temperature >= 0) || !(topP > 0 && topP <= 1) || topK < 0) {
            throw invalid(
                    "need temperature >= 0, top_p in (0, 1], top_k >= 0: " + temperature + ", " + topP + ", " + topK);
        }
        Tensor seed = t.get(RANDOM_SEED);
        if (seed == null) {
            throw invalid("input 'random_seed' is missing: sampling noise is seeded");
        }
        List<Integer> stops = t.containsKey(STOP_TOKEN_IDS)
                ? Arrays.stream(tensor(t, STOP_TOKEN_IDS).ints()).boxed().toList()
                : List.of();
        List<byte[]> strings =
                t.containsKey(STOP_STRINGS) ? tensor(t, STOP_STRINGS).bytes() : List.of();
        return new GenerationRequest(
                id,
                Arrays.copyOf(all, promptLength),
                Arrays.copyOfRange(all, promptLength, all.length),
                integer(t, MAX_TOKENS, 0),
                temperature,
                topP,
                topK,
                seed.longs()[0],
                t.containsKey(IGNORE_EOS) && tensor(t, IGNORE_EOS).bool()
                        ? GenerationRequest.Ends.IGNORE
                        : GenerationRequest.Ends.STOP,
                stops,
                strings);
    }

    /** Which policy may sample a request. */
    static Wanted wanted(Map<String, Tensor> t) {
        long oldest = longInteger(t, MIN_POLICY_VERSION, 0);
        boolean version = t.containsKey(POLICY_VERSION);
        if (version != t.containsKey(POLICY_DIGEST)) {
            throw invalid("inputs 'policy_version' and 'policy_digest' name a policy together: '"
                    + (version ? POLICY_DIGEST : POLICY_VERSION) + "' is missing");
        }
        return new Wanted(oldest, version ? Optional.of(policy(t, POLICY_DIGEST)) : Optional.empty());
    }

    /** The policy that input policy_version and another one name. */
    static PolicyVersion policy(Map<String, Tensor> t, String digest) {
        long version = longInteger(t, POLICY_VERSION, -1);
        String named = tensor(t, digest).text();
        if (version < 0 || named.isEmpty()) {
            throw invalid("inputs 'policy_version' of at least 0 and '" + digest + "' name a policy, got " + version
                    + " and '" + named + "'");
        }
        return new PolicyVersion(version, named);
    }

    /** What has to be computed under new weights; all three inputs or none. */
    static Optional<Canary> canary(Map<String, Tensor> t) {
        List<String> names = List.of(CANARY_IDS, CANARY_LENGTHS, CANARY_LOG_PROBS);
        if (names.stream().noneMatch(t::containsKey)) {
            return Optional.empty();
        }
        try {
            return Optional.of(Canary.of(
                    tensor(t, CANARY_IDS).ints(),
                    tensor(t, CANARY_LENGTHS).ints(),
                    tensor(t, CANARY_LOG_PROBS).floats()));
        } catch (IllegalArgumentException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, e.getMessage(), e);
        }
    }

    static int integer(Map<String, Tensor> t, String name, int absent) {
        Tensor tensor = t.get(name);
        return tensor == null ? absent : scalar(name, tensor, 4).ints()[0];
    }

    static long longInteger(Map<String, Tensor> t, String name, long absent) {
        Tensor tensor = t.get(name);
        return tensor == null ? absent : scalar(name, tensor, 8).longs()[0];
    }

    private static double number(Map<String, Tensor> t, String name, double absent) {
        Tensor tensor = t.get(name);
        return tensor == null ? absent : scalar(name, tensor, 4).floats()[0];
    }

    private static Tensor scalar(String name, Tensor tensor, int width) {
        if (tensor.data().size() != width) {
            throw invalid("unexpected shape for input '" + name + "'. Expected [1], got " + tensor.shape() + ". ");
        }
        return tensor;
    }

    static Tensor tensor(Map<String, Tensor> t, String name) {
        Tensor tensor = t.get(name);
        if (tensor == null) {
            throw invalid("input '" + name + "' is missing");
        }
        return tensor;
    }

    static String opOf(Map<String, Tensor> t) {
        @Nullable Tensor op = t.get(OP);
        return op == null ? "generate" : op.text();
    }

    static FootholdException invalid(String message) {
        return new FootholdException(ErrorCode.INVALID_INPUT, message);
    }
}
