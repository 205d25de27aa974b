package io.foothold.core.loss;

import java.util.Arrays;
import java.util.List;

/**
 * The weight of every token of every rollout of one optimizer step: the aggregation weight on tokens that the policy sampled
 * in this rollout, 0 on all others (prompt, oracle prefix, reset prefix).
 *
 * @param rollouts one entry a rollout, in the order given
 */
public record CreditPlan(List<Entry> rollouts) {

    /**
     * What a plan needs to know of a rollout.
     *
     * @param promptTokens tokens of the prompt, oracle prefix included
     * @param prefixTokens given tokens of the response (resets)
     * @param sampledTokens tokens that the policy sampled
     * @param advantage its advantage
     * @param offPolicy whether it was sampled under another prompt than it is trained under: its behaviour log-probs say
     *     nothing then, and {@link LossRule#shaping} takes the place of the ratio
     */
    public record Member(int promptTokens, int prefixTokens, int sampledTokens, double advantage, boolean offPolicy) {
        /** Counts are not negative, advantages finite. */
        public Member {
            if (promptTokens < 0 || prefixTokens < 0 || sampledTokens < 0) {
                throw new IllegalArgumentException("negative token count");
            }
            if (!Double.isFinite(advantage)) {
                throw new IllegalArgumentException("advantage is not finite: " + advantage);
            }
        }

        /** A rollout that is trained under the prompt it was sampled with. */
        public Member(int promptTokens, int prefixTokens, int sampledTokens, double advantage) {
            this(promptTokens, prefixTokens, sampledTokens, advantage, false);
        }

        /** All tokens. */
        public int tokens() {
            return promptTokens + prefixTokens + sampledTokens;
        }
    }

    /**
     * A rollout in the plan.
     *
     * @param member what the plan was made from
     * @param weight aggregation weight of each of its sampled tokens
     * @param corrections what multiplies the credit of each sampled token ({@link MismatchRule}), constants of the update; empty where
     *     all are 1. Not copied
     */
    public record Entry(Member member, double weight, double[] corrections) {
        /** One correction a sampled token, or none at all. */
        public Entry {
            if (corrections.length > 0 && corrections.length != member.sampledTokens()) {
                throw new IllegalArgumentException(
                        corrections.length + " corrections of " + member.sampledTokens() + " sampled tokens");
            }
        }

        /** A rollout whose credit stays as it is. */
        public Entry(Member member, double weight) {
            this(member, weight, new double[0]);
        }

        /** The same with other corrections. */
        public Entry corrected(double[] corrections) {
            return new Entry(member, weight, corrections);
        }

        /** What multiplies the credit of a sampled token, counted from 0. */
        public double correction(int token) {
            return corrections.length == 0 ? 1 : corrections[token];
        }

        /** Credit of a sampled token, counted from 0: aggregation weight, advantage and correction. */
        public double credit(int token) {
            return weight * member.advantage() * correction(token);
        }

        /** Weight of each token, float32, shape [tokens]: 0 except on sampled tokens. */
        public float[] tokenWeights() {
            float[] out = new float[member.tokens()];
            Arrays.fill(out, member.promptTokens() + member.prefixTokens(), out.length, (float) weight);
            return out;
        }

        /** Whether it can have a gradient without a regulariser. */
        public boolean hasSignal() {
            return member.advantage() != 0
                    && member.sampledTokens() > 0
                    && (corrections.length == 0 || Arrays.stream(corrections).anyMatch(c -> c != 0));
        }
    }

    /** Copies the entries. */
    public CreditPlan {
        rollouts = List.copyOf(rollouts);
    }

    /**
     * The plan of one optimizer step over these rollouts.
     *
     * @throws IllegalArgumentException when a rollout is off-policy and the rule has no shaping
     */
    public static CreditPlan of(LossRule rule, List<Member> members) {
        if (rule.shaping() == 0 && members.stream().anyMatch(Member::offPolicy)) {
            throw new IllegalArgumentException("off-policy rollouts need a loss with shaping");
        }
        long tokens = members.stream().mapToLong(Member::sampledTokens).sum();
        double n = members.size();
        return new CreditPlan(members.stream()
                .map(m -> new Entry(
                        m,
                        m.sampledTokens() == 0
                                ? 0
                                : switch (rule.aggregation()) {
                                    case TOKEN_MEAN -> 1.0 / tokens;
                                    case SEQUENCE_MEAN -> 1 / (n * m.sampledTokens());
                                    case SEQUENCE_SUM -> 1 / n;
                                    case CONSTANT_LENGTH -> 1 / (n * rule.constantLength());
                                }))
                .toList());
    }

    /** Whether any rollout can have a gradient without a regulariser. */
    public boolean hasSignal() {
        return rollouts.stream().anyMatch(Entry::hasSignal);
    }
}
