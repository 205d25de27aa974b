package io.foothold.orchestrator.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.draw.ProblemSetDigest;
import io.foothold.core.problem.Problem;
import io.foothold.core.settings.VerificationSettings;
import io.foothold.core.verdict.Verdict;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.v1.ProblemKind;
import io.foothold.v1.RewardModel;
import io.foothold.v1.RewardModelInput;
import io.foothold.v1.ScoreScale;
import io.foothold.v1.VerdictKind;
import io.foothold.v1.VerifyWork;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProblemMessagesTest {
    private static io.foothold.v1.Problem.Builder message(ProblemKind kind) {
        return io.foothold.v1.Problem.newBuilder()
                .setId("p1")
                .setStatement("what is 1 + 1")
                .setKind(kind)
                .setAnswer("2")
                .addOracleThoughts("one;")
                .addOracleThoughts("two;")
                .setSource("here")
                .setSplit("train")
                .setMaxTokens(7);
    }

    /** What runs of earlier versions stored of their problems stays true. */
    @ParameterizedTest
    @EnumSource(
            mode = EnumSource.Mode.EXCLUDE,
            names = {"PROBLEM_KIND_UNSPECIFIED", "UNRECOGNIZED"})
    void aProblemHasTheBytesThatItCameWith(ProblemKind kind) {
        io.foothold.v1.Problem whole = message(kind).build();
        io.foothold.v1.Problem least =
                io.foothold.v1.Problem.newBuilder().setId("p2").setKind(kind).build();
        List<Problem> read = List.of(ProblemMessages.problem(whole), ProblemMessages.problem(least));
        assertThat(ProblemMessages.content(read.get(0))).isEqualTo(whole.toByteArray());
        assertThat(ProblemMessages.content(read.get(1))).isEqualTo(least.toByteArray());
        assertThat(ProblemMessages.digest(read)).isEqualTo(ProblemSetDigest.of(List.of(whole, least)));
    }

    @Test
    void aKindThatIsNotKnownIsRefusedByName() {
        for (int kind : new int[] {0, 99}) {
            assertThatThrownBy(() -> ProblemMessages.problem(message(ProblemKind.PROBLEM_KIND_MATH)
                            .setKindValue(kind)
                            .build()))
                    .hasMessageContaining("problem 'p1' came with the unknown kind " + kind);
        }
    }

    @ParameterizedTest
    @EnumSource(
            mode = EnumSource.Mode.EXCLUDE,
            names = {"VERDICT_KIND_UNSPECIFIED", "UNRECOGNIZED"})
    void aVerdictKeepsItsParts(VerdictKind kind) {
        Verdict verdict = ProblemMessages.verdict(io.foothold.v1.Verdict.newBuilder()
                .setKind(kind)
                .setScore(0.5)
                .setCandidate("2")
                .setRule("equal")
                .build());
        assertThat("VERDICT_KIND_" + verdict.kind()).isEqualTo(kind.name());
        assertThat(verdict).isEqualTo(new Verdict(verdict.kind(), 0.5, "2", "equal"));
    }

    /** A function that compared whole lines was never right on a real model: each answer ended in the model's own token. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "<|im_end|>",
                "<|eot_id|>",
                "</s>",
                "<end_of_turn>",
                "<|endoftext|>",
                "<\uff5cend\u2581of\u2581sentence\uff5c>",
                ""
            })
    void whoJudgesIsNotToldHowAModelEndsItsTurn(String end) {
        assertThat(judged("21 + 3 = 24\n24 + 3 = 27" + end)).isEqualTo("21 + 3 = 24\n24 + 3 = 27");
        assertThat(judged("so 27</think>27" + end)).isEqualTo("so 27</think>27");
        assertThat(judged("a < b, [1, 2], <b>bold</b>" + end)).isEqualTo("a < b, [1, 2], <b>bold</b>");
    }

    /** Of these the end itself is compared, special tokens included. */
    @Test
    void exactAnswersAreComparedAsTheyAre() {
        assertThat(judged(ProblemKind.PROBLEM_KIND_EXACT, "\\boxed{5}<|end|>")).isEqualTo("\\boxed{5}<|end|>");
    }

    @Test
    void aRewardModelIsNeverToldHowAModelEndsItsTurn() {
        VerificationSettings settings = RunFile.resolve(
                        "run.yaml",
                        "method: grpo\npolicy: {base: p}\nproblems: {train: {family: dial}, evaluate: {t: {family: dial}}}\n"
                                + "verification: {reward_model: {server: \"grpc://a:1\", model: m, scale: range, high: 4, version: 3}}\n",
                        List.of())
                .settings()
                .verification();
        VerifyWork work = work(
                ProblemKind.PROBLEM_KIND_EXACT,
                "\\boxed{5}<|end|>",
                settings.scorer().map(s -> Verifier.Scorer.of(s, .5)));
        assertThat(work.getResponse()).isEqualTo("\\boxed{5}");
        assertThat(work.getProblem().getId()).isEqualTo("p1");
        assertThat(work.getRewardModel())
                .isEqualTo(RewardModel.newBuilder()
                        .setServer("grpc://a:1")
                        .setModel("m")
                        .setVersion(3)
                        .addInputs(
                                RewardModelInput.newBuilder().setName("prompt").setText("{problem}"))
                        .addInputs(RewardModelInput.newBuilder()
                                .setName("response")
                                .setText("{response}"))
                        .setOutput("score")
                        .setScale(ScoreScale.SCORE_SCALE_RANGE)
                        .setHigh(4)
                        .setPassScore(.5)
                        .setSeconds(30)
                        .setAttempts(8)
                        .setMaxBatch(64)
                        .build());
    }

    private static String judged(String response) {
        return judged(ProblemKind.PROBLEM_KIND_TEXT, response);
    }

    private static String judged(ProblemKind kind, String response) {
        return work(kind, response, Optional.empty()).getResponse();
    }

    private static VerifyWork work(ProblemKind kind, String response, Optional<Verifier.Scorer> scorer) {
        return ProblemMessages.work(new Verifier.Work(
                "r", ProblemMessages.problem(message(kind).build()), response, false, "", false, "", scorer));
    }
}
