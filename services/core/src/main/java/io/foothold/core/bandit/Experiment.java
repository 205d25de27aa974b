package io.foothold.core.bandit;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.LossRule.Aggregation;
import io.foothold.core.method.Group;
import io.foothold.core.method.Method;
import io.foothold.core.method.Plain;
import io.foothold.core.method.Refilled;
import io.foothold.core.method.Reset;
import io.foothold.core.reset.Instead;
import io.foothold.core.reset.LocalizerTrust;
import io.foothold.core.reset.ResetSplit;
import io.foothold.core.reset.ResetSplit.SeedRule;
import io.foothold.core.reset.ResetSplit.WithoutSeeds;
import io.foothold.core.start.StartState;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * A method whose gradient is measured.
 *
 * @param name of its row
 * @param target the gradient that it is compared with
 * @param method as it is shipped
 * @param estimator what members of a group are compared by
 * @param loss how credit becomes a gradient; KL and entropy are left out, and a ratio is 1, as on the first step of an update
 * @param guided whether every problem has a place that begins behind the first thoughts of its oracle solution, too
 * @param localizes whether first errors are named; else resets are to random thoughts
 * @param discardsSlow whether slow rollouts are thrown away and others take their place
 * @param trains the groups that are trained
 */
public record Experiment(
        String name,
        Target target,
        Method method,
        AdvantageEstimator estimator,
        LossRule loss,
        boolean guided,
        boolean localizes,
        boolean discardsSlow,
        Predicate<Group> trains) {
    private static final int MEMBERS = 8;
    /** So often that hardly a place stays without a signal. */
    private static final int REFILLS = 50;

    /** A gradient that is known. */
    public sealed interface Target {
        /** Success from the root. */
        record Pass1() implements Target {
            @Override
            public String toString() {
                return "pass@1";
            }
        }

        /** Success of the best of k from the root. */
        record PassAtK(int k) implements Target {
            @Override
            public String toString() {
                return "pass@" + k;
            }
        }

        /** Success from the root, and behind the first thoughts of the oracle solution. */
        record RootAndGuided() implements Target {
            @Override
            public String toString() {
                return "pass@1, root and guided";
            }
        }

        /** Success of an answer, and with its weight that of a revision. */
        record BothAttempts(double weight) implements Target {
            @Override
            public String toString() {
                return "pass@1, and " + Math.round(weight) + " times that of a revision";
            }
        }
    }

    /** A method that is trained on everything that it gives, with every rollout waited for. */
    public Experiment(
            String name,
            Target target,
            Method method,
            AdvantageEstimator estimator,
            LossRule loss,
            boolean guided,
            boolean localizes) {
        this(name, target, method, estimator, loss, guided, localizes, false, group -> true);
    }

    /** Rules one at a time, with shipped methods. */
    public static List<Experiment> rules() {
        LossRule sum = LossRule.policyGradient(Aggregation.SEQUENCE_SUM);
        LossRule sequence = LossRule.policyGradient(Aggregation.SEQUENCE_MEAN);
        AdvantageEstimator mean = new AdvantageEstimator.Mean();
        AdvantageEstimator meanStd = new AdvantageEstimator.MeanStd();
        Target pass1 = new Target.Pass1();
        Target both = new Target.RootAndGuided();
        Method plain = new Plain(MEMBERS);
        List<Experiment> out = new ArrayList<>();
        out.add(plain("REINFORCE, no baseline", pass1, new AdvantageEstimator.Reward()));
        out.add(plain("GRPO, mean only (Dr. GRPO)", pass1, mean));
        out.add(plain("GRPO, leave-one-out (RLOO)", pass1, new AdvantageEstimator.LeaveOneOut()));
        out.add(plain("GRPO, mean/std", pass1, meanStd));
        Method refilled = new Refilled(plain, mean, REFILLS);
        out.add(new Experiment(
                "GRPO, mean only, no-signal places filled again", pass1, refilled, mean, sum, false, true));
        out.add(plain("pass@4 weights", new Target.PassAtK(4), new AdvantageEstimator.PassAtKWeights(4)));
        Method half = new Plain(MEMBERS / 2);
        out.add(new Experiment("POPE 1:1, mean only", both, half, mean, sum, true, true));
        out.add(new Experiment("POPE 1:1, mean only", pass1, half, mean, sum, true, true));
        out.add(resets("RRPO 1x8", split(0, 8, SeedRule.PAPER), false, meanStd, sequence));
        out.add(resets("RRPO 1x4 and base group", split(4, 4, SeedRule.PAPER), false, meanStd, sequence));
        out.add(resets("SRPO 1x8", split(0, 8, SeedRule.PAPER), true, meanStd, sequence));
        for (SeedRule rule : SeedRule.values()) {
            String name = rule.name().toLowerCase(java.util.Locale.ROOT);
            out.add(resets("SRPO 1x4 and base group, " + name, split(4, 4, rule), true, meanStd, sequence));
        }
        for (SeedRule rule : SeedRule.values()) {
            String name = rule.name().toLowerCase(java.util.Locale.ROOT);
            out.add(resets("its base group alone, mean only, " + name, split(4, 4, rule), true, mean, sum)
                    .training(group -> group.start() instanceof StartState.Root));
        }
        out.add(plain("GRPO, mean only, slow rollouts discarded", pass1, mean).discarding());
        out.add(plain("GRPO, mean only, slow rollouts waited for", pass1, mean));
        return out;
    }

    private static Experiment plain(String name, Target target, AdvantageEstimator estimator) {
        LossRule sum = LossRule.policyGradient(Aggregation.SEQUENCE_SUM);
        return new Experiment(name, target, new Plain(MEMBERS), estimator, sum, false, true);
    }

    private static Experiment resets(
            String name, ResetSplit split, boolean localizes, AdvantageEstimator estimator, LossRule loss) {
        Method method = new Reset(split, Instead.RANDOM, Instead.RANDOM, 0, new LocalizerTrust(0));
        return new Experiment(name, new Target.Pass1(), method, estimator, loss, false, localizes);
    }

    private static ResetSplit split(int base, int suffixes, SeedRule rule) {
        return new ResetSplit(base, 1, suffixes, 12, rule, WithoutSeeds.PLAIN);
    }

    private Experiment training(Predicate<Group> groups) {
        return new Experiment(name, target, method, estimator, loss, guided, localizes, discardsSlow, groups);
    }

    private Experiment discarding() {
        return new Experiment(name, target, method, estimator, loss, guided, localizes, true, trains);
    }
}
