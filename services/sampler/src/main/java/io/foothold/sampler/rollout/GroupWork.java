package io.foothold.sampler.rollout;

import io.foothold.core.policy.PolicyVersion;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

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
 * @param policy the policy that samples every token, and no other; empty when any from the oldest version on may
 */
public record GroupWork(
        String groupId,
        String prompt,
        int[] promptTokens,
        int[] prefixTokens,
        Settings settings,
        List<Reservation> reservations,
        long minPolicyVersion,
        Optional<PolicyVersion> policy) {

    /** Work for any policy from a version on. */
    public GroupWork(
            String groupId,
            String prompt,
            int[] promptTokens,
            int[] prefixTokens,
            Settings settings,
            List<Reservation> reservations,
            long minPolicyVersion) {
        this(groupId, prompt, promptTokens, prefixTokens, settings, reservations, minPolicyVersion, Optional.empty());
    }

    /**
     * How tokens are drawn.
     *
     * @param maxTokens upper limit of sampled tokens
     * @param thoughtDelimiter ends a thought; empty when thoughts are not cut
     * @param maxThoughtTokens upper limit of tokens of one thought; 0 for none
     * @param maxThoughts upper limit of sampled thoughts; 0 for none
     * @param chat how the server makes the prompt a user's message, as input {@code chat} has it; empty when it does not
     */
    public record Settings(
            double temperature,
            double topP,
            int topK,
            int maxTokens,
            String thoughtDelimiter,
            List<String> stopStrings,
            int maxThoughtTokens,
            int maxThoughts,
            String chat) {
        /** Settings for a prompt that is encoded as it stands. */
        public Settings(
                double temperature,
                double topP,
                int topK,
                int maxTokens,
                String thoughtDelimiter,
                List<String> stopStrings,
                int maxThoughtTokens,
                int maxThoughts) {
            this(temperature, topP, topK, maxTokens, thoughtDelimiter, stopStrings, maxThoughtTokens, maxThoughts, "");
        }

        /** Copies the stop strings; limits of thoughts need thoughts. */
        public Settings {
            stopStrings = List.copyOf(stopStrings);
            if (maxThoughtTokens < 0 || maxThoughts < 0) {
                throw new IllegalArgumentException(
                        "limits of thoughts must not be negative: " + maxThoughtTokens + ", " + maxThoughts);
            }
            if (maxThoughtTokens + maxThoughts > 0 && thoughtDelimiter.isEmpty()) {
                throw new IllegalArgumentException("max_thought_tokens and max_thoughts need a thought_delimiter");
            }
        }

        /** Whether each thought is a request of its own. */
        boolean thoughtwise() {
            return maxThoughtTokens > 0 || maxThoughts > 0;
        }
    }

    /** A rollout to sample and the seed of its noise. */
    public record Reservation(String rolloutId, long seed) {}

    /** The same start, continued by what was sampled already, for one thought of one rollout. */
    GroupWork continued(String id, long seed, int[] prompt, int[] sampled, int limit) {
        int[] given = Arrays.copyOf(prefixTokens, prefixTokens.length + sampled.length);
        System.arraycopy(sampled, 0, given, prefixTokens.length, sampled.length);
        List<String> stops = new ArrayList<>(settings.stopStrings());
        stops.add(settings.thoughtDelimiter());
        return new GroupWork(
                groupId,
                this.prompt,
                prompt,
                given,
                new Settings(settings.temperature(), settings.topP(), settings.topK(), limit, "", stops, 0, 0),
                List.of(new Reservation(id, seed)),
                minPolicyVersion,
                policy);
    }

    /**
     * Why tokens that are stamped with a version are not what was asked for.
     *
     * @param newest newest version that any token can rightly have; empty when that is not known
     */
    Optional<String> refused(long version, OptionalLong newest) {
        if (policy.isPresent()) {
            return version == policy.get().number()
                    ? Optional.empty()
                    : Optional.of("version " + version + " sampled them, which is not version "
                            + policy.get().number() + " that was asked for");
        }
        if (version < minPolicyVersion) {
            return Optional.of("version " + version + " sampled them, which is older than " + minPolicyVersion);
        }
        return newest.isPresent() && version > newest.getAsLong()
                ? Optional.of("version " + version + " sampled them, but none above " + newest.getAsLong()
                        + " was published here: the server has another run's policy")
                : Optional.empty();
    }

    /** Copies the reservations. */
    public GroupWork {
        reservations = List.copyOf(reservations);
    }
}
