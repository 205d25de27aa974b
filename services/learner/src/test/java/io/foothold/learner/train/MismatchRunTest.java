package io.foothold.learner.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.Clips;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.MismatchRule;
import io.foothold.core.loss.MismatchRule.Level;
import io.foothold.core.loss.MismatchRule.Mask;
import io.foothold.core.loss.MismatchRule.None;
import io.foothold.core.loss.MismatchRule.Truncate;
import io.foothold.core.loss.Ppo;
import io.foothold.learner.TinyRun;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.Precision;
import io.foothold.policy.Trainer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A learner whose sampler gives other probabilities than it does. */
class MismatchRunTest {
    private static final LossRule PLAIN = LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN);
    private static final LossRule UNCLIPPED =
            new LossRule(LossRule.Aggregation.TOKEN_MEAN, 1, new Ppo(new Clips(1e6, 1e6, 0)), 0, 0, 0);

    @TempDir
    Path scratch;

    private PolicyDirectory policy;

    @BeforeEach
    void begin() {
        NativeRuntime.enterThread();
        policy = TinyRun.policy(scratch.resolve("policy"));
    }

    private static RunSettings settings(LossRule loss, MismatchRule rule, int groupsPerStep, int epochs) {
        return new RunSettings(
                new RunSettings.Learning(AdvantageEstimator.named("mean", 0), loss, rule, 1, false),
                new RunSettings.Optimizer(new Schedule(Schedule.Shape.CONSTANT, 0.01, 0, 0, 1), 0.9, 0.95, 1e-8, 0, 1),
                new RunSettings.Steps(groupsPerStep, epochs, 256),
                new RunSettings.Checkpoints(2, 2),
                new RunSettings.Computation(Precision.EXACT, 1e9),
                Optional.empty(),
                1,
                "settings\n");
    }

    /** Groups of two rollouts whose behaviour log-probs are those of the first policy, changed. */
    private List<TrainGroup> groups(int count, DoubleUnaryOperator behaviour) {
        List<TrainGroup> out = new ArrayList<>();
        try (Trainer trainer = new Trainer(policy.weights(), 256, Precision.EXACT)) {
            for (int g = 0; g < count; g++) {
                List<TrainGroup.Member> members = new ArrayList<>();
                for (int i = 0; i < 2; i++) {
                    int[] prompt = {2 + g, 3, 4, 5};
                    int[] sampled = new int[5];
                    for (int t = 0; t < sampled.length; t++) {
                        sampled[t] = 2 + (g * 7 + i * 11 + t * 3) % 36;
                    }
                    float[] own = trainer.score(
                                    List.of(new Trainer.Sequence(prompt, new int[0], sampled, new float[5])), 1)
                            .get(0)
                            .logProbs();
                    float[] logProbs = new float[own.length];
                    for (int t = 0; t < own.length; t++) {
                        logProbs[t] = (float) behaviour.applyAsDouble(own[t]);
                    }
                    members.add(new TrainGroup.Member(
                            "g" + g + "/" + i, prompt, new int[0], sampled, logProbs, new long[5], false, i, false));
                }
                out.add(new TrainGroup("g" + g, members));
            }
        }
        return out;
    }

    private Manifest update(String home, RunSettings settings, List<TrainGroup> groups) {
        try (LearnerRun run = new LearnerRun(scratch.resolve("policy"), scratch.resolve(home), settings)) {
            return run.train(1, groups);
        }
    }

    private static String digest(Manifest manifest) {
        assertThat(manifest.policyVersion()).isEqualTo(1);
        return manifest.digest();
    }

    @Test
    void withASamplerThatAgreesToTheBitEveryRuleTrainsTheSameWeights() {
        List<TrainGroup> groups = groups(2, x -> x);
        for (LossRule loss : List.of(PLAIN, UNCLIPPED)) {
            String plain = digest(update("none" + loss.loss().hasRatio(), settings(loss, new None(), 0, 1), groups));
            for (Level level : Level.values()) {
                assertThat(digest(update(
                                "t" + loss.loss().hasRatio() + level,
                                settings(loss, new Truncate(level, 1), 0, 1),
                                groups)))
                        .isEqualTo(plain);
                assertThat(digest(update(
                                "m" + loss.loss().hasRatio() + level,
                                settings(loss, new Mask(level, 1, 1), 0, 1),
                                groups)))
                        .isEqualTo(plain);
            }
        }
        Map<String, Double> metrics = update("m", settings(PLAIN, new Mask(Level.TOKEN, 0.5, 2), 0, 1), groups)
                .metrics();
        assertThat(metrics)
                .containsEntry("importance_tokens", 20.0)
                .containsEntry("importance_ess_token", 1.0)
                .containsEntry("importance_ess_sequence", 1.0)
                .containsEntry("importance_ratio_max", 1.0)
                .containsEntry("importance_correction_mean", 1.0)
                .containsEntry("importance_truncated_share", 0.0)
                .containsEntry("importance_masked_share", 0.0)
                .containsEntry("log_prob_difference_max", 0.0);
    }

    /** One step: the gradient is that of the plain rule, times the correction that all tokens share. */
    @Test
    void aTruncatedRatioScalesTheCredit() {
        List<TrainGroup> groups = groups(1, x -> x - 1);
        Manifest plain = update("none", settings(PLAIN, new None(), 0, 1), groups);
        Manifest truncated = update("truncated", settings(PLAIN, new Truncate(Level.TOKEN, 1.5), 0, 1), groups);
        Manifest whole = update("whole", settings(PLAIN, new Truncate(Level.TOKEN, 1e9), 0, 1), groups);
        double norm = plain.metrics().get("gradient_norm");
        assertThat(truncated.metrics().get("gradient_norm")).isEqualTo(1.5 * norm, within(1e-5 * norm));
        assertThat(whole.metrics().get("gradient_norm")).isEqualTo(Math.E * norm, within(1e-5 * norm));
        assertThat(truncated.metrics())
                .containsEntry("importance_truncated_share", 1.0)
                .containsEntry("importance_correction_mean", 1.5);
        assertThat(plain.metrics())
                .as("told without a rule too")
                .containsEntry("importance_truncated_share", 0.0)
                .hasEntrySatisfying(
                        "importance_ratio_max", max -> assertThat(max).isEqualTo(Math.E, within(1e-5)));
    }

    @Test
    void anUpdateThatIsMaskedWholeTakesNoStep() {
        Manifest manifest =
                update("masked", settings(PLAIN, new Mask(Level.TOKEN, 0.9, 1.1), 0, 1), groups(2, x -> x - 1));
        assertThat(manifest.optimizerSteps()).isZero();
        assertThat(manifest.policyVersion()).isZero();
        assertThat(manifest.metrics()).containsEntry("importance_masked_share", 1.0);
    }

    /**
     * π_θ / π_proximal times π_proximal / μ is π_θ / μ: over several steps, where nothing is cut, the decoupled objective has the loss and
     * the gradients of the coupled one.
     */
    @Test
    void whereNothingIsCutTheDecoupledUpdateIsTheCoupledOne() {
        List<TrainGroup> groups = groups(3, x -> x * 1.1 - 0.2);
        Map<String, Double> coupled =
                update("coupled", settings(UNCLIPPED, new None(), 1, 2), groups).metrics();
        Map<String, Double> decoupled = update(
                        "decoupled", settings(UNCLIPPED, new Truncate(Level.TOKEN, 1e9), 1, 2), groups)
                .metrics();
        for (String metric : List.of("loss", "gradient_norm", "entropy", "kl_to_behaviour", "optimizer_steps")) {
            assertThat(decoupled.get(metric))
                    .as(metric)
                    .isEqualTo(coupled.get(metric), within(1e-6 * (1 + Math.abs(coupled.get(metric)))));
        }
        assertThat(coupled.get("optimizer_steps")).isEqualTo(6);
    }

    /** What the sampler rounds is no reason to clip: the trust region lies around the policy that the update begins with. */
    @Test
    void withARuleTheClipIsTakenToTheProximalPolicy() {
        LossRule clipped = new LossRule(LossRule.Aggregation.TOKEN_MEAN, 1, new Ppo(new Clips(0.2, 0.2, 0)), 0, 0, 0);
        List<TrainGroup> groups = groups(1, x -> x - 1);
        assertThat(update("coupled", settings(clipped, new None(), 0, 1), groups)
                        .metrics())
                .containsEntry("clip_fraction", 1.0);
        assertThat(update("decoupled", settings(clipped, new Truncate(Level.TOKEN, 2), 0, 1), groups)
                        .metrics())
                .containsEntry("clip_fraction", 0.0);
    }

    @Test
    void aLogProbThatIsNoNumberIsRefusedWithItsRollout() {
        List<TrainGroup> groups = groups(1, x -> Double.NaN);
        RunSettings settings = settings(PLAIN, new Truncate(Level.TOKEN, 2), 0, 1);
        // Of another version, so that the bound on the step-0 difference does not see it.
        List<TrainGroup> stale = groups.stream().map(g -> version(g, 7)).toList();
        assertThatThrownBy(() -> update("nan", settings, stale))
                .hasMessageContaining("rollout g0/0: log-probs of sampled token 0");
    }

    /**
     * Groups without signal cost no pass through the model: of two groups one has no advantage, and the tokens that were scored, by the
     * rule and by the step, are those of the other. The first update scores all of them, to compare sampler and learner.
     */
    @Test
    void groupsWithoutSignalAreNotComputed() {
        List<TrainGroup> groups = groups(2, x -> x);
        List<TrainGroup> half = List.of(groups.get(0), allWrong(groups.get(1)));
        for (MismatchRule rule : List.of(new None(), new Truncate(Level.TOKEN, 2), new Mask(Level.SEQUENCE, 0, 1e9))) {
            try (LearnerRun run = new LearnerRun(
                    scratch.resolve("policy"), scratch.resolve("counted" + rule), settings(PLAIN, rule, 0, 1))) {
                Map<String, Double> first = run.train(1, half).metrics();
                assertThat(first).containsEntry("sampled_tokens", 20.0).containsEntry("importance_tokens", 20.0);
                assertThat(first.get("tokens_compared"))
                        .as("all, and again by the step")
                        .isEqualTo(30);
                List<TrainGroup> next = half.stream().map(g -> version(g, 1)).toList();
                Map<String, Double> second = run.train(2, next).metrics();
                assertThat(second)
                        .containsEntry("sampled_tokens", 20.0)
                        .containsEntry("groups_without_signal", 1.0)
                        .containsEntry("importance_tokens", 10.0)
                        .containsEntry("tokens_compared", 10.0);
                Map<String, Double> none = run.train(
                                3,
                                next.stream().map(g -> allWrong(version(g, 2))).toList())
                        .metrics();
                assertThat(none.get("tokens_compared")).isZero();
                assertThat(none.get("optimizer_steps")).isZero();
                assertThat(none.getOrDefault("importance_tokens", 0.0)).isZero();
            }
        }
    }

    private static TrainGroup allWrong(TrainGroup group) {
        return changed(group, -1, 0);
    }

    private static TrainGroup version(TrainGroup group, long version) {
        return changed(group, version, -1);
    }

    /** Another version or another reward where that is not negative. */
    private static TrainGroup changed(TrainGroup group, long version, double reward) {
        return new TrainGroup(
                group.groupId(),
                group.members().stream()
                        .map(m -> new TrainGroup.Member(
                                m.rolloutId(),
                                m.prompt(),
                                m.given(),
                                m.sampled(),
                                m.logProbs(),
                                version < 0
                                        ? m.versions()
                                        : Arrays.stream(m.versions())
                                                .map(v -> version)
                                                .toArray(),
                                false,
                                reward < 0 ? m.reward() : reward,
                                false))
                        .toList());
    }
}
