package io.foothold.contracts.triton;

/**
 * Names of the tensors of the policy model, served alike by policy-server and by the model of {@code k8s/triton}. The README
 * of policy-server has the whole table with dtypes, shapes and meanings.
 */
public final class PolicyTensors {
    /** Version of the contract, in the model's parameters. */
    public static final String CONTRACT_VERSION = "1";

    /** What is asked, BYTES [1]; generate when absent. */
    public static final String OP = "op";

    /** Prompt and given response tokens, INT32 [-1]. */
    public static final String INPUT_IDS = "input_ids";

    /** How many of them are prompt, INT32 [1]; response position = sequence position − this. */
    public static final String PROMPT_LENGTH = "prompt_length";

    /** Upper limit of sampled tokens, INT32 [1]. */
    public static final String MAX_TOKENS = "max_tokens";

    /** FP32 [1]. */
    public static final String TEMPERATURE = "temperature";

    /** FP32 [1]. */
    public static final String TOP_P = "top_p";

    /** INT32 [1]. */
    public static final String TOP_K = "top_k";

    /** UINT64 [1], below 2^63. */
    public static final String RANDOM_SEED = "random_seed";

    /** INT32 [-1]. */
    public static final String STOP_TOKEN_IDS = "stop_token_ids";

    /** BYTES [-1], matched on decoded bytes across token borders. */
    public static final String STOP_STRINGS = "stop_strings";

    /** BOOL [1]. */
    public static final String IGNORE_EOS = "ignore_eos";

    /** Tokens of one response, INT32 [1]; 0 sends one final response a policy version. */
    public static final String STREAM_INTERVAL = "stream_interval";

    /** Refuse (UNAVAILABLE) while the server is older, INT64 [1]. */
    public static final String MIN_POLICY_VERSION = "min_policy_version";

    /** With {@link #POLICY_VERSION}: exactly this policy samples the whole request, sha-256 hex, BYTES [1]; op generate. */
    public static final String POLICY_DIGEST = "policy_digest";

    /** What a server says of a request that names another policy than the one it has, with what stands around it. */
    public static final String OTHER_POLICY = "is not the policy asked for";

    /** Texts to encode, BYTES [-1]; op tokenize. */
    public static final String TEXT = "text";

    /** Makes each text a user's message, BYTES [1]: {"system": text, "turns": [{"user": text, "assistant": text}], "options": {name: value},
     * "answer_separator": text}; op tokenize. */
    public static final String CHAT = "chat";

    /** Requests to abort, BYTES [-1]; op abort. */
    public static final String TARGET_ID = "target_id";

    /** Where the artefact lies, BYTES [1]; op update. */
    public static final String WEIGHTS_URI = "weights_uri";

    /** SHA-256 of the artefact, BYTES [1]; op update. */
    public static final String WEIGHTS_DIGEST = "weights_digest";

    /** Where the same version lies as adapters in PEFT's layout, BYTES [1]; ops update and reset, of servers whose status says adapter. */
    public static final String ADAPTER_URI = "adapter_uri";

    /** SHA-256 of the adapters' configuration and weights, one after the other, BYTES [1]; with {@link #ADAPTER_URI}. */
    public static final String ADAPTER_DIGEST = "adapter_digest";

    /** Tokens of the canary's sequences one after the other, INT32 [-1]; ops update and reset. */
    public static final String CANARY_IDS = "canary_ids";

    /** How many tokens each of the sequences has, INT32 [-1]; ops update and reset. */
    public static final String CANARY_LENGTHS = "canary_lengths";

    /** The learner's log-prob of every token after the first of its sequence, FP32 [-1]; ops update and reset. */
    public static final String CANARY_LOG_PROBS = "canary_log_probs";

    /** What the text of a refused canary begins with. */
    public static final String CANARY_REFUSED = "canary:";

    /**
     * Version of the artefact, INT64 [1]; op update. Of op generate: the version that samples the whole request, with
     * {@link #POLICY_DIGEST}. Also an output: the version that sampled the tokens.
     */
    public static final String POLICY_VERSION = "policy_version";

    /** New tokens, INT32 [-1]. */
    public static final String OUTPUT_IDS = "output_ids";

    /** Their log-probs, FP32 [-1]. */
    public static final String OUTPUT_LOG_PROBS = "output_log_probs";

    /** Index of the first of them in the whole output, INT32 [1]. */
    public static final String TOKEN_OFFSET = "token_offset";

    /** BYTES [1], last response only: stop, stop_token, stop_string, length, abort. */
    public static final String FINISH_REASON = "finish_reason";

    /** INT32 [1], last response only. */
    public static final String STOP_INDEX = "stop_index";

    /** UINT32 [1], last response only. */
    public static final String NUM_INPUT_TOKENS = "num_input_tokens";

    /** UINT32 [1], last response only. */
    public static final String NUM_OUTPUT_TOKENS = "num_output_tokens";

    /** Ids of all texts one after the other, INT32 [-1]; op tokenize. */
    public static final String IDS = "ids";

    /** Count of ids of each text, INT32 [-1]; op tokenize. */
    public static final String LENGTHS = "lengths";

    /** Bytes of every token, BYTES [vocabulary]; op vocabulary. */
    public static final String PIECES = "pieces";

    /** State of the server as JSON, BYTES [1]; control operations. */
    public static final String STATUS_JSON = "status_json";

    /** Request parameter that carries the admin secret of control operations. */
    public static final String ADMIN_PARAMETER = "x-rollout-admin";

    private PolicyTensors() {}
}
