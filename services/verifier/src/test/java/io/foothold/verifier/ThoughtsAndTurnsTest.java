package io.foothold.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Thinking;
import io.foothold.core.verdict.Verdict.Kind;
import io.foothold.v1.VerifyWork;
import io.foothold.verifier.answer.AnswerVerifier;
import io.foothold.verifier.answer.Grading;
import io.foothold.verifier.answer.Judge;
import io.foothold.verifier.chat.ChatJudges;
import io.foothold.verifier.code.CodeVerifier;
import io.foothold.verifier.code.Sandbox;
import io.foothold.verifier.function.RewardFunctions;
import io.foothold.verifier.grpc.Scorers;
import io.foothold.verifier.grpc.VerifierGrpc;
import io.foothold.verifier.triton.RewardModels;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Thoughts that the prompt opened, and the special tokens of chat formats. */
class ThoughtsAndTurnsTest {
    private static Kind verdict(ProblemKind kind, String gold, String response, Grading grading) {
        return AnswerVerifier.verify(kind, gold, response, grading).kind();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "MATH | 4 | try \\boxed{4}, but wait",
                "MATH | 4 | The answer is 4.",
                "MATH | 4 | \\boxed{4}<think>",
                "NUMERIC | 4 | so \\boxed{4}",
                "CHOICE | B | The answer is (B).",
                "TEXT | Paris | Answer: Paris",
                "EXACT | } | {a}",
                "COUNTDOWN | {\"numbers\": [1, 2], \"target\": 3} | <answer>1+2</answer>",
                "CODE | {\"asserts\": [\"assert f() == 1\"]} | def f(): return 1",
            })
    void aThoughtThatThePromptOpenedAndNothingClosesHoldsNoAnswer(ProblemKind kind, String gold, String response) {
        Judge judge = new Judge(new CodeVerifier(new Sandbox(Sandbox.Tools.standard()), 1 << 20));
        for (Grading grading : new Grading[] {Grading.TRAINING, Grading.EVALUATION}) {
            assertThat(judge.judge(kind, gold, Thinking.continued(response), grading)
                            .verdict()
                            .kind())
                    .isEqualTo(Kind.UNPARSEABLE);
        }
    }

    @Test
    void behindTheClosingTagTheAnswerCounts() {
        for (Grading grading : new Grading[] {Grading.TRAINING, Grading.EVALUATION}) {
            assertThat(verdict(ProblemKind.MATH, "4", Thinking.continued("\\boxed{5}</think>\\boxed{4}"), grading))
                    .isEqualTo(Kind.PASS);
            assertThat(verdict(ProblemKind.MATH, "4", Thinking.continued("\\boxed{4}</think>\\boxed{5}"), grading))
                    .isEqualTo(Kind.FAIL);
            assertThat(verdict(ProblemKind.MATH, "4", Thinking.continued("\\boxed{4}</think>Well."), grading))
                    .isNotEqualTo(Kind.PASS);
            assertThat(verdict(ProblemKind.MATH, "4", "<think>a</think>So: <think>or \\boxed{4}", grading))
                    .isNotEqualTo(Kind.PASS);
        }
    }

    @ParameterizedTest
    @CsvSource({"true, UNPARSEABLE", "false, PASS"})
    void theRequestSaysWhetherThePromptOpenedTheThought(boolean opened, String expected) {
        VerifierGrpc service = new VerifierGrpc(
                16,
                1,
                1,
                new Judge(new CodeVerifier(new Sandbox(Sandbox.Tools.standard()), 1 << 20)),
                new Scorers(
                        new RewardFunctions(RewardFunctions.Setup.standard()),
                        new ChatJudges(ChatJudges.Setup.none()),
                        new RewardModels(RewardModels.Setup.none())),
                new SimpleMeterRegistry());
        String kind = service.verify(Multi.createFrom()
                        .items(
                                io.foothold.v1.VerifyRequest.newBuilder()
                                        .setCredit(io.foothold.v1.Credit.newBuilder()
                                                .setItems(4))
                                        .build(),
                                io.foothold.v1.VerifyRequest.newBuilder()
                                        .setWork(VerifyWork.newBuilder()
                                                .setRolloutId("r")
                                                .setKind(io.foothold.v1.ProblemKind.PROBLEM_KIND_MATH)
                                                .setGold("4")
                                                .setResponse("try \\boxed{4}, but wait")
                                                .setResponseOpensInThought(opened))
                                        .build())
                        .onCompletion()
                        .call(() -> Uni.createFrom().nothing()))
                .select()
                .where(r -> r.hasResult())
                .toUni()
                .await()
                .atMost(Duration.ofSeconds(20))
                .getResult()
                .getVerdict()
                .getKind()
                .name();
        assertThat(kind).isEqualTo("VERDICT_KIND_" + expected);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\\boxed{42}<|im_end|>",
                "\\boxed{42}<|im_end|>\n<|im_start|>user\nand now \\boxed{43}",
                "<|im_start|>assistant\n\\boxed{42}<|im_end|>",
                "<|start_header_id|>assistant<|end_header_id|>\n\nSo \\boxed{42}.<|eot_id|>",
                "\\boxed{42}</s>",
                "<s> \\boxed{42} </s></s><pad><pad>",
                "\\boxed{42}<end_of_turn>\n<eos>",
                "<start_of_turn>model\n\\boxed{42}<end_of_turn>",
                "<\uff5cAssistant\uff5c><think>\\boxed{1}</think>\\boxed{42}<\uff5cend\u2581of\u2581sentence\uff5c>",
                "[/INST] \\boxed{42}</s>[INST] \\boxed{1}",
                "<|channel|>analysis<|message|>\\boxed{1}<|end|><|start|>assistant<|channel|>final<|message|>\\boxed{42}<|return|>",
                "\\boxed{42}<|endoftext|>Problem: \\boxed{7}",
                "\\boxed{42}<|end|>",
                "\\boxed{42}<|eom_id|>",
            })
    void specialTokensAreNoPartOfAnAnswer(String response) {
        assertThat(verdict(ProblemKind.MATH, "42", response, Grading.TRAINING)).isEqualTo(Kind.PASS);
        assertThat(verdict(
                        ProblemKind.MATH,
                        "42",
                        response.replace("\\boxed{42}", "the answer is 42"),
                        Grading.EVALUATION))
                .isEqualTo(Kind.PASS);
        assertThat(verdict(ProblemKind.MATH, "43", response, Grading.EVALUATION))
                .isNotEqualTo(Kind.PASS);
        assertThat(verdict(
                        ProblemKind.CHOICE,
                        "B",
                        response.replace("\\boxed{42}", "The answer is B"),
                        Grading.EVALUATION))
                .isEqualTo(Kind.PASS);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "<|channel|>analysis<|message|>\\boxed{42}",
                "<|im_end|>\n<|im_start|>assistant\n\\boxed{42}",
                "\\boxed{4<|im_end|>2}",
                "<|user|>\\boxed{42}",
            })
    void anotherTurnHoldsNoAnswer(String response) {
        assertThat(verdict(ProblemKind.MATH, "42", response, Grading.EVALUATION))
                .isNotEqualTo(Kind.PASS);
    }
}
