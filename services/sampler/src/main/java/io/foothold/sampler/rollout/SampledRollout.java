package io.foothold.sampler.rollout;

import io.foothold.core.verdict.Thinking;
import java.util.Arrays;
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
 * @param opensInThought whether the prompt ended inside a thought, so that the text begins inside it; see {@link Thinking}
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
        List<Integer> thoughtTextEnds,
        boolean opensInThought) {
    /** Tokens at a prompt's end that are searched for a thought that its template opens. */
    private static final int TOKENS_OF_AN_ENDING = 128;

    /**
     * What was sampled.
     *
     * @param tokens token ids
     * @param logProbs of each token, in nats
     * @param versions the policy's, of each token
     */
    record Sampled(int[] tokens, float[] logProbs, long[] versions) {}

    /** A rollout whose texts are decoded from its tokens. */
    static SampledRollout of(
            String rolloutId,
            GroupWork work,
            int[] prompt,
            Sampled sampled,
            List<Integer> thoughtEnds,
            String finishReason,
            byte[][] vocabulary) {
        int[] response = response(work, sampled.tokens());
        return new SampledRollout(
                rolloutId,
                prompt,
                sampled.tokens(),
                sampled.logProbs(),
                sampled.versions(),
                List.copyOf(thoughtEnds),
                finishReason,
                Thoughts.decode(response, vocabulary),
                Thoughts.textEnds(response, thoughtEnds, vocabulary),
                Thinking.opensAtTheEndOf(Thoughts.decode(ending(prompt), vocabulary)));
    }

    private static int[] ending(int[] prompt) {
        return Arrays.copyOfRange(prompt, Math.max(0, prompt.length - TOKENS_OF_AN_ENDING), prompt.length);
    }

    /** Given and sampled tokens of a response. */
    static int[] response(GroupWork work, int[] tokens) {
        int given = work.prefixTokens().length;
        int[] out = Arrays.copyOf(work.prefixTokens(), given + tokens.length);
        System.arraycopy(tokens, 0, out, given, tokens.length);
        return out;
    }
}
