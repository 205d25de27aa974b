package io.foothold.learner.train;

import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.Distillation;
import io.foothold.policy.Trainer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What the policy that an update begins with says of the update's rollouts when it is shown a solution, and the credit that follows ({@link
 * Distillation}). Members without a teacher's prompt keep the advantage's part of theirs.
 */
final class PrivilegedTeacher {
    private final Distillation rule;
    private final List<TrainGroup.Member> members;
    private final double[] advantages;
    /** Credits of each member's tokens; null for one that has no teacher. */
    private final List<double @Nullable []> credits = new ArrayList<>();

    private double gaps;
    private long tokens;

    /**
     * Scores the members under their teachers' prompts.
     *
     * @param advantages one a member, of rewards
     */
    PrivilegedTeacher(
            Distillation rule,
            List<TrainGroup.Member> members,
            double[] advantages,
            TensorBackend backend,
            double temperature) {
        this.rule = rule;
        this.members = members;
        this.advantages = advantages.clone();
        int[] taught = IntStream.range(0, members.size())
                .filter(i -> rule.teaches()
                        && members.get(i).teacher().length > 0
                        && members.get(i).sampled().length > 0)
                .toArray();
        List<Trainer.Score> scores = taught.length == 0
                ? List.of()
                : backend.score(
                        Arrays.stream(taught)
                                .mapToObj(i -> shown(members.get(i)))
                                .toList(),
                        temperature);
        for (int i = 0, next = 0; i < members.size(); i++) {
            boolean own = next < taught.length && taught[next] == i;
            credits.add(own ? credits(i, scores.get(next).logProbs()) : null);
            next += own ? 1 : 0;
        }
    }

    private static Trainer.Sequence shown(TrainGroup.Member m) {
        return new Trainer.Sequence(m.teacher(), m.given(), m.sampled(), m.logProbs());
    }

    private double[] credits(int member, float[] teacher) {
        float[] student = members.get(member).logProbs();
        for (int t = 0; t < teacher.length; t++) {
            gaps += (double) teacher[t] - student[t];
            tokens++;
        }
        return rule.credits(advantages[member], teacher, student);
    }

    /** What carries the credit of each member: the mean credit of its tokens, which is its advantage where there is no teacher. */
    double[] means() {
        return of(own -> Arrays.stream(own).average().orElse(0));
    }

    /** The advantages that plans are made with: 1 where a member's tokens have credits of their own. */
    double[] planned() {
        return of(own -> 1);
    }

    private double[] of(ToDoubleFunction<double[]> taught) {
        double[] out = advantages.clone();
        for (int i = 0; rule.teaches() && i < out.length; i++) {
            double @Nullable [] own = credits.get(i);
            out[i] = own == null ? rule.rewards() * advantages[i] : taught.applyAsDouble(own);
        }
        return out;
    }

    /** The plan of a part of the members with the credits of their tokens. */
    CreditPlan taught(CreditPlan plan, int from) {
        return rule.teaches()
                ? new CreditPlan(IntStream.range(0, plan.rollouts().size())
                        .mapToObj(i -> taught(plan.rollouts().get(i), credits.get(from + i)))
                        .toList())
                : plan;
    }

    private static CreditPlan.Entry taught(CreditPlan.Entry entry, double @Nullable [] own) {
        // A rollout that is masked has no tokens in its plan.
        return own == null || entry.member().sampledTokens() == 0 ? entry : entry.corrected(own);
    }

    /** Tokens that were taught, and the mean of log π_T - log π over them, nats: an estimate of -KL(π || π_T). */
    Map<String, Double> metrics() {
        return tokens == 0 ? Map.of() : Map.of("teacher_tokens", (double) tokens, "teacher_gap", gaps / tokens);
    }
}
