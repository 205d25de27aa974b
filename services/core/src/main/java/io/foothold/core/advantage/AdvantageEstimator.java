package io.foothold.core.advantage;

import io.foothold.core.passk.PassAtK;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;

/**
 * Advantages of the members of one group from their rewards. Baselines never leave the group, but for estimators whose papers take them of
 * a whole update: those say so in {@link #together}.
 */
public sealed interface AdvantageEstimator {

    /**
     * The advantages.
     *
     * @param rewards one a member, at least one, all finite
     * @return one a member; with a baseline exactly 0 when the rewards are all equal, whatever rounding makes of their mean
     */
    double[] advantages(double[] rewards);

    /**
     * A group as it was sampled.
     *
     * @param rewards one a member
     * @param lengths sampled tokens of each
     * @param several what the rewards are sums of
     */
    record Scored(double[] rewards, int[] lengths, Several several) {
        /** With one reward a member. */
        public Scored(double[] rewards, int[] lengths) {
            this(rewards, lengths, Several.NONE);
        }
    }

    /**
     * Several rewards a member.
     *
     * @param weights w_k, one a reward; none where a member has one
     * @param values r_k by member, then by reward
     */
    record Several(List<Double> weights, List<List<Double>> values) {
        /** One reward a member. */
        public static final Several NONE = new Several(List.of(), List.of());

        /** Copies; every member has a reward a weight. */
        public Several {
            weights = List.copyOf(weights);
            values = List.copyOf(values);
            for (List<Double> member : values) {
                if (member.size() != weights.size()) {
                    throw new IllegalArgumentException(
                            "a member has " + member.size() + " rewards, there are " + weights.size() + " weights");
                }
            }
        }

        /** Those of one reward, one a member. */
        double[] of(int reward) {
            return values.stream().mapToDouble(member -> member.get(reward)).toArray();
        }
    }

    /** The advantages where the lengths of the members are known. */
    default double[] advantages(Scored group) {
        return advantages(group.rewards());
    }

    /** The advantages of all groups of an update, in order. */
    default List<double[]> together(List<Scored> groups) {
        return groups.stream().map(this::advantages).toList();
    }

    /** Whether any member of a group with these rewards carries a gradient. */
    default boolean signal(double[] rewards) {
        return Arrays.stream(advantages(rewards)).anyMatch(a -> a != 0);
    }

    /** A_i = r_i: REINFORCE without a baseline (Williams 1992), for groups of one. */
    record Reward() implements AdvantageEstimator {
        @Override
        public double[] advantages(double[] rewards) {
            return rewards.clone();
        }
    }

    /** A_i = r_i − mean(r): POPE (arXiv 2601.18779) and Dr. GRPO (arXiv 2503.20783). */
    record Mean() implements AdvantageEstimator {
        @Override
        public double[] advantages(double[] rewards) {
            return centred(rewards);
        }
    }

    /** A_i = (r_i − mean(r)) / std(r), population std; 0 when std is below 1e-8: GRPO (arXiv 2402.03300) and SRPO (arXiv 2605.25507). */
    record MeanStd() implements AdvantageEstimator {
        private static final double NO_SIGNAL = 1e-8;

        @Override
        public double[] advantages(double[] rewards) {
            double[] centred = centred(rewards);
            double variance = Arrays.stream(centred).map(d -> d * d).average().orElseThrow();
            double std = Math.sqrt(variance);
            return Arrays.stream(centred)
                    .map(d -> std < NO_SIGNAL ? 0 : d / std)
                    .toArray();
        }
    }

    /** A_i = r_i − mean of the other members: unbiased (RLOO, Kool et al. 2019). A group of one has no baseline: 0. */
    record LeaveOneOut() implements AdvantageEstimator {
        @Override
        public double[] advantages(double[] rewards) {
            int n = rewards.length;
            if (allEqual(rewards)) {
                return new double[n];
            }
            double sum = Arrays.stream(rewards).sum();
            return Arrays.stream(rewards).map(r -> r - (sum - r) / (n - 1)).toArray();
        }
    }

    /**
     * The pass@k objective: weights of {@link PassAtK#weight}, centred on their mean. Rewards must be 0 or 1.
     *
     * @param k at most the size of the group
     */
    record PassAtKWeights(int k) implements AdvantageEstimator {
        @Override
        public double[] advantages(double[] rewards) {
            return centred(weights(rewards, k));
        }
    }

    /**
     * The pass@k objective without a baseline: the weights of {@link PassAtK#weight} themselves, unbiased and noisier. A group that is all
     * wrong carries no gradient, one that is all right does. Rewards must be 0 or 1.
     *
     * @param k at most the size of the group
     */
    record PassAtKPlain(int k) implements AdvantageEstimator {
        @Override
        public double[] advantages(double[] rewards) {
            return weights(rewards, k);
        }
    }

