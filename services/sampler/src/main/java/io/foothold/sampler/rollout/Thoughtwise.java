package io.foothold.sampler.rollout;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/**
 * Generates a rollout thought by thought (arXiv 2605.25507): one request a thought, each continuing the exact tokens before
 * it. In deterministic mode the tokens are those of one stream, since noise is indexed by seed and response position.
 */
final class Thoughtwise {
    private final GroupWork work;
    private final GroupWork.Reservation reservation;
    private final int[] prompt;
    private final byte[][] vocabulary;
    private int[] tokens = new int[0];
    private float[] logProbs = new float[0];
    private long[] versions = new long[0];
    private final List<Integer> ends;

    Thoughtwise(GroupWork work, GroupWork.Reservation reservation, int[] prompt, byte[][] vocabulary) {
        this.work = work;
        this.reservation = reservation;
        this.prompt = prompt;
        this.vocabulary = vocabulary;
        this.ends = new ArrayList<>(
                Thoughts.ends(work.prefixTokens(), vocabulary, work.settings().thoughtDelimiter()));
    }

    /**
     * Samples to the end.
     *
     * @param ask samples one thought, or throws
     */
    SampledRollout sample(Function<GroupWork, SampledRollout> ask) {
        GroupWork.Settings s = work.settings();
        for (int thought = 1; ; thought++) {
            int left = s.maxTokens() - tokens.length;
            if (left <= 0 || (s.maxThoughts() > 0 && thought > s.maxThoughts())) {
                return finished("length");
            }
            int limit = s.maxThoughtTokens() > 0 ? Math.min(left, s.maxThoughtTokens()) : left;
            SampledRollout next = ask.apply(work.continued(
                    reservation.rolloutId() + "/t" + thought, reservation.seed(), prompt, tokens, limit));
            append(next);
            switch (next.finishReason()) {
                case "stop_string", "stop_words" -> {
                    if (!Thoughts.decode(next.tokens(), vocabulary).contains(s.thoughtDelimiter())) {
                        return finished(next.finishReason());
                    }
                    ends.add(work.prefixTokens().length + tokens.length);
                }
                case "length" -> {
                    if (limit == left) {
                        return finished("length");
                    }
                    // The limit of a thought ends it; the chain goes on.
                    ends.add(work.prefixTokens().length + tokens.length);
                }
                default -> {
                    return finished(next.finishReason());
                }
            }
        }
    }

    private void append(SampledRollout next) {
        int from = tokens.length;
        int more = next.tokens().length;
        tokens = Arrays.copyOf(tokens, from + more);
        System.arraycopy(next.tokens(), 0, tokens, from, more);
        logProbs = Arrays.copyOf(logProbs, from + more);
        System.arraycopy(next.logProbs(), 0, logProbs, from, more);
        versions = Arrays.copyOf(versions, from + more);
        System.arraycopy(next.versions(), 0, versions, from, more);
    }

    private SampledRollout finished(String reason) {
        return SampledRollout.of(
                reservation.rolloutId(),
                work,
                prompt,
                new SampledRollout.Sampled(tokens, logProbs, versions),
                ends,
                reason,
                vocabulary);
    }
}
