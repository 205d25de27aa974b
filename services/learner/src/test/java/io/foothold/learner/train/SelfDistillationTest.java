package io.foothold.learner.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.Distillation;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.MismatchRule;
import io.foothold.learner.TinyRun;
import io.foothold.policy.Disk;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.Precision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A policy that teaches itself, in whole updates. */
class SelfDistillationTest {
    private static final int[] PROMPT = {2, 3, 4, 5};
    private static final int[] SHOWN = {2, 3, 4, 9, 11, 13, 5};
    private static final int[] DRAWN = {7, 20, 31, 12};

    @TempDir
    Path scratch;

    @BeforeEach
    void begin() {
        NativeRuntime.enterThread();
        TinyRun.policy(scratch.resolve("policy"));
    }

    private LearnerRun run(String name, String estimator, Distillation distillation) {
        RunSettings settings = new RunSettings(
                new RunSettings.Learning(
                        AdvantageEstimator.named(estimator, 0),
                        LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN),
                        new MismatchRule.None(),
                        1,
                        false,
                        false,
                        distillation,
                        List.of()),
                new RunSettings.Optimizer(new Schedule(Schedule.Shape.CONSTANT, 0.01, 0, 0, 1), 0.9, 0.95, 1e-8, 0, 1),
                new RunSettings.Steps(0, 1, 256),
                new RunSettings.Checkpoints(2, 2),
                new RunSettings.Computation(Precision.EXACT, 1e-4),
                Optional.empty(),
                1,
                "settings\n");
        return new LearnerRun(scratch.resolve("policy"), scratch.resolve(name), settings, Disk.REAL);
    }

    /** One drawn token each, with the log-prob that the policy has for it. */
    private static TrainGroup group(float[] own, double[] rewards, int[] teacher) {
        List<TrainGroup.Member> members = new ArrayList<>();
        for (int i = 0; i < DRAWN.length; i++) {
            members.add(new TrainGroup.Member(
                    "r" + i,
                    PROMPT,
                    new int[0],
                    new int[] {DRAWN[i]},
                    new float[] {own[i]},
                    new long[1],
                    false,
                    rewards[i],
                    false,
                    teacher,
                    List.of()));
        }
        return new TrainGroup("g", members);
    }

    private float[] scored(int[] prompt) {
        try (LearnerRun run = run("scores", "mean", Distillation.NONE)) {
            float[] out = new float[DRAWN.length];
            for (int i = 0; i < DRAWN.length; i++) {
                out[i] = run.score(List.of(new GivenSolutions.Solution(prompt, new int[] {DRAWN[i]})), 0)
                        .get(0)
                        .logProbs()[0];
            }
            return out;
        }
    }

    /** With one token a rollout it is REINFORCE with the difference of log-probs as reward, to the bit; none was right. */
    @Test
    void theDifferenceOfTheLogProbsIsTheReward() {
        float[] own = scored(PROMPT);
        float[] shown = scored(SHOWN);
        double[] gaps = new double[DRAWN.length];
        double mean = 0;
        for (int i = 0; i < gaps.length; i++) {
            gaps[i] = (double) shown[i] - own[i];
            mean += gaps[i] / gaps.length;
        }
        Manifest taught;
        Manifest rewarded;
        try (LearnerRun run = run("taught", "mean", new Distillation(1, 0))) {
            taught = run.train(1, List.of(group(own, new double[DRAWN.length], SHOWN)));
        }
        try (LearnerRun run = run("rewarded", "reward", Distillation.NONE)) {
            rewarded = run.train(1, List.of(group(own, gaps, new int[0])));
        }
        assertThat(taught.optimizerSteps()).isEqualTo(1);
        assertThat(taught.digest()).isEqualTo(rewarded.digest());
        for (int i = 0; i < gaps.length; i++) {
            assertThat(taught.advantages().get(i).value()).isEqualTo(gaps[i], within(1e-6));
        }
        assertThat(taught.metrics().get("teacher_gap")).isEqualTo(mean, within(1e-6));
        assertThat(taught.metrics()).containsEntry("teacher_tokens", 4.0);
    }

    /** Who is shown nothing teaches nothing: with rewards beside it, rollouts without a teacher keep theirs. */
    @Test
    void rolloutsWithoutATeacherKeepTheirReward() {
        float[] own = scored(PROMPT);
        double[] rewards = {1, 0, 0, 1};
        try (LearnerRun with = run("with", "mean", new Distillation(3, 1));
                LearnerRun without = run("without", "mean", Distillation.NONE)) {
            assertThat(with.train(1, List.of(group(own, rewards, new int[0]))).digest())
                    .isEqualTo(without.train(1, List.of(group(own, rewards, new int[0])))
                            .digest());
        }
    }

    @Test
    void aTeacherMovesThePolicyTowardsWhatItSays() {
        float[] own = scored(PROMPT);
        try (LearnerRun run = run("towards", "mean", new Distillation(1, 0))) {
            double before = run.train(1, List.of(group(own, new double[4], SHOWN)))
                    .metrics()
                    .get("teacher_gap");
            float[] now = new float[4];
            for (int i = 0; i < 4; i++) {
                now[i] = run.score(List.of(new GivenSolutions.Solution(PROMPT, new int[] {DRAWN[i]})), 1)
                        .get(0)
                        .logProbs()[0];
            }
            float[] shown = scored(SHOWN);
            double moved = 0;
            for (int i = 0; i < 4; i++) {
                moved += (now[i] - own[i]) * ((double) shown[i] - own[i]);
            }
            assertThat(before).isNotZero();
            assertThat(moved).as("log-probs went where the teacher's differ").isPositive();
        }
    }
}
