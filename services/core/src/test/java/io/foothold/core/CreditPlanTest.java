package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.loss.Clips;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.CreditPlan.Member;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.LossRule.Aggregation;
import io.foothold.core.loss.Losses;
import io.foothold.core.loss.PolicyGradient;
import io.foothold.core.loss.Ppo;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class CreditPlanTest {
    private static final List<Member> MEMBERS = List.of(new Member(3, 0, 2, 1), new Member(4, 2, 6, -1));

    @Test
    void weightsAreThoseOfTheAggregation() {
        Map<Aggregation, double[]> expected = Map.of(
                Aggregation.TOKEN_MEAN, new double[] {1 / 8.0, 1 / 8.0},
                Aggregation.SEQUENCE_MEAN, new double[] {1 / 4.0, 1 / 12.0},
                Aggregation.SEQUENCE_SUM, new double[] {1 / 2.0, 1 / 2.0},
                Aggregation.CONSTANT_LENGTH, new double[] {1 / 20.0, 1 / 20.0});
        expected.forEach((aggregation, weights) -> {
            CreditPlan plan = CreditPlan.of(new LossRule(aggregation, 10, new PolicyGradient(), 0, 0, 0), MEMBERS);
            for (int i = 0; i < 2; i++) {
                assertThat(plan.rollouts().get(i).weight()).isEqualTo(weights[i], within(1e-15));
            }
        });
    }

    @Test
    void tokensThatThePolicyDidNotSampleHaveNoWeight() {
        SplittableRandom random = new SplittableRandom(9);
        for (int i = 0; i < 300; i++) {
            Member m = new Member(random.nextInt(9), random.nextInt(9), random.nextInt(9), random.nextDouble() - .5);
            CreditPlan plan = CreditPlan.of(
                    LossRule.policyGradient(Aggregation.values()[random.nextInt(3)]),
                    List.of(m, new Member(1, 0, 3, 1)));
            float[] weights = plan.rollouts().get(0).tokenWeights();
            assertThat(weights).hasSize(m.tokens());
            for (int t = 0; t < weights.length; t++) {
                boolean sampled = t >= m.promptTokens() + m.prefixTokens();
                assertThat(weights[t] > 0).as("token " + t + " of " + m).isEqualTo(sampled);
            }
        }
    }

    @Test
    void slopesOfTheTwinAreFiniteDifferences() {
        SplittableRandom random = new SplittableRandom(2);
        for (String ratio : Losses.formerNames()) {
            for (double dual : new double[] {0, 3}) {
                LossRule rule = new LossRule(
                                Aggregation.SEQUENCE_MEAN,
                                1,
                                Losses.of(ratio, new Clips(.2, .3, dual), Map.of()),
                                .05,
                                0,
                                0)
                        .shaped(.1);
                for (int i = 0; i < 50; i++) {
                    int n = 1 + random.nextInt(5);
                    double[] now = random.doubles(n, -3, -1).toArray();
                    double[] then = random.doubles(n, -3, -1).toArray();
                    double[] base = random.doubles(n, -3, -1).toArray();
                    CreditPlan.Entry entry = CreditPlan.of(
                                    rule, List.of(new Member(1, 0, n, random.nextDouble() * 4 - 2, i % 3 == 0)))
                            .rollouts()
                            .get(0);
                    double[] slope = rule.of(entry, now, then, base, now).byLogProb();
                    for (int t = 0; t < n; t++) {
                        double h = 1e-6;
                        double[] up = now.clone();
                        double[] down = now.clone();
                        up[t] += h;
                        down[t] -= h;
                        double d = (rule.of(entry, up, then, base, now).value()
                                        - rule.of(entry, down, then, base, now).value())
                                / (2 * h);
                        assertThat(slope[t]).as(ratio + " dual " + dual).isEqualTo(d, within(1e-5 * (1 + Math.abs(d))));
                    }
                }
            }
        }
    }

    @Test
    void withoutAMaskASharedPrefixGetsAGradientFromSequenceMeansOnly() {
        // Suffixes of 2, 5 and 9 tokens behind the same 4: advantages sum to zero, and so does what the prefix gets.
        for (Aggregation aggregation : Aggregation.values()) {
            CreditPlan plan = CreditPlan.of(
                    new LossRule(aggregation, 20, new PolicyGradient(), 0, 0, 0),
                    List.of(new Member(3, 0, 6, 1), new Member(3, 0, 9, .5), new Member(3, 0, 13, -1.5)));
            double prefix = plan.rollouts().stream()
                    .mapToDouble(e -> e.weight() * e.member().advantage())
                    .sum();
            if (aggregation == Aggregation.SEQUENCE_MEAN) {
                assertThat(prefix).isEqualTo((1 / 6.0 + .5 / 9 - 1.5 / 13) / 3, within(1e-12));
            } else {
                assertThat(prefix).as(aggregation.name()).isZero();
            }
        }
    }

    @Test
    void anOffPolicyRolloutIsShaped() {
        // Critique-GRPO: p / (p + 0.1) in the place of the ratio; the rarer a token, the larger its share of the
        // gradient.
        LossRule rule = new LossRule(Aggregation.TOKEN_MEAN, 1, new Ppo(new Clips(.2, .2, 0)), 0, 0, 0).shaped(.1);
        CreditPlan.Entry entry = CreditPlan.of(rule, List.of(new Member(4, 0, 2, 1, true)))
                .rollouts()
                .get(0);
        double[] now = {Math.log(.1), Math.log(.9)};
        double[] unused = {Double.NaN, Double.NaN};
        LossRule.Result result = rule.of(entry, now, unused, unused, unused);
        assertThat(result.value()).isEqualTo(-(.5 + .9) / 2, within(1e-12));
        assertThat(result.byLogProb()).containsExactly(new double[] {-.25 / 2, -.09 / 2}, within(1e-12));
    }

    @Test
    void offPolicyRolloutsNeedShaping() {
        assertThatThrownBy(() -> CreditPlan.of(
                        LossRule.policyGradient(Aggregation.TOKEN_MEAN), List.of(new Member(1, 0, 1, 1, true))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("shaping");
    }

    @Test
    void srpoLossIsTheMeanOfTokenMeansOverTheSuffix() {
        // The loss of RRPO and SRPO (arXiv 2605.25507): -mean over sequences of A_i * mean over suffix tokens of log pi
        LossRule rule = LossRule.policyGradient(Aggregation.SEQUENCE_MEAN);
        CreditPlan plan = CreditPlan.of(rule, MEMBERS);
        double[] a = {-1, -3};
        double[] b = {-1, -2, -3, -4, -5, -6};
        double loss = rule.of(plan.rollouts().get(0), a, a, a, a).value()
                + rule.of(plan.rollouts().get(1), b, b, b, b).value();
        assertThat(loss).isEqualTo(-(1 * -2.0 + -1 * -3.5) / 2, within(1e-12));
    }
}