    /**
     * The pass@k objective with a leave-one-out baseline: w_i − (k/n) ρ(n−1, c−r_i, k), {@link PassAtK#weight} less what k draws from the
     * other members are worth. The baseline is that of PKPO (arXiv 2505.15201, eq. 29) by (n−1)/n, so that equal rewards give 0; it
     * does not know its member, so the gradient of pass@k stays unbiased, length and all. Where k = n the others are
     * drawn k−1 at a time (eq. 33). Rewards must be 0 or 1. With k = 1 it is {@link LeaveOneOut} by 1/n.
     *
     * @param k at most the size of the group
     */
    record PassAtKLeaveOneOut(int k) implements AdvantageEstimator {
        @Override
        public double[] advantages(double[] rewards) {
            int n = rewards.length;
            int right = right(rewards);
            if (allEqual(rewards)) {
                return new double[n];
            }
            return Arrays.stream(rewards)
                    .map(r -> {
                        double others = PassAtK.estimate(n - 1, right - (int) r, Math.min(k, n - 1));
                        return PassAtK.weight(n, right, k, r == 1) - others * k / n;
                    })
                    .toArray();
        }
    }

    /**
     * A_i = r_i − Σ l_j r_j / Σ l_j with l the lengths: the baseline of least variance where gradients of tokens are about orthogonal and of
     * one size (OPO, arXiv 2505.23585). Of members whose lengths are not known: {@link Mean}.
     */
    record OptimalBaseline() implements AdvantageEstimator {
        @Override
        public double[] advantages(double[] rewards) {
            return centred(rewards);
        }

        @Override
        public double[] advantages(Scored group) {
            double[] rewards = group.rewards();
            double weighted = 0;
            long length = 0;
            for (int i = 0; i < rewards.length; i++) {
                weighted += group.lengths()[i] * rewards[i];
                length += group.lengths()[i];
            }
            double baseline = length == 0 || allEqual(rewards) ? mean(rewards) : weighted / length;
            return Arrays.stream(rewards).map(r -> r - baseline).toArray();
        }
    }

    /**
     * A_i = (x_i − mean(x)) / sqrt(var(x) + 1e-8), mean and variance (unbiased) over all tokens of the update, on which x is that of their
     * rollout: x = r (REINFORCE++, arXiv 2501.03262), or r less the mean of its group where there is a baseline (its baseline variant, for
     * several answers a problem). A group of one has no baseline. Everything is 0 where all x are equal.
     *
     * @param baseline whether the mean of the group is subtracted
     */
    record ReinforcePlusPlus(boolean baseline) implements AdvantageEstimator {
        private static final double EPSILON = 1e-8;

        @Override
        public double[] advantages(double[] rewards) {
            int[] ones = new int[rewards.length];
            Arrays.fill(ones, 1);
            return together(List.of(new Scored(rewards, ones))).getFirst();
        }

        @Override
        public List<double[]> together(List<Scored> groups) {
            List<double[]> all = groups.stream()
                    .map(g -> baseline && g.rewards().length > 1 ? centred(g.rewards()) : g.rewards())
                    .toList();
            double sum = 0;
            long tokens = 0;
            for (int g = 0; g < all.size(); g++) {
                for (int i = 0; i < all.get(g).length; i++) {
                    sum += groups.get(g).lengths()[i] * all.get(g)[i];
                    tokens += groups.get(g).lengths()[i];
                }
            }
            double mean = sum / Math.max(1, tokens);
            double squares = 0;
            for (int g = 0; g < all.size(); g++) {
                for (int i = 0; i < all.get(g).length; i++) {
                    squares += groups.get(g).lengths()[i] * Math.pow(all.get(g)[i] - mean, 2);
                }
            }
            boolean silent =
                    allEqual(all.stream().flatMapToDouble(Arrays::stream).toArray());
            double scale = silent || tokens < 2 ? 0 : 1 / Math.sqrt(squares / (tokens - 1) + EPSILON);
            return all.stream()
                    .map(x -> Arrays.stream(x)
                            .map(v -> scale == 0 ? 0 : (v - mean) * scale)
                            .toArray())
                    .toList();
        }

        /** Of a group by itself nothing can be said where the others decide what its rewards are worth. */
        @Override
        public boolean signal(double[] rewards) {
            return !baseline || !allEqual(rewards);
        }
    }

    /**
     * A_i = α (r_i − mean(r)) with α = B / (B − M), of the update's B rollouts M in groups whose rewards are all equal: what those do not add
     * to the gradient the others make up for (GPG, arXiv 2504.02546).
     */
    record GroupPolicyGradient() implements AdvantageEstimator {
        @Override
        public double[] advantages(double[] rewards) {
            return centred(rewards);
        }

        @Override
        public List<double[]> together(List<Scored> groups) {
            long all = groups.stream().mapToLong(g -> g.rewards().length).sum();
            long loud = groups.stream()
                    .map(Scored::rewards)
                    .filter(rewards -> !allEqual(rewards))
                    .mapToLong(rewards -> rewards.length)
                    .sum();
            double scale = loud == 0 ? 1 : (double) all / loud;
            return groups.stream()
                    .map(g -> Arrays.stream(centred(g.rewards()))
                            .map(a -> a * scale)
                            .toArray())
                    .toList();
        }
    }

