package io.foothold.core.settings;

import io.foothold.core.keys.Inline;
import io.foothold.core.keys.Setting;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * A reward model that an inference server with Triton's protocol (KServe v2) serves. It gives one number a response.
 *
 * @param server its address; empty for none
 * @param model its name there
 * @param version of the model; 0 for the one that the server chooses
 * @param tensors that it takes and gives
 * @param scaling how its number becomes a score in [0, 1]
 * @param seconds most time of a call
 * @param attempts most calls of one response
 * @param maxBatch most responses of one call
 */
public record RewardModelSettings(
        @Setting(
                help =
                        "Server of a reward model with Triton's protocol, grpc://HOST:PORT or grpcs://HOST:PORT with TLS. As "
                                + "'verification.reward_model' it judges every response whose kind has no server of its own; see docs/rewards.md.",
                fallback = "")
        String server,

        @Setting(help = "The reward model's name on that server.", fallback = "")
        String model,

        @Setting(
                help = "Version of the model; 0 for the one that the server chooses.",
                fallback = "0",
                from = 0,
                to = Setting.COUNTED)
        int version,

        @Inline Tensors tensors,

        @Inline Scaling scaling,

        @Setting(
                help = "Most time that a call of the reward model may take.",
                fallback = "30",
                above = 0,
                to = 600,
                unit = "seconds")
        double seconds,

        @Setting(
                help =
                        "Most calls for one response, where the server is away, busy or late; pauses begin with 0.5 s and double.",
                fallback = "8",
                from = 1,
                to = 20,
                unit = "calls")
        int attempts,

        @Setting(
                help = "Most responses of one call, where the model's own max_batch_size allows as many.",
                fallback = "64",
                from = 1,
                to = 10_000,
                unit = "responses")
        int maxBatch)
        implements ScorerSettings {

    /** Most characters of a template: it travels with every response. */
    public static final int LONGEST_TEMPLATE = 1 << 16;

    /**
     * Names of the tensors: texts, BYTES [n, 1] or [n] each, and the scores of n responses, FP32 [n, 1] or [n].
     *
     * @param promptTensor the problems; empty for none
     * @param responseTensor the responses
     * @param answerTensor the gold answers; empty for none
     * @param textTensor in place of them, texts that the template makes; empty for none
     * @param template with {response}, and {problem} and {answer} as wanted
     * @param outputTensor the scores
     */
    public record Tensors(
            @Setting(help = "Its input with the problem's statement; empty for none.", fallback = PROMPT)
            String promptTensor,

            @Setting(help = "Its input with the response.", fallback = RESPONSE)
            String responseTensor,

            @Setting(help = "Its input with the gold answer; empty for none.", fallback = "")
            String answerTensor,

            @Setting(
                    help =
                            "Its only input, in place of those of problem and response, with what 'template' makes of them.",
                    fallback = "")
            String textTensor,

            @Setting(
                    help =
                            "Text of that input, such as a conversation in the model's chat format: with {response}, and with {problem} "
                                    + "and {answer} as wanted.",
                    fallback = "")
            String template,

            @Setting(help = "Its output with the scores.", fallback = "score")
            String outputTensor) {

        /** The fall-back of the input with the problem. */
        public static final String PROMPT = "prompt";

        /** The fall-back of the input with the response. */
        public static final String RESPONSE = "response";

        /** What each input holds, by its name: a text with {problem}, {answer} and {response}. */
        public SequencedMap<String, String> inputs() {
            SequencedMap<String, String> out = new LinkedHashMap<>();
            if (!textTensor.isEmpty()) {
                out.put(textTensor, template);
                return out;
            }
            if (!promptTensor.isEmpty()) {
                out.put(promptTensor, "{problem}");
            }
            out.put(responseTensor, "{response}");
            if (!answerTensor.isEmpty()) {
                out.put(answerTensor, "{answer}");
            }
            return out;
        }
    }

    /**
     * How the model's number becomes a score in [0, 1].
     *
     * @param scale the rule
     * @param low number of a score of 0, with the rule range
     * @param high number of a score of 1, with the rule range
     */
    public record Scaling(
            @Setting(
                    help =
                            "What makes its number a score in [0, 1]: none, the number itself, and one outside of them is an error; range, (number - low) / "
                                    + "(high - low), cut to them; sigmoid, 1 / (1 + e^-number), as for the logit of a Bradley-Terry model.",
                    fallback = "none")
            Scale scale,

            @Setting(help = "Number of a score of 0, with scale range.", fallback = "0", from = -1e9, to = 1e9)
            double low,

            @Setting(help = "Number of a score of 1, with scale range.", fallback = "1", from = -1e9, to = 1e9)
            double high) {}

    /** The rules. */
    public enum Scale {
        /** The number itself. */
        NONE,
        /** Linear between two numbers, and cut to the ends of [0, 1] beyond them. */
        RANGE,
        /** The logistic function. */
        SIGMOID
    }

    @Override
    public boolean given() {
        return !server.isEmpty();
    }

    @Override
    public String key() {
        return "reward_model.server";
    }

    @Override
    public boolean asksServer() {
        return true;
    }
}
