package io.foothold.sampler.rollout;

import java.util.List;

/**
 * A finished rollout. Arrays belong to the receiver.
 *
 * @param rolloutId its id
 * @param promptTokens prompt
 * @param tokens sampled tokens
 * @param logProbs their behaviour log-probs, nats
 * @param versions policy version of each
 * @param thoughtEnds exclusive ends of thoughts, indices into prefix and sampled tokens together
 * @param finishReason stop, stop_token, stop_string, length or abort
 * @param text decoded prefix and sampled tokens
 * @param thoughtTextEnds exclusive ends of thoughts in the text, in Unicode code points
 */
public record SampledRollout(
        String rolloutId,
        int[] promptTokens,
        int[] tokens,
        float[] logProbs,
        long[] versions,
        List<Integer> thoughtEnds,
        String finishReason,
        String text,
        List<Integer> thoughtTextEnds) {}
