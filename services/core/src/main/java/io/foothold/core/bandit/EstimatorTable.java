package io.foothold.core.bandit;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.core.method.Group;
import io.foothold.core.method.Member;
import io.foothold.core.method.Place;
import io.foothold.core.method.Rollout;
import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Bias and variance of the gradient of every method, measured on three enumerable problems whose true gradient is known. Nothing is
 * written a second time: the methods, estimators and credit plans are the product's own, and {@link EnumeratedPeers} do what a run's
 * services do.
 */
public final class EstimatorTable {
    private static final int GROUP = 8;
    private static final int THOUGHTS = 4;
    /** Oracle thoughts of a guided start. */
    public static final int GUIDED = 2;

    /** Log-odds of the right choice on each problem: success about 0.5, 0.15 and 0.02. */
    private static final double[] ODDS = {1.6, 0.4, -0.6};

    /** How much better a revision is, in log-odds. */
    private static final double REVISED = 0.8;

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

    private EstimatorTable() {}

    /** Three problems; a little different at every node, so that no two directions coincide by symmetry. */
    static List<TreeProblem> problems(double shift) {
        List<TreeProblem> out = new ArrayList<>();
        for (double odds : ODDS) {
            double[] logits = new double[(1 << THOUGHTS) - 1];
            for (int node = 0; node < logits.length; node++) {
                logits[node] = odds + shift + 0.3 * StrictMath.sin(node + odds);
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
    public static List<Row> of(List<Experiment> experiments, int trials, Seeds seed) {
        return experiments.stream().map(e -> new World().row(e, trials, seed)).toList();
    }

    /** The problems, and behind them the parameters of a policy that was shown an answer. */
    private static final class World {
        private final List<TreeProblem> first = problems(0);
        private final List<TreeProblem> again = problems(REVISED);
        private final int each = first.get(0).parameters();
        private final int parameters = 2 * first.size() * each;

        /** Where the parameters of a problem begin. */
        private int offset(int problem, boolean revised) {
            return ((revised ? first.size() : 0) + problem) * each;
        }

        Row row(Experiment e, int trials, Seeds seed) {
            Seeds own = seed.split(e.name()).split(e.target().toString());
            double[] gradient = gradient(e.target());
            double[] mean = new double[parameters];
            double[] square = new double[parameters];
            long sampled = 0;
            for (int trial = 0; trial < trials; trial++) {
                double[] estimate = new double[parameters];
                sampled += update(e, own.split(trial), estimate);
                for (int i = 0; i < parameters; i++) {
                    mean[i] += estimate[i] / trials;
                    square[i] += estimate[i] * estimate[i] / trials;
                }
            }
            double variance = 0;
            for (int i = 0; i < parameters; i++) {
                variance += square[i] - mean[i] * mean[i];
            }
            double scale = dot(mean, gradient) / dot(gradient, gradient);
            double beside = 0;
            for (int i = 0; i < parameters; i++) {
                double rest = mean[i] - scale * gradient[i];
                beside += rest * rest;
            }
            double length = scale * Math.sqrt(dot(gradient, gradient));
            double tokens = (double) sampled / trials;
            double usual = (double) first.size() * GROUP * THOUGHTS;
            return new Row(
                    e.name(),
                    e.target().toString(),
                    dot(mean, gradient) / Math.sqrt(dot(mean, mean) * dot(gradient, gradient)),
                    Math.sqrt(beside) / length,
                    Math.sqrt(variance / trials) / length,
                    Math.sqrt(variance * tokens / usual) / Math.sqrt(dot(mean, mean)));
        }

        /** One update: a place a problem, and with guidance another one. Gives the thoughts that were sampled. */
        private long update(Experiment e, Seeds seed, double[] estimate) {
            EnumeratedPeers peers =
                    new EnumeratedPeers(first, again, e.localizes(), e.discardsSlow(), seed.split("another"));
            List<Group> groups = new ArrayList<>();
            List<StartState> starts = new ArrayList<>();
            for (int p = 0; p < first.size(); p++) {
                starts.add(new StartState.Root(Integer.toString(p)));
                if (e.guided()) {
                    starts.add(new StartState.Guided(Integer.toString(p), GUIDED));
                }
            }
            for (int i = 0; i < starts.size(); i++) {
                Place place = e.method().place(starts.get(i), peers.under("g" + i), seed.split(i));
                place.groups().stream().filter(e.trains()).forEach(groups::add);
            }
            addGradient(e, groups, peers, estimate);
            return peers.sampledThoughts();
        }

        /** The gradient that the learner would take: advantages inside groups, one plan over all of them. */
        private void addGradient(Experiment e, List<Group> groups, EnumeratedPeers peers, double[] gradient) {
            List<Member> members =
                    groups.stream().flatMap(g -> g.members().stream()).toList();
            double[] advantages = e
                    .estimator()
                    .together(groups.stream()
                            .map(g -> new AdvantageEstimator.Scored(
                                    g.rewards(),
                                    g.members().stream()
                                            .mapToInt(m -> m.rollout().sampled().tokens())
                                            .toArray()))
                            .toList())
                    .stream()
                    .flatMapToDouble(Arrays::stream)
                    .toArray();
            List<CreditPlan.Member> credited = new ArrayList<>();
            for (int m = 0; m < advantages.length; m++) {
                Member member = members.get(m);
                Rollout rollout = member.rollout();
                credited.add(new CreditPlan.Member(
                        1,
                        rollout.start().givenTokens(),
                        rollout.sampled().tokens(),
                        advantages[m],
                        member.refines() != null));
            }
            List<CreditPlan.Entry> plan = CreditPlan.of(e.loss(), credited).rollouts();
            for (int m = 0; m < advantages.length; m++) {
                addScore(e.loss(), members.get(m), plan.get(m), peers, gradient);
            }
        }

        private void addScore(
                LossRule loss, Member member, CreditPlan.Entry entry, EnumeratedPeers peers, double[] gradient) {
            EnumeratedPeers.Known known = peers.known(member.rollout());
            // A refinement is trained under the prompt of what it refines.
            boolean revised = known.revised() && member.refines() == null;
            TreeProblem problem = (revised ? again : first).get(known.problem());
            for (int t = known.from(); t < known.to(); t++) {
                if (member.isCredited((t - known.from()) * EnumeratedPeers.THOUGHT)) {
                    double slope = 1;
                    if (peers.isGiven(member.rollout())) {
                        // Its ratio is to a behaviour of probability 1.
                        slope = problem.choice(known.path(), t);
                    } else if (entry.member().offPolicy()) {
                        double p = problem.choice(known.path(), t);
                        slope = p * loss.shaping() / ((p + loss.shaping()) * (p + loss.shaping()));
                    }
                    problem.addScoreOf(
                            known.path(),
                            t,
                            slope * entry.weight() * entry.member().advantage(),
                            gradient,
                            offset(known.problem(), revised));
                }
            }
        }

        private double[] gradient(Experiment.Target target) {
            double[] out = new double[parameters];
            switch (target) {
                case Experiment.Target.Pass1 t -> addSuccess(first, 0, 1, false, out);
                case Experiment.Target.RootAndGuided t -> {
                    addSuccess(first, 0, 1, false, out);
                    addSuccess(first, GUIDED, 1, false, out);
                }
                case Experiment.Target.BothAttempts t -> {
                    addSuccess(first, 0, 1, false, out);
                    addSuccess(again, 0, t.weight(), true, out);
                }
                // d/dθ (1 − (1 − P)^k) = k (1 − P)^(k−1) dP/dθ.
                case Experiment.Target.PassAtK t -> {
                    for (int p = 0; p < first.size(); p++) {
                        double weight = t.k() * StrictMath.pow(1 - first.get(p).success(0, 0), t.k() - 1.0);
                        first.get(p).addSuccessGradient(0, 0, weight, out, offset(p, false));
                    }
                }
            }
            return out;
        }

        private void addSuccess(
                List<TreeProblem> problems, int given, double weight, boolean revised, double[] gradient) {
            for (int p = 0; p < problems.size(); p++) {
                problems.get(p).addSuccessGradient(0, given, weight, gradient, offset(p, revised));
            }
        }
    }

    private static double dot(double[] a, double[] b) {
        double out = 0;
        for (int i = 0; i < a.length; i++) {
            out += a[i] * b[i];
        }
        return out;
    }
}
