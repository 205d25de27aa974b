package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.loss.Clips;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.ImportanceStatistics;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.Losses;
import io.foothold.core.loss.MismatchRule;
import io.foothold.core.loss.MismatchRule.Level;
import io.foothold.core.loss.MismatchRule.Mask;
import io.foothold.core.loss.MismatchRule.None;
import io.foothold.core.loss.MismatchRule.Truncate;
import io.foothold.core.loss.Ppo;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class MismatchRuleTest {
    /** Log-probs of the learner at the beginning of an update and of the sampler, two rollouts. */
    private static final double[][] PROXIMAL = {{-0.5, -2.0, -1.0, -0.25}, {-1.5, -0.75}};

    private static final double[][] BEHAVIOUR = {{-1.75, -1.0, -1.125, -0.25}, {-1.25, -0.25}};

    /** What multiplies the loss of each token in TRL 1.16's GRPOTrainer and in verl 0.9.1's rollout_corr_helper.py on these numbers. */
    private static void assertCorrections(MismatchRule rule, double[]... expected) {
        for (int i = 0; i < 2; i++) {
            assertThat(rule.corrections(PROXIMAL[i], BEHAVIOUR[i]))
                    .as("%s, rollout %d", rule, i)
                    .containsExactly(expected[i], within(1e-6));
        }
    }

    @Test
    void correctionsAreThoseOfTrlAndVerl() {
        // TRL token_truncate with a clip_max of 3, verl rollout_is=token with a threshold of 3
        assertCorrections(new Truncate(Level.TOKEN, 3), new double[] {3, 0.36787944, 1.1331485, 1}, new double[] {
            0.7788008, 0.60653067
        });
        // TRL token_mask in [0.5, 2], verl rollout_is_threshold "0.5_2"
        assertCorrections(
                new Mask(Level.TOKEN, 0.5, 2), new double[] {0, 0, 1.1331485, 1}, new double[] {0.7788008, 0.60653067});
        // TRL sequence_truncate with a clip_max of 1.25, verl rollout_is=sequence
        assertCorrections(new Truncate(Level.SEQUENCE, 1.25), new double[] {1.25, 1.25, 1.25, 1.25}, new double[] {
            0.47236657, 0.47236657
        });
        // TRL sequence_mask in [0.5, 2]
        assertCorrections(
                new Mask(Level.SEQUENCE, 0.5, 2),
                new double[] {1.4549914, 1.4549914, 1.4549914, 1.4549914},
                new double[] {0, 0});
        // The ratio of TRL's importance_sampling_level=sequence (GSPO)
        assertCorrections(
                new Truncate(Level.GEOMETRIC_MEAN, 3),
                new double[] {1.0982850, 1.0982850, 1.0982850, 1.0982850},
                new double[] {0.6872893, 0.6872893});
    }

    @Test
    void withoutARuleCreditHasTodaysBits() {
        LossRule loss = LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN);
        CreditPlan.Entry plain = CreditPlan.of(loss, List.of(new CreditPlan.Member(1, 0, 4, 0.3)))
                .rollouts()
                .get(0);
        CreditPlan.Entry corrected = plain.corrected(new None().corrections(PROXIMAL[0], BEHAVIOUR[0]));
        for (int t = 0; t < 4; t++) {
            assertThat(plain.credit(t)).isEqualTo(plain.weight() * 0.3);
            assertThat(corrected.credit(t)).isEqualTo(plain.credit(t));
        }
        assertThat(new None().corrects()).isFalse();
        assertThat(new Truncate(Level.TOKEN, 2).corrects()).isTrue();
    }

    private static List<MismatchRule> rules() {
        List<MismatchRule> out = new ArrayList<>(List.of(new None()));
        for (Level level : Level.values()) {
            out.add(new Truncate(level, 1));
            out.add(new Truncate(level, 2));
            out.add(new Mask(level, 0.5, 2));
            out.add(new Mask(level, 0, 1));
        }
        return out;
    }

    @Test
    void whereBothSidesAgreeNothingChanges() {
        for (MismatchRule rule : rules()) {
            assertThat(rule.corrections(PROXIMAL[0], PROXIMAL[0].clone()))
                    .as(rule.toString())
                    .containsExactly(1, 1, 1, 1);
        }
    }

    @Test
    void correctionsAreBoundedAndMaskedTokensGetNoGradient() {
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < 300; i++) {
            int n = 1 + random.nextInt(9);
            double[] proximal = random.doubles(n, -4, -0.1).toArray();
            double[] behaviour = random.doubles(n, -4, -0.1).toArray();
            double[] now = random.doubles(n, -4, -0.1).toArray();
            for (MismatchRule rule : rules()) {
                double[] c = rule.corrections(proximal, behaviour);
                double most =
                        switch (rule) {
                            case None none -> 1;
                            case Truncate truncate -> truncate.cap();
                            case Mask mask -> mask.high();
                        };
                assertThat(c).hasSize(n);
                for (double x : c) {
                    assertThat(x).isBetween(0.0, most);
                }
                for (String ratio : List.of("none", "token")) {
                    LossRule loss = new LossRule(
                            LossRule.Aggregation.TOKEN_MEAN,
                            1,
                            Losses.of(ratio, new Clips(.2, .2, 3), Map.of()),
                            0,
                            0,
                            0);
                    CreditPlan.Entry entry = CreditPlan.of(loss, List.of(new CreditPlan.Member(1, 0, n, -1)))
                            .rollouts()
                            .get(0)
                            .corrected(c);
                    double[] slope = loss.of(entry, now, proximal, now, now).byLogProb();
                    for (int t = 0; t < n; t++) {
                        if (c[t] == 0) {
                            assertThat(slope[t]).as("masked token of " + rule).isZero();
                        }
                    }
                }
            }
        }
    }

    @Test
    void aRolloutThatIsMaskedWholeHasNoSignal() {
        CreditPlan.Entry entry = CreditPlan.of(
                        LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN),
                        List.of(new CreditPlan.Member(1, 0, 2, 1)))
                .rollouts()
                .get(0);
        assertThat(entry.corrected(new double[] {0, 0}).hasSignal()).isFalse();
        assertThat(entry.corrected(new double[] {0, 1}).hasSignal()).isTrue();
        assertThat(entry.hasSignal()).isTrue();
        assertThatThrownBy(() -> entry.corrected(new double[] {1})).hasMessageContaining("1 corrections of 2");
    }

    /** c · π_θ / π_proximal is π_θ / μ: the decoupled objective and the coupled one are one where nothing is cut. */
    @Test
    void theDecoupledObjectiveIsTheCoupledOneWhereNothingIsCut() {
        SplittableRandom random = new SplittableRandom(4);
        MismatchRule rule = new Truncate(Level.TOKEN, Double.POSITIVE_INFINITY);
        LossRule loss = new LossRule(LossRule.Aggregation.SEQUENCE_MEAN, 1, new Ppo(new Clips(1e9, 1e9, 0)), 0, 0, 0);
        for (int i = 0; i < 100; i++) {
            int n = 1 + random.nextInt(6);
            double[] behaviour = random.doubles(n, -3, -0.1).toArray();
            double[] proximal = random.doubles(n, -3, -0.1).toArray();
            double[] now = random.doubles(n, -3, -0.1).toArray();
            CreditPlan.Entry entry = CreditPlan.of(
                            loss, List.of(new CreditPlan.Member(1, 0, n, random.nextDouble() - .5)))
                    .rollouts()
                    .get(0);
            LossRule.Result coupled = loss.of(entry, now, behaviour, now, now);
            LossRule.Result decoupled =
                    loss.of(entry.corrected(rule.corrections(proximal, behaviour)), now, proximal, now, now);
            assertThat(decoupled.value()).isEqualTo(coupled.value(), within(1e-12 * (1 + Math.abs(coupled.value()))));
            for (int t = 0; t < n; t++) {
                assertThat(decoupled.byLogProb()[t])
                        .isEqualTo(coupled.byLogProb()[t], within(1e-12 * (1 + Math.abs(coupled.byLogProb()[t]))));
            }
        }
    }

    /** With it, the clip looks at what the update changed: what the sampler rounds does not use up the trust region. */
    @Test
    void theTrustRegionLiesAroundTheProximalPolicy() {
        LossRule loss = new LossRule(LossRule.Aggregation.TOKEN_MEAN, 1, new Ppo(new Clips(.2, .2, 0)), 0, 0, 0);
        CreditPlan.Entry entry = CreditPlan.of(loss, List.of(new CreditPlan.Member(1, 0, 1, 1)))
                .rollouts()
                .get(0);
        double[] behaviour = {-2};
        double[] proximal = {-1.5};
        assertThat(loss.of(entry, proximal, behaviour, proximal, proximal).byLogProb()[0])
                .as("the ratio to the sampler, e^0.5, is clipped before the update has begun")
                .isZero();
        double[] c = new Truncate(Level.TOKEN, 1.5).corrections(proximal, behaviour);
        assertThat(loss.of(entry.corrected(c), proximal, proximal, proximal, proximal)
                        .byLogProb()[0])
                .isEqualTo(-1.5);
    }

    /** For every action of a small bandit: E_μ[c ∇ log π] with the exact ratio is E_π[∇ log π], whatever μ. */
    @Test
    void withoutACutTheCorrectedPolicyGradientIsTheOnPolicyOne() {
        double[] learner = {0.5, 0.3, 0.2};
        double[] sampler = {0.2, 0.5, 0.3};
        double[] reward = {1, 0, 0.25};
        MismatchRule rule = new Truncate(Level.SEQUENCE, 1e9);
        // Two tokens a rollout, each drawn by itself; the reward is that of both.
        double corrected = 0;
        double onPolicy = 0;
        double plain = 0;
        for (int a = 0; a < 3; a++) {
            for (int b = 0; b < 3; b++) {
                double r = reward[a] * reward[b];
                double[] proximal = {Math.log(learner[a]), Math.log(learner[b])};
                double[] behaviour = {Math.log(sampler[a]), Math.log(sampler[b])};
                // d/dθ of the log-prob of action 0 under a softmax
                double slope = (a == 0 ? 1 : 0) - learner[0] + (b == 0 ? 1 : 0) - learner[0];
                double drawn = sampler[a] * sampler[b];
                corrected += drawn * rule.corrections(proximal, behaviour)[0] * r * slope;
                plain += drawn * r * slope;
                onPolicy += learner[a] * learner[b] * r * slope;
            }
        }
        assertThat(corrected).isEqualTo(onPolicy, within(1e-12));
        assertThat(plain).isNotCloseTo(onPolicy, within(1e-2));
    }

    @Test
    void statisticsSayWhatTheRatiosAre() {
        ImportanceStatistics s = new ImportanceStatistics(new Truncate(Level.TOKEN, 3));
        for (int i = 0; i < 2; i++) {
            s.add(PROXIMAL[i], BEHAVIOUR[i]);
        }
        double[] ratios = {Math.exp(1.25), Math.exp(-1), Math.exp(0.125), 1, Math.exp(-0.25), Math.exp(-0.5)};
        double sum = 0;
        double squares = 0;
        for (double r : ratios) {
            sum += r;
            squares += r * r;
        }
        assertThat(s.tokens()).isEqualTo(6);
        assertThat(s.tokenEffectiveSize()).isEqualTo(sum * sum / (6 * squares), within(1e-12));
        double a = Math.exp(0.375);
        double b = Math.exp(-0.75);
        assertThat(s.sequenceEffectiveSize()).isEqualTo((a + b) * (a + b) / (2 * (a * a + b * b)), within(1e-12));
        assertThat(s.largestRatio()).isEqualTo(Math.exp(1.25), within(1e-12));
        assertThat(s.truncatedShare()).isEqualTo(1 / 6.0);
        assertThat(s.maskedShare()).isZero();
        assertThat(s.meanCorrection()).isEqualTo((sum - Math.exp(1.25) + 3) / 6, within(1e-12));

        ImportanceStatistics masked = new ImportanceStatistics(new Mask(Level.SEQUENCE, 0.5, 2));
        for (int i = 0; i < 2; i++) {
            masked.add(PROXIMAL[i], BEHAVIOUR[i]);
        }
        assertThat(masked.maskedShare()).as("the second rollout's two tokens").isEqualTo(2 / 6.0);
    }

    @Test
    void statisticsOfAgreementOfNothingAndOfExtremes() {
        ImportanceStatistics none = new ImportanceStatistics(new None());
        assertThat(none.tokenEffectiveSize()).isEqualTo(1);
        assertThat(none.sequenceEffectiveSize()).isEqualTo(1);
        assertThat(none.largestRatio()).isEqualTo(1);
        none.add(new double[0], new double[0]);
        assertThat(none.tokens()).isZero();
        for (int i = 0; i < 3; i++) {
            none.add(PROXIMAL[0], PROXIMAL[0]);
        }
        assertThat(none.tokenEffectiveSize()).isEqualTo(1);
        assertThat(none.sequenceEffectiveSize()).isEqualTo(1);

        // A product of 4,000 ratios is beyond any double; one rollout of four has all the weight.
        ImportanceStatistics far = new ImportanceStatistics(new None());
        for (double d : new double[] {0, 1, -1, 0.5}) {
            double[] now = new double[4000];
            double[] then = new double[4000];
            java.util.Arrays.fill(now, d - 2);
            java.util.Arrays.fill(then, -2);
            far.add(now, then);
        }
        assertThat(far.sequenceEffectiveSize()).isEqualTo(0.25, within(1e-12));

        ImportanceStatistics impossible = new ImportanceStatistics(new None());
        impossible.add(new double[] {Double.NEGATIVE_INFINITY}, new double[] {-1});
        assertThat(impossible.tokenEffectiveSize()).isZero();
        impossible.add(new double[] {-1}, new double[] {-1});
        assertThat(impossible.tokenEffectiveSize()).isEqualTo(0.5);
    }

    @Test
    void whatCannotBeARuleIsRefused() {
        assertThatThrownBy(() -> new Truncate(Level.TOKEN, 0.9)).hasMessageContaining("at least 1: 0.9");
        assertThatThrownBy(() -> new Truncate(Level.TOKEN, Double.NaN)).hasMessageContaining("NaN");
        assertThatThrownBy(() -> new Mask(Level.TOKEN, 1.1, 2)).hasMessageContaining("[1.1, 2.0]");
        assertThatThrownBy(() -> new Mask(Level.TOKEN, -1, 2)).hasMessageContaining("must hold 1");
        assertThatThrownBy(() -> MismatchRule.named("tis", "token", 2, 0, 2))
                .hasMessageContaining("'tis' (expected none, truncate or mask)");
        assertThatThrownBy(() -> MismatchRule.named("mask", "rollout", 2, 0, 2))
                .hasMessageContaining("'rollout' (expected token, sequence or geometric_mean)");
        assertThat(MismatchRule.named("truncate", "geometric_mean", 2, 0, 2))
                .isEqualTo(new Truncate(Level.GEOMETRIC_MEAN, 2));
        assertThatThrownBy(() ->
                        new Mask(Level.TOKEN, 0, 2).corrections(new double[] {-1, Double.NaN}, new double[] {-1, -1}))
                .hasMessageContaining("sampled token 1");
        assertThatThrownBy(() -> new None().corrections(new double[1], new double[2]))
                .hasMessageContaining("1 proximal log-probs against 2");
    }
}