    /**
     * Several rewards normalised apart (GDPO, arXiv 2601.05242, as its authors' trainer computes them): of reward k,
     * A_k = (r_k − mean(r_k)) / (std(r_k) + ε) in its group, of a member S = Σ_k w_k A_k, and A = (S − mean(S)) / (std(S) + ε) over all members of the update; std unbiased and ε = 1e-4 as in
     * its authors' code. A reward that is equal in a group says nothing there. Members with one reward have A_1 alone.
     */
    record Decoupled() implements AdvantageEstimator {
        private static final double EPSILON = 1e-4;

        @Override
        public double[] advantages(double[] rewards) {
            return together(List.of(new Scored(rewards, new int[rewards.length])))
                    .getFirst();
        }

        @Override
        public double[] advantages(Scored group) {
            return together(List.of(group)).getFirst();
        }

        @Override
        public List<double[]> together(List<Scored> groups) {
            List<double[]> sums = groups.stream().map(Decoupled::sum).toList();
            // Of every group they sum to 0, and so their mean is 0: what rounding leaves of it would be a signal where
            // there is none.
            double squares = sums.stream()
                    .flatMapToDouble(Arrays::stream)
                    .map(a -> a * a)
                    .sum();
            int members = sums.stream().mapToInt(a -> a.length).sum();
            double scale = 1 / (Math.sqrt(squares / Math.max(1, members - 1)) + EPSILON);
            return sums.stream()
                    .map(sum -> Arrays.stream(sum).map(a -> a * scale).toArray())
                    .toList();
        }

        private static double[] sum(Scored group) {
            Several several = group.several();
            if (several.weights().isEmpty()) {
                return normalised(group.rewards());
            }
            double[] out = new double[group.rewards().length];
            for (int k = 0; k < several.weights().size(); k++) {
                double[] own = normalised(several.of(k));
                for (int i = 0; i < out.length; i++) {
                    out[i] += several.weights().get(k) * own[i];
                }
            }
            return out;
        }

        private static double[] normalised(double[] values) {
            if (allEqual(values)) {
                return new double[values.length];
            }
            double[] centred = centred(values);
            double std = Math.sqrt(Arrays.stream(centred).map(d -> d * d).sum() / (values.length - 1));
            return Arrays.stream(centred).map(d -> d / (std + EPSILON)).toArray();
        }
    }

    /**
     * The estimator of that name.
     *
     * @param k of the pass@k objective; other estimators do not look at it
     * @throws IllegalArgumentException for a name that is none of {@link #names}
     */
    static AdvantageEstimator named(String name, int k) {
        IntFunction<AdvantageEstimator> maker = ByName.ALL.get(name);
        if (maker == null) {
            throw new IllegalArgumentException(
                    "unknown estimator '" + name + "' (expected one of " + String.join(", ", names()) + ")");
        }
        return maker.apply(k);
    }

    /** The names of all estimators, in order: what a run file's {@code estimator.name} may be. */
    static List<String> names() {
        return List.copyOf(ByName.ALL.keySet());
    }

    /** The mean of a group's rewards; of equal ones it is that reward to the bit. */
    static double mean(double[] values) {
        double mean = Arrays.stream(values).average().orElseThrow(() -> new IllegalArgumentException("an empty group"));
        return allEqual(values) ? values[0] : mean;
    }

    private static double[] centred(double[] values) {
        double mean = mean(values);
        return Arrays.stream(values).map(v -> v - mean).toArray();
    }

    private static double[] weights(double[] rewards, int k) {
        int right = right(rewards);
        return Arrays.stream(rewards)
                .map(r -> right == 0 ? 0 : PassAtK.weight(rewards.length, right, k, r == 1))
                .toArray();
    }

    private static int right(double[] rewards) {
        int right = 0;
        for (double r : rewards) {
            if (r != 0 && r != 1) {
                throw new IllegalArgumentException("the pass@k objective needs rewards of 0 or 1: " + r);
            }
            right += (int) r;
        }
        return right;
    }

    private static boolean allEqual(double[] values) {
        return Arrays.stream(values).allMatch(v -> v == values[0]);
    }

    /** The estimators by their names, each made from k. */
    final class ByName {
        private static final Map<String, IntFunction<AdvantageEstimator>> ALL = new LinkedHashMap<>();

        static {
            ALL.put("reward", k -> new Reward());
            ALL.put("mean", k -> new Mean());
            ALL.put("mean_std", k -> new MeanStd());
            ALL.put("leave_one_out", k -> new LeaveOneOut());
            ALL.put("opo", k -> new OptimalBaseline());
            ALL.put("reinforce_plus_plus", k -> new ReinforcePlusPlus(false));
            ALL.put("reinforce_plus_plus_baseline", k -> new ReinforcePlusPlus(true));
            ALL.put("gpg", k -> new GroupPolicyGradient());
            ALL.put("gdpo", k -> new Decoupled());
            ALL.put("pass_at_k", PassAtKWeights::new);
            ALL.put("pass_at_k_plain", PassAtKPlain::new);
            ALL.put("pass_at_k_leave_one_out", PassAtKLeaveOneOut::new);
        }

        private ByName() {}
    }
}
