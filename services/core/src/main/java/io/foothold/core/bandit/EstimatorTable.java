package io.foothold.core.bandit;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.LossRule.Aggregation;
import io.foothold.core.random.Seeds;
import io.foothold.core.reset.ResetSplit;
import io.foothold.core.reset.ResetSplit.SeedRule;
import io.foothold.core.reset.ResetSplit.WithoutSeeds;
import io.foothold.core.reset.SeedSelection;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Bias and variance of the gradient of every method, measured on three enumerable problems whose true gradient is known. The
 * rules are the product's own: {@link AdvantageEstimator}, {@link CreditPlan}, {@link SeedSelection}.
 */
public final class EstimatorTable {
    private static final int GROUP = 8;
    private static final int THOUGHTS = 4;
    private static final int GUIDED = 2;

    /** Log-odds of the right choice on each problem: success about 0.5, 0.15 and 0.02. */
    private static final double[] ODDS = {1.6, 0.4, -0.6};

    /**
     * One row.
     *
     * @param method name
     * @param target the gradient that it is compared with
     * @param cosine between its expectation and the target
     * @param bias length of what its expectation has beside the target, over the length of the target's share
     * @param floor what {@code bias} would be by chance alone with this number of trials
     * @param noise standard deviation over expectation, for the sampled tokens of one update of 24 root rollouts
     */
    public record Row(String method, String target, double cosine, double bias, double floor, double noise) {}

    /** A group: members with their given thoughts. */
    private record Group(int problem, int given, int[] paths) {}

    /** One update of a method: its groups and the thoughts that were sampled in all. */
    private record Update(List<Group> groups, int sampled) {}

    private interface Method {
        Update sample(List<TreeProblem> problems, SplittableRandom random);
    }

    private EstimatorTable() {}

    /** The three problems. */
    static List<TreeProblem> problems() {
        List<TreeProblem> out = new ArrayList<>();
        for (double odds : ODDS) {
            double[] logits = new double[(1 << THOUGHTS) - 1];
            for (int node = 0; node < logits.length; node++) {
                // A little different at every node, so that no two directions coincide by symmetry.
                logits[node] = odds + 0.3 * StrictMath.sin(node + odds);
            }
            out.add(new TreeProblem(THOUGHTS, logits));
        }
        return out;
    }

    /**
     * The table.
     *
     * @param trials updates of each method
     */
    public static List<Row> of(int trials, Seeds seed) {
        List<TreeProblem> problems = problems();
        double[] root = success(problems, 0);
        LossRule sum = LossRule.policyGradient(Aggregation.SEQUENCE_SUM);
        LossRule sequence = LossRule.policyGradient(Aggregation.SEQUENCE_MEAN);
        AdvantageEstimator mean = new AdvantageEstimator.Mean();
        AdvantageEstimator meanStd = new AdvantageEstimator.MeanStd();
        List<Row> out = new ArrayList<>();
        out.add(row(
                "REINFORCE, no baseline", "pass@1", root, roots(), new AdvantageEstimator.Reward(), sum, trials, seed));
        out.add(row("GRPO, mean only (Dr. GRPO)", "pass@1", root, roots(), mean, sum, trials, seed));
        out.add(row(
                "GRPO, leave-one-out (RLOO)",
                "pass@1",
                root,
                roots(),
                new AdvantageEstimator.LeaveOneOut(),
                sum,
                trials,
                seed));
        out.add(row("GRPO, mean/std", "pass@1", root, roots(), meanStd, sum, trials, seed));
        out.add(row(
                "GRPO, mean only, no-signal groups sampled again",
                "pass@1",
                root,
                refilled(),
                mean,
                sum,
                trials,
                seed));
        out.add(row(
                "pass@4 weights",
                "pass@4",
                passAtK(problems, 4),
                roots(),
                new AdvantageEstimator.PassAtKWeights(4),
                sum,
                trials,
                seed));
        out.add(row(
                "POPE 1:1, mean only",
                "pass@1, root and guided",
                pope(problems),
                guidedAndRoot(),
                mean,
                sum,
                trials,
                seed));
        out.add(row("POPE 1:1, mean only", "pass@1", root, guidedAndRoot(), mean, sum, trials, seed));
        out.add(row(
                "RRPO 1x8",
                "pass@1",
                root,
                resets(split(0, 8, SeedRule.PAPER), false, true, true),
                meanStd,
                sequence,
                trials,
                seed));
        out.add(row(
                "RRPO 1x4 and base group",
                "pass@1",
                root,
                resets(split(4, 4, SeedRule.PAPER), false, true, true),
                meanStd,
                sequence,
                trials,
                seed));
        out.add(row(
                "SRPO 1x8",
                "pass@1",
                root,
                resets(split(0, 8, SeedRule.PAPER), true, true, true),
                meanStd,
                sequence,
                trials,
                seed));
        out.add(row(
                "SRPO 1x4 and base group, paper",
                "pass@1",
                root,
                resets(split(4, 4, SeedRule.PAPER), true, true, true),
                meanStd,
                sequence,
                trials,
                seed));
        out.add(row(
                "SRPO 1x4 and base group, reference",
                "pass@1",
                root,
                resets(split(4, 4, SeedRule.REFERENCE), true, true, true),
                meanStd,
                sequence,
                trials,
                seed));
        out.add(row(
                "its base group alone, mean only, paper",
                "pass@1",
                root,
                resets(split(4, 4, SeedRule.PAPER), true, true, false),
                mean,
                sum,
                trials,
                seed));
        out.add(row(
                "its base group alone, mean only, reference",
                "pass@1",
                root,
                resets(split(4, 4, SeedRule.REFERENCE), true, true, false),
                mean,
                sum,
                trials,
                seed));
        out.add(row("GRPO, mean only, slow rollouts discarded", "pass@1", root, slow(true), mean, sum, trials, seed));
        out.add(row("GRPO, mean only, slow rollouts waited for", "pass@1", root, slow(false), mean, sum, trials, seed));
        return out;
    }

