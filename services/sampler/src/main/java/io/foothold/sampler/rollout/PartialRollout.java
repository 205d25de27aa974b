package io.foothold.sampler.rollout;

import static io.foothold.contracts.triton.PolicyTensors.*;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.triton.Tensors.Tensor;
import io.foothold.sampler.triton.EndpointWatch;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** What came of one rollout so far. */
final class PartialRollout {
    private final String rolloutId;
    private final GroupWork work;
    private int[] tokens = new int[0];
    private float[] logProbs = new float[0];
    private long[] versions = new long[0];
    private String finishReason = "";

    PartialRollout(String rolloutId, GroupWork work) {
        this.rolloutId = rolloutId;
        this.work = work;
    }

    /**
     * Takes one response; true when it was the last. Tokens of a policy that was not asked for are not taken.
     *
     * @param newest see {@link EndpointWatch#newest()}
     */
    boolean add(Map<String, Tensor> outputs, OptionalLong newest) {
        Tensor ids = outputs.get(OUTPUT_IDS);
        if (ids != null) {
            int[] fresh = ids.ints();
            float[] freshLogProbs = need(outputs, OUTPUT_LOG_PROBS).floats();
            int offset = need(outputs, TOKEN_OFFSET).ints()[0];
            if (offset != tokens.length || freshLogProbs.length != fresh.length) {
                throw new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE,
                        "rollout " + rolloutId + ": chunk at " + offset + " with " + freshLogProbs.length
                                + " log-probs for " + fresh.length + " tokens (expected offset " + tokens.length
                                + ")");
            }
            long version = need(outputs, POLICY_VERSION).longs()[0];
            work.refused(version, newest).ifPresent(why -> {
                throw new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE,
                        "rollout " + rolloutId + ": the tokens' policy " + OTHER_POLICY + ": " + why);
            });
            int n = tokens.length;
            tokens = Arrays.copyOf(tokens, n + fresh.length);
            System.arraycopy(fresh, 0, tokens, n, fresh.length);
            logProbs = Arrays.copyOf(logProbs, n + fresh.length);
            System.arraycopy(freshLogProbs, 0, logProbs, n, fresh.length);
            versions = Arrays.copyOf(versions, n + fresh.length);
            Arrays.fill(versions, n, versions.length, version);
        }
        Tensor reason = outputs.get(FINISH_REASON);
        if (reason != null) {
            finishReason = reason.text();
        }
        return reason != null && !finishReason.equals("abort");
    }

    private Tensor need(Map<String, Tensor> outputs, String name) {
        Tensor tensor = outputs.get(name);
        if (tensor == null) {
            throw new FootholdException(
                    ErrorCode.PEER_UNAVAILABLE, "rollout " + rolloutId + ": output '" + name + "' is missing");
        }
        return tensor;
    }

    SampledRollout rollout(int[] prompt, GroupWork work, byte[][] vocabulary) {
        List<Integer> ends = Thoughts.ends(
                SampledRollout.response(work, tokens),
                vocabulary,
                work.settings().thoughtDelimiter());
        return SampledRollout.of(
                rolloutId,
                work,
                prompt,
                new SampledRollout.Sampled(tokens, logProbs, versions),
                ends,
                finishReason,
                vocabulary);
    }
}
