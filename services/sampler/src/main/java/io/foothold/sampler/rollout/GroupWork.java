package io.foothold.sampler.rollout;

import java.util.List;

/**
 * Rollouts of one group.
 *
 * @param groupId the group
 * @param prompt rendered prompt
 * @param promptTokens its exact tokens when they are known, otherwise empty
 * @param prefixTokens given tokens of the response (resets)
 * @param settings how tokens are drawn
 * @param reservations one a rollout
 * @param minPolicyVersion oldest version that may sample
 */
public record GroupWork(
        String groupId,
        String prompt,
        int[] promptTokens,
        int[] prefixTokens,
        Settings settings,
        List<Reservation> reservations,
        long minPolicyVersion) {

    /**
     * How tokens are drawn.
     *
     * @param maxTokens upper limit of sampled tokens
     * @param thoughtDelimiter ends a thought; empty when thoughts are not cut
     */
    public record Settings(
            double temperature,
            double topP,
            int topK,
            int maxTokens,
            String thoughtDelimiter,
            List<String> stopStrings) {
        /** Copies the stop strings. */
        public Settings {
            stopStrings = List.copyOf(stopStrings);
        }
    }

    /** A rollout to sample and the seed of its noise. */
    public record Reservation(String rolloutId, long seed) {}

    /** Copies the reservations. */
    public GroupWork {
        reservations = List.copyOf(reservations);
    }
}