    private static ResetSplit split(int base, int suffixes, SeedRule rule) {
        return new ResetSplit(base, 1, suffixes, 12, rule, WithoutSeeds.PLAIN);
    }

    private static Row row(
            String name,
            String target,
            double[] gradient,
            Method method,
            AdvantageEstimator estimator,
            LossRule rule,
            int trials,
            Seeds seed) {
        List<TreeProblem> problems = problems();
        SplittableRandom random = seed.split(name).split(target).generator();
        int n = gradient.length;
        double[] mean = new double[n];
        double[] square = new double[n];
        long sampled = 0;
        for (int trial = 0; trial < trials; trial++) {
            Update update = method.sample(problems, random);
            sampled += update.sampled();
            double[] estimate = estimate(problems, update.groups(), estimator, rule);
            for (int i = 0; i < n; i++) {
                mean[i] += estimate[i] / trials;
                square[i] += estimate[i] * estimate[i] / trials;
            }
        }
        double variance = 0;
        for (int i = 0; i < n; i++) {
            variance += square[i] - mean[i] * mean[i];
        }
        double scale = dot(mean, gradient) / dot(gradient, gradient);
        double beside = 0;
        for (int i = 0; i < n; i++) {
            double rest = mean[i] - scale * gradient[i];
            beside += rest * rest;
        }
        double length = scale * Math.sqrt(dot(gradient, gradient));
        double tokens = (double) sampled / trials;
        double usual = (double) ODDS.length * GROUP * THOUGHTS;
        return new Row(
                name,
                target,
                dot(mean, gradient) / Math.sqrt(dot(mean, mean) * dot(gradient, gradient)),
                Math.sqrt(beside) / length,
                Math.sqrt(variance / trials) / length,
                Math.sqrt(variance * tokens / usual) / Math.sqrt(dot(mean, mean)));
    }

    /** The gradient that the learner would take: advantages inside groups, one plan over all of them. */
    private static double[] estimate(
            List<TreeProblem> problems, List<Group> groups, AdvantageEstimator estimator, LossRule rule) {
        List<CreditPlan.Member> members = new ArrayList<>();
        for (Group g : groups) {
            TreeProblem p = problems.get(g.problem());
            double[] rewards = new double[g.paths().length];
            for (int i = 0; i < rewards.length; i++) {
                rewards[i] = p.right(g.paths()[i]) ? 1 : 0;
            }
            for (double a : estimator.advantages(rewards)) {
                members.add(new CreditPlan.Member(1, g.given(), THOUGHTS - g.given(), a));
            }
        }
        List<CreditPlan.Entry> plan = CreditPlan.of(rule, members).rollouts();
        double[] out =
                new double[problems.stream().mapToInt(TreeProblem::parameters).sum()];
        int m = 0;
        for (Group g : groups) {
            TreeProblem p = problems.get(g.problem());
            for (int path : g.paths()) {
                CreditPlan.Entry entry = plan.get(m++);
                p.addScore(
                        path,
                        g.given(),
                        entry.weight() * entry.member().advantage(),
                        out,
                        g.problem() * p.parameters());
            }
        }
        return out;
    }

    private static Group group(
            List<TreeProblem> problems, int problem, int path, int given, int n, SplittableRandom random) {
        int[] paths = new int[n];
        for (int i = 0; i < n; i++) {
            paths[i] = problems.get(problem).sample(path, given, random);
        }
        return new Group(problem, given, paths);
    }

    private static Method roots() {
        return (problems, random) -> {
            List<Group> out = new ArrayList<>();
            for (int p = 0; p < problems.size(); p++) {
                out.add(group(problems, p, 0, 0, GROUP, random));
            }
            return new Update(out, problems.size() * GROUP * THOUGHTS);
        };
    }

