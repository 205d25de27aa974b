package io.foothold.learner.train;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.ImportanceStatistics;
import io.foothold.core.loss.MismatchRule;
import io.foothold.policy.Trainer;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The policy that an update begins with, as seen on the update's rollouts, and what {@link MismatchRule} makes of it: the log-probs that
 * the loss's ratio is taken to, and the correction of every token's credit. Rollouts of which nothing is known, or whose log-probs are of
 * another prompt, keep the sampler's and their credit.
 */
final class ProximalPolicy {
    private final MismatchRule rule;
    private final List<TrainGroup.Member> members;
    private final List<Trainer.@Nullable Score> scores;

    /**
     * What is known of the members.
     *
     * @param scores one a member, of the weights before the update's first step; null where it was not scored
     */
    ProximalPolicy(MismatchRule rule, List<TrainGroup.Member> members, List<Trainer.@Nullable Score> scores) {
        this.rule = rule;
        this.members = members;
        this.scores = scores;
    }

    /** The log-probs that the ratio of a member is taken to, shape [sampled tokens]. */
    float[] logProbs(int member) {
        Trainer.Score score = comparable(member);
        return score == null || !rule.corrects() ? members.get(member).logProbs() : score.logProbs();
    }

    /** The plan of a part of the members, corrected. */
    CreditPlan corrected(CreditPlan plan, int from) {
        return rule.corrects()
                ? new CreditPlan(IntStream.range(0, plan.rollouts().size())
                        .mapToObj(i -> corrected(plan.rollouts().get(i), from + i))
                        .toList())
                : plan;
    }

    private CreditPlan.Entry corrected(CreditPlan.Entry entry, int member) {
        Trainer.Score score = comparable(member);
        // A rollout that is masked has no tokens in its plan.
        return score == null || entry.member().sampledTokens() == 0
                ? entry
                : entry.corrected(rule.corrections(
                        doubles(score.logProbs()), doubles(members.get(member).logProbs())));
    }

    /** What the ratios say, whether the rule uses them or not. */
    ImportanceStatistics statistics() {
        ImportanceStatistics out = new ImportanceStatistics(rule);
        for (int i = 0; i < members.size(); i++) {
            Trainer.Score score = comparable(i);
            if (score != null) {
                try {
                    out.add(doubles(score.logProbs()), doubles(members.get(i).logProbs()));
                } catch (IllegalArgumentException e) {
                    throw new FootholdException(
                            ErrorCode.INVALID_DATA, "rollout " + members.get(i).rolloutId() + ": " + e.getMessage(), e);
                }
            }
        }
        return out;
    }

    private Trainer.@Nullable Score comparable(int member) {
        return members.get(member).offPolicy() ? null : scores.get(member);
    }

    private static double[] doubles(float[] values) {
        return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
    }
}
