package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.bandit.EstimatorTable;
import io.foothold.core.bandit.Experiment;
import io.foothold.core.bandit.TreeProblem;
import io.foothold.core.loss.LossRule;
import io.foothold.core.method.Method;
import io.foothold.core.method.Revision;
import io.foothold.core.method.Tree;
import io.foothold.core.random.Seeds;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class EstimatorTableTest {
    private static TreeProblem problem(double shift) {
        double[] logits = new double[7];
        for (int i = 0; i < 7; i++) {
            logits[i] = .4 * Math.cos(3 * i) + shift;
        }
        return new TreeProblem(3, logits);
    }

    @Test
    void probabilitiesSumToOneAndSamplesFollowThem() {
        TreeProblem p = problem(0);
        double sum = 0;
        for (int path = 0; path < 8; path++) {
            sum += p.probability(path, 0);
        }
        assertThat(sum).isEqualTo(1, within(1e-12));
        SplittableRandom random = new SplittableRandom(1);
        int[] counts = new int[8];
        for (int i = 0; i < 80_000; i++) {
            counts[p.sample(0b010, 1, random)]++;
        }
        for (int path = 0; path < 8; path++) {
            double expected = (path & 1) == 0 ? p.probability(path, 1) : 0;
            assertThat(counts[path] / 80_000.0).isEqualTo(expected, within(.008));
        }
        assertThat(List.of(p.firstError(0b000), p.firstError(0b100), p.firstError(0b001)))
                .containsExactly(0, 3, 1);
    }

    /** The gradient by finite differences. */
    @Test
    void theEnumeratedGradientIsTheDerivativeOfSuccess() {
        for (int given = 0; given < 3; given++) {
            double[] gradient = new double[7];
            problem(0).addSuccessGradient(0b001, given, 1, gradient, 0);
            for (int i = 0; i < 7; i++) {
                double[] logits = new double[7];
                for (int j = 0; j < 7; j++) {
                    logits[j] = .4 * Math.cos(3 * j);
                }
                logits[i] += 1e-6;
                double up = new TreeProblem(3, logits).success(0b001, given);
                logits[i] -= 2e-6;
                double down = new TreeProblem(3, logits).success(0b001, given);
                assertThat(gradient[i]).isEqualTo((up - down) / 2e-6, within(1e-8));
            }
        }
    }

    private static EstimatorTable.Row row(List<EstimatorTable.Row> rows, String method, String target) {
        return rows.stream()
                .filter(r -> r.method().equals(method) && r.target().equals(target))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void whatIsUnbiasedIsFoundUnbiasedAndWhatIsNotIsNot() {
        List<EstimatorTable.Row> rows = EstimatorTable.of(Experiment.rules(), 10_000, Seeds.of(7));
        for (String[] unbiased : new String[][] {
            {"REINFORCE, no baseline", "pass@1"},
            {"GRPO, mean only (Dr. GRPO)", "pass@1"},
            {"GRPO, leave-one-out (RLOO)", "pass@1"},
            {"GRPO, mean only, no-signal places filled again", "pass@1"},
            {"pass@4 weights", "pass@4"},
            {"POPE 1:1, mean only", "pass@1, root and guided"},
            {"its base group alone, mean only, paper", "pass@1"},
            {"GRPO, mean only, slow rollouts waited for", "pass@1"}
        }) {
            EstimatorTable.Row r = row(rows, unbiased[0], unbiased[1]);
            assertThat(r.bias()).as("%s", r).isLessThan(1.6 * r.floor());
        }
        for (String biased : List.of(
                "GRPO, mean/std",
                "RRPO 1x8",
                "SRPO 1x8",
                "SRPO 1x4 and base group, paper",
                "its base group alone, mean only, reference",
                "GRPO, mean only, slow rollouts discarded")) {
            EstimatorTable.Row r = row(rows, biased, "pass@1");
            assertThat(r.bias()).as("%s", r).isGreaterThan(2.5 * r.floor());
        }
    }

    private static EstimatorTable.Row row(
            Method method, AdvantageEstimator estimator, LossRule loss, Experiment.Target target) {
        Experiment experiment = new Experiment("x", target, method, estimator, loss, false, true);
        return EstimatorTable.of(List.of(experiment), 10_000, Seeds.of(3)).get(0);
    }

    /** The expectation of SCoRe's gradient is known: that of the answers, and 1 + bonus times that of the revisions. */
    @Test
    void scoresGradientIsThatOfBothAttempts() {
        LossRule sum = LossRule.policyGradient(LossRule.Aggregation.SEQUENCE_SUM);
        Method score = new Revision(4, "again", 2);
        AdvantageEstimator reward = new AdvantageEstimator.Reward();
        EstimatorTable.Row right = row(score, reward, sum, new Experiment.Target.BothAttempts(3));
        assertThat(right.bias()).as("%s", right).isLessThan(1.6 * right.floor());
        EstimatorTable.Row wrong = row(score, reward, sum, new Experiment.Target.BothAttempts(1));
        assertThat(wrong.bias()).as("%s", wrong).isGreaterThan(2.5 * wrong.floor());
    }

    /**
     * With mean baselines the expected gradient of a level is that of its thoughts times its members times 1 - 1/siblings: 1 for the two
     * segments of the shipped tree and 6 for their leaves. With one leaf a segment and no baseline a tree is REINFORCE.
     */
    @Test
    void aTreeFollowsSuccessOnlyWhereItsLevelsWeighAlike() {
        LossRule sum = LossRule.policyGradient(LossRule.Aggregation.SEQUENCE_SUM);
        Experiment.Target pass1 = new Experiment.Target.Pass1();
        EstimatorTable.Row shipped = row(new Tree(List.of(2, 4), 600), new AdvantageEstimator.Mean(), sum, pass1);
        assertThat(shipped.bias()).as("%s", shipped).isGreaterThan(2.5 * shipped.floor());
        EstimatorTable.Row alike = row(new Tree(List.of(4, 1), 600), new AdvantageEstimator.Reward(), sum, pass1);
        assertThat(alike.bias()).as("%s", alike).isLessThan(1.6 * alike.floor());
    }
}
