package io.foothold.learner.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.MismatchRule;
import io.foothold.learner.TinyRun;
import io.foothold.policy.Disk;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The distribution itself is checked, whose naive twin is TrainerTest's: it sums to one, and a temperature is a power of it. */
class GivenSolutionsTest {
    private static final int VOCABULARY = 38;
    private static final int[] PROMPT = {5, 9, 7, 2};

    @TempDir
    Path scratch;

    @BeforeEach
    void begin() {
        NativeRuntime.enterThread();
    }

    private static RunSettings settings(double temperature) {
        return new RunSettings(
                new RunSettings.Learning(
                        AdvantageEstimator.named("mean", 0),
                        LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN),
                        new MismatchRule.None(),
                        temperature,
                        false),
                new RunSettings.Optimizer(new Schedule(Schedule.Shape.CONSTANT, 0.01, 0, 0, 1), 0.9, 0.95, 1e-8, 0, 1),
                new RunSettings.Steps(0, 1, 256),
                new RunSettings.Checkpoints(2, 2),
                new RunSettings.Computation(Precision.EXACT, 1e9),
                Optional.empty(),
                1,
                "settings " + temperature + "\n");
    }

    private LearnerRun open(double temperature, List<Integer> ends) {
        Path policy = scratch.resolve("policy" + ends.size());
        ModelConfig config =
                ModelConfig.qwen3(VOCABULARY, 32, 64, 2, 4, 2, 8, 64).endingWith(ends);
        PolicyDirectory.write(policy, PolicyWeights.random(config, 7, 0.3), "{\"version\":\"1.0\"}");
        return new LearnerRun(
                policy, scratch.resolve("home" + temperature + ends.size()), settings(temperature), Disk.REAL);
    }

    private static GivenSolutions.Score score(LearnerRun run, int[] prompt, int... solution) {
        return run.score(List.of(new GivenSolutions.Solution(prompt, solution)), run.version())
                .getFirst();
    }

    /** Log-prob of each token of the vocabulary behind a text, each by a solution of its own. */
    private static double[] next(LearnerRun run, int[] text) {
        return run
                .score(
                        IntStream.range(0, VOCABULARY)
                                .mapToObj(id -> new GivenSolutions.Solution(text, new int[] {id}))
                                .toList(),
                        run.version())
                .stream()
                .mapToDouble(s -> s.logProbs()[0])
                .toArray();
    }

    @Test
    void solutionsAreScoredAtTheTemperatureOfTraining() {
        try (LearnerRun plain = open(1, List.of(1));
                LearnerRun sharp = open(0.8, List.of(1))) {
            double[] at1 = next(plain, PROMPT);
            double[] atSharp = next(sharp, PROMPT);
            assertThat(IntStream.range(0, VOCABULARY)
                            .mapToDouble(i -> Math.exp(atSharp[i]))
                            .sum())
                    .isEqualTo(1, within(1e-5));
            double norm = IntStream.range(0, VOCABULARY)
                    .mapToDouble(i -> Math.exp(at1[i] / 0.8))
                    .sum();
            for (int i = 0; i < VOCABULARY; i++) {
                assertThat(atSharp[i]).isEqualTo(at1[i] / 0.8 - Math.log(norm), within(1e-5));
            }
            assertThat(sharp.temperature()).isEqualTo(0.8);
        }
    }

    @Test
    void eachTokenIsScoredBehindAllBeforeItAndNoneOfThePrompt() {
        try (LearnerRun run = open(0.8, List.of(1))) {
            GivenSolutions.Score whole = score(run, PROMPT, 11, 30, 11);
            assertThat(whole.logProbs()).hasSize(3);
            assertThat((double) whole.logProbs()[0]).isEqualTo(next(run, PROMPT)[11], within(1e-5));
            assertThat((double) whole.logProbs()[1]).isEqualTo(next(run, new int[] {5, 9, 7, 2, 11})[30], within(1e-5));
            double[] behind = next(run, new int[] {5, 9, 7, 2, 11, 30});
            assertThat((double) whole.logProbs()[2]).isEqualTo(behind[11], within(1e-5));
            double[] end = next(run, new int[] {5, 9, 7, 2, 11, 30, 11});
            assertThat(whole.endLogProb()).isEqualTo(end[1], within(1e-5));
            assertThat(whole.problem()).isEmpty();
        }
    }

    @Test
    void aResponseMayEndByAnyOfTheEndTokens() {
        try (LearnerRun run = open(1, List.of(1, 3))) {
            double[] next = next(run, new int[] {5, 9, 7, 2, 11});
            GivenSolutions.Score whole = score(run, PROMPT, 11);
            assertThat(whole.endLogProb()).isEqualTo(Math.log(Math.exp(next[1]) + Math.exp(next[3])), within(1e-5));
            GivenSolutions.Score ended = score(run, PROMPT, 11, 3);
            assertThat(ended.logProbs()).hasSize(2);
            assertThat(ended.endLogProb()).isZero();
        }
    }

    @Test
    void whatDoesNotFitTheModelIsToldAndTheOthersAreScored() {
        try (LearnerRun run = open(1, List.of(1))) {
            List<GivenSolutions.Score> scores = run.score(
                    List.of(
                            new GivenSolutions.Solution(PROMPT, new int[60]),
                            new GivenSolutions.Solution(PROMPT, new int[59])),
                    0);
            assertThat(scores.getFirst().logProbs()).isEmpty();
            assertThat(scores.getFirst().problem())
                    .isEqualTo(
                            "4 tokens of prompt and 60 of solution with its end are more than the 64 that the model takes");
            assertThat(scores.getLast().logProbs()).hasSize(59);
        }
    }

    @Test
    void whatIsNoSolutionOrOfAnotherVersionIsRefused() {
        try (LearnerRun run = open(1, List.of(1))) {
            assertThatThrownBy(() -> score(run, new int[0], 3)).hasMessageContaining("solution 0 needs a token");
            assertThatThrownBy(() -> score(run, PROMPT)).hasMessageContaining("it has 4 and 0");
            assertThatThrownBy(() -> score(run, PROMPT, 38))
                    .hasMessageContaining("token 38 (expected ids from 0 to 37)");
            assertThatThrownBy(() -> run.score(List.of(), 1))
                    .isInstanceOfSatisfying(
                            FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT))
                    .hasMessageContaining("policy version 1, the weights are of version 0");
            assertThat(run.score(List.of(), 0)).isEmpty();
        }
    }

    @Test
    void scoringLeavesTheRunAsItWas() {
        TinyRun.policy(scratch.resolve("policy"));
        String plain;
        try (LearnerRun run = open(1, List.of(1))) {
            plain = run.train(1, List.of(group())).digest();
        }
        try (LearnerRun run =
                new LearnerRun(scratch.resolve("policy1"), scratch.resolve("scored"), settings(1), Disk.REAL)) {
            float[] before = score(run, PROMPT, 11, 30).logProbs();
            assertThat(run.train(1, List.of(group())).digest()).isEqualTo(plain);
            assertThat(score(run, PROMPT, 11, 30).logProbs()).isNotEqualTo(before);
        }
    }

    private static TrainGroup group() {
        return new TrainGroup(
                "g",
                IntStream.range(0, 2)
                        .mapToObj(i -> new TrainGroup.Member(
                                "g/" + i,
                                PROMPT,
                                new int[0],
                                new int[] {4 + i, 6},
                                new float[] {-3, -3},
                                new long[] {0, 0},
                                false,
                                i,
                                false))
                        .toList());
    }
}