    /** Groups whose rewards are all equal are sampled again until they are not (dynamic sampling). */
    private static Method refilled() {
        return (problems, random) -> {
            List<Group> out = new ArrayList<>();
            int sampled = 0;
            for (int p = 0; p < problems.size(); p++) {
                Group g;
                int right;
                do {
                    g = group(problems, p, 0, 0, GROUP, random);
                    right = 0;
                    for (int path : g.paths()) {
                        right += problems.get(p).right(path) ? 1 : 0;
                    }
                    sampled += GROUP * THOUGHTS;
                } while (right == 0 || right == GROUP);
                out.add(g);
            }
            return new Update(out, sampled);
        };
    }

    /** Half of the groups begin behind the first thoughts of the oracle solution. */
    private static Method guidedAndRoot() {
        return (problems, random) -> {
            List<Group> out = new ArrayList<>();
            for (int p = 0; p < problems.size(); p++) {
                out.add(group(problems, p, 0, 0, GROUP / 2, random));
                out.add(group(problems, p, 0, GUIDED, GROUP / 2, random));
            }
            return new Update(out, problems.size() * GROUP / 2 * (2 * THOUGHTS - GUIDED));
        };
    }

    /**
     * Resets of failed rollouts.
     *
     * @param localized to the first error; otherwise to a random thought
     * @param base whether the base group is trained
     * @param suffixes whether suffix groups are
     */
    private static Method resets(ResetSplit split, boolean localized, boolean base, boolean suffixes) {
        return (problems, random) -> {
            List<Group> out = new ArrayList<>();
            int sampled = 0;
            for (int p = 0; p < problems.size(); p++) {
                TreeProblem problem = problems.get(p);
                SeedSelection selection = new SeedSelection(split);
                List<Integer> drawn = new ArrayList<>();
                for (int next = selection.next(); next > 0; next = selection.next()) {
                    List<SeedSelection.Draw> draws = new ArrayList<>();
                    for (int i = 0; i < next; i++) {
                        int path = problem.sample(0, 0, random);
                        drawn.add(path);
                        draws.add(problem.right(path) ? SeedSelection.Draw.RIGHT : SeedSelection.Draw.WRONG);
                    }
                    selection.record(draws);
                }
                sampled += drawn.size() * THOUGHTS;
                SeedSelection.Result places = selection.result();
                if (base && !places.base().isEmpty()) {
                    out.add(new Group(
                            p, 0, places.base().stream().mapToInt(drawn::get).toArray()));
                }
                for (int seed : places.seeds()) {
                    int path = drawn.get(seed);
                    int thought = localized ? problem.firstError(path) : 1 + random.nextInt(THOUGHTS);
                    if (suffixes) {
                        out.add(group(problems, p, path, thought - 1, split.suffixes(), random));
                    }
                    sampled += split.suffixes() * (THOUGHTS - thought + 1);
                }
            }
            return new Update(out, sampled);
        };
    }

    /**
     * Rollouts with many wrong turns take longer; half of those with three or more are too old when they come.
     *
     * @param discard whether those are thrown away and others take their place; otherwise the learner waits for them
     */
    private static Method slow(boolean discard) {
        return (problems, random) -> {
            List<Group> out = new ArrayList<>();
            int sampled = 0;
            for (int p = 0; p < problems.size(); p++) {
                int[] paths = new int[GROUP];
                for (int i = 0; i < GROUP; ) {
                    int path = problems.get(p).sample(0, 0, random);
                    boolean late = Integer.bitCount(path) >= 3 && random.nextBoolean();
                    sampled += THOUGHTS;
                    if (!late || !discard) {
                        paths[i++] = path;
                    }
                }
                out.add(new Group(p, 0, paths));
            }
            return new Update(out, sampled);
        };
    }

    private static double[] success(List<TreeProblem> problems, int given) {
        double[] out =
                new double[problems.stream().mapToInt(TreeProblem::parameters).sum()];
        for (int p = 0; p < problems.size(); p++) {
            problems.get(p)
                    .addSuccessGradient(0, given, 1, out, p * problems.get(p).parameters());
        }
        return out;
    }

    private static double[] pope(List<TreeProblem> problems) {
        double[] out = success(problems, 0);
        double[] guided = success(problems, GUIDED);
        for (int i = 0; i < out.length; i++) {
            out[i] += guided[i];
        }
        return out;
    }

    /** d/dθ (1 − (1 − P)^k) = k (1 − P)^(k−1) dP/dθ. */
    private static double[] passAtK(List<TreeProblem> problems, int k) {
        double[] out =
                new double[problems.stream().mapToInt(TreeProblem::parameters).sum()];
        for (int p = 0; p < problems.size(); p++) {
            double weight = k * StrictMath.pow(1 - problems.get(p).success(0, 0), k - 1.0);
            problems.get(p)
                    .addSuccessGradient(0, 0, weight, out, p * problems.get(p).parameters());
        }
        return out;
    }

    private static double dot(double[] a, double[] b) {
        double out = 0;
        for (int i = 0; i < a.length; i++) {
            out += a[i] * b[i];
        }
        return out;
    }
}
