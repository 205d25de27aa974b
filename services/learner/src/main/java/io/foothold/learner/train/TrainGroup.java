package io.foothold.learner.train;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.policy.PolicyVersion;
import java.util.List;

/**
 * A complete group of an update.
 *
 * @param groupId opaque id
 * @param members in order
 */
public record TrainGroup(String groupId, List<Member> members) {

    /**
     * A member.
     *
     * @param rolloutId its id
     * @param prompt prompt tokens that it is trained under
     * @param given given response tokens
     * @param sampled sampled tokens
     * @param logProbs behaviour log-probs
     * @param versions policy version of each sampled token; {@link PolicyVersion#NOBODY} where no policy sampled it
     * @param truncated whether the limit of tokens cut it
     * @param reward its reward
     * @param offPolicy whether it was sampled under another prompt: its log-probs say nothing of this one
     * @param teacher prompt tokens under which the policy teaches it; empty without a teacher
     * @param rewards the several ones that the reward was made of; empty where there is one
     */
    public record Member(
            String rolloutId,
            int[] prompt,
            int[] given,
            int[] sampled,
            float[] logProbs,
            long[] versions,
            boolean truncated,
            double reward,
            boolean offPolicy,
            int[] teacher,
            List<Double> rewards) {
        /** One without a teacher, with one reward. */
        public Member(
                String rolloutId,
                int[] prompt,
                int[] given,
                int[] sampled,
                float[] logProbs,
                long[] versions,
                boolean truncated,
                double reward,
                boolean offPolicy) {
            this(
                    rolloutId,
                    prompt,
                    given,
                    sampled,
                    logProbs,
                    versions,
                    truncated,
                    reward,
                    offPolicy,
                    new int[0],
                    List.of());
        }

        /** One log-prob and one version a token. */
        public Member {
            rewards = List.copyOf(rewards);
            if (logProbs.length != sampled.length || versions.length != sampled.length) {
                throw new IllegalArgumentException("rollout " + rolloutId + ": " + sampled.length + " tokens, "
                        + logProbs.length + " log-probs, " + versions.length + " versions");
            }
        }

        /** Whether no policy sampled it: an oracle's solution, which somebody writes with probability 1. */
        boolean nobodys() {
            return versions.length > 0 && versions[0] == PolicyVersion.NOBODY;
        }
    }

    /** Copies the members. */
    public TrainGroup {
        members = List.copyOf(members);
        if (members.isEmpty()) {
            throw new IllegalArgumentException("group " + groupId + " is empty");
        }
    }

    /**
     * As advantages are made of it.
     *
     * @param weights of several rewards; empty where a member has one
     */
    AdvantageEstimator.Scored scored(List<Double> weights) {
        return new AdvantageEstimator.Scored(
                members.stream().mapToDouble(Member::reward).toArray(),
                members.stream().mapToInt(m -> m.sampled().length).toArray(),
                new AdvantageEstimator.Several(
                        weights,
                        weights.isEmpty()
                                ? List.of()
                                : members.stream().map(Member::rewards).toList()));
    }
}
