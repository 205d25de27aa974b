package io.foothold.verifier.triton;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.triton.RewardModelServer;
import io.foothold.contracts.triton.ServerAddress;
import io.foothold.contracts.triton.Tensors;
import io.foothold.contracts.triton.Tensors.Tensor;
import io.foothold.core.verdict.Verdict;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Reward models behind a server that answers as the test says. */
class RewardModelsTest {
    private static final RewardModel.Tensors STANDARD = new RewardModel.Tensors(
            List.of(new RewardModel.Input("prompt", "{problem}"), new RewardModel.Input("response", "{response}")),
            "score");

    private RewardModelServer server;

    @BeforeEach
    void begin() throws IOException {
        server = new RewardModelServer();
    }

    @AfterEach
    void end() {
        server.close();
    }

    private RewardModel model(RewardModel.Scale scale, Duration deadline, int attempts) {
        return model(RewardModelServer.MODEL, STANDARD, scale, deadline, attempts);
    }

    private RewardModel model(
            String name, RewardModel.Tensors tensors, RewardModel.Scale scale, Duration deadline, int attempts) {
        return new RewardModel(
                ServerAddress.of(server.address()),
                name,
                0,
                tensors,
                scale,
                new RewardModel.Calls(deadline, attempts, 64));
    }

    private RewardModel model(RewardModel.Scale scale) {
        return model(scale, Duration.ofSeconds(10), 3);
    }

    private RewardModel model() {
        return model(new RewardModel.Scale.None());
    }

    private static RewardModels any() {
        return new RewardModels(RewardModels.Setup.any(Optional.empty()));
    }

    private static CompletableFuture<Verdict> ask(RewardModels models, RewardModel model, String response) {
        CompletableFuture<Verdict> told = new CompletableFuture<>();
        var unused = models.judge(model, .5, new RewardModels.Case("1+1", "2", response), told::complete);
        return told;
    }

    private static List<Verdict> ask(RewardModel model, String... responses) throws Exception {
        try (RewardModels models = any()) {
            List<CompletableFuture<Verdict>> told =
                    Arrays.stream(responses).map(r -> ask(models, model, r)).toList();
            List<Verdict> out = new ArrayList<>();
            for (CompletableFuture<Verdict> one : told) {
                out.add(one.get(20, TimeUnit.SECONDS));
            }
            return out;
        }
    }

    private void gives(Tensor tensor) {
        server.scoring = responses -> tensor;
    }

    @Test
    void itsNumberIsTheScore() throws Exception {
        List<Verdict> verdicts = ask(model(), "abcde", "abc");
        assertThat(verdicts).extracting(Verdict::kind).containsExactly(Verdict.Kind.PASS, Verdict.Kind.FAIL);
        assertThat(verdicts.get(0).score()).isEqualTo(.5);
        assertThat(verdicts.get(0).rule()).isEqualTo("reward model length at " + server.address() + " gave 0.5");
        assertThat(server.calls.getFirst().getFirst()).isEqualTo(Map.of("prompt", "1+1", "response", "abcde"));
    }

    @Test
    void aTemplateMakesOneText() throws Exception {
        server.inputs = List.of("text");
        RewardModel.Tensors tensors = new RewardModel.Tensors(
                List.of(new RewardModel.Input("text", "<|user|>{problem}<|assistant|>{response}<{answer}>")), "score");
        RewardModel chat =
                model(RewardModelServer.MODEL, tensors, new RewardModel.Scale.Sigmoid(), Duration.ofSeconds(10), 1);
        assertThat(ask(chat, "it is {answer} ü").getFirst().score()).isEqualTo(.5);
        assertThat(server.calls.getFirst().getFirst())
                .as("braces of a response stay")
                .isEqualTo(Map.of("text", "<|user|>1+1<|assistant|>it is {answer} ü<2>"));
    }

    @Test
    void numbersBecomeScoresAsTheRunFileSays() throws Exception {
        gives(RewardModelServer.column(-3));
        assertThat(ask(model(new RewardModel.Scale.Range(-5, 3)), "a")
                        .getFirst()
                        .score())
                .isEqualTo(.25);
        assertThat(ask(model(new RewardModel.Scale.Range(-2, 3)), "a")
                        .getFirst()
                        .score())
                .isZero();
        assertThat(ask(model(new RewardModel.Scale.Sigmoid()), "a").getFirst().score())
                .isEqualTo(1 / (1 + Math.exp(3)));
        Verdict none = ask(model(), "a").getFirst();
        assertThat(none.kind()).isEqualTo(Verdict.Kind.VERIFIER_ERROR);
        assertThat(none.rule()).contains("gave -3.0 (expected a number in [0, 1]; 'scale: range'");
    }

    @Test
    void responsesGoTogetherUpToTheModelsLimit() throws Exception {
        server.maxBatchSize = 7;
        server.millis = 20;
        String[] responses = new String[40];
        Arrays.setAll(responses, i -> "x".repeat(i % 10));
        List<Verdict> verdicts = ask(model(), responses);
        for (int i = 0; i < 40; i++) {
            assertThat(verdicts.get(i).score()).isEqualTo((double) (i % 10 / 10f));
        }
        assertThat(server.calls).hasSizeBetween(6, 12).allSatisfy(call -> assertThat(call)
                .hasSizeLessThanOrEqualTo(7));
    }

    @Test
    void aModelWithoutBatchesIsAskedOneByOne() throws Exception {
        server.maxBatchSize = 0;
        server.shape = List.of(1L);
        server.scoring = responses -> Tensors.ofFloats(.25f);
        assertThat(ask(model(), "a", "b")).extracting(Verdict::score).containsExactly(.25, .25);
        assertThat(server.calls).hasSize(2);
    }

    @Test
    void whatIsNoNumberIsAnErrorAndNoZero() throws Exception {
        server.scoring = responses -> {
            float[] out = new float[responses.size()];
            for (int i = 0; i < out.length; i++) {
                out[i] = switch (responses.get(i).getOrDefault("response", "")) {
                    case "nan" -> Float.NaN;
                    case "inf" -> Float.POSITIVE_INFINITY;
                    default -> .75f;
                };
            }
            return RewardModelServer.column(out);
        };
        for (RewardModel.Scale scale : List.of(
                new RewardModel.Scale.None(), new RewardModel.Scale.Range(0, 2), new RewardModel.Scale.Sigmoid())) {
            List<Verdict> verdicts = ask(model(scale), "nan", "fine", "inf");
            assertThat(verdicts)
                    .extracting(Verdict::kind)
                    .containsExactly(
                            Verdict.Kind.VERIFIER_ERROR,
                            scale instanceof RewardModel.Scale.Range ? Verdict.Kind.FAIL : Verdict.Kind.PASS,
                            Verdict.Kind.VERIFIER_ERROR);
            assertThat(verdicts.get(0).rule()).endsWith("gave NaN, which is no score");
        }
    }

    private void refusedAnswer(Tensor tensor, String why) throws Exception {
        gives(tensor);
        Verdict verdict = ask(model(), "a").getFirst();
        assertThat(verdict.kind()).isEqualTo(Verdict.Kind.VERIFIER_ERROR);
        assertThat(verdict.rule()).contains(why);
    }

    @Test
    void anAnswerOfAnotherFormIsAnError() throws Exception {
        refusedAnswer(Tensors.ofInts(1), "gave 'score' as INT32 [1] of 4 bytes (expected FP32 [1,1] or [1])");
        refusedAnswer(Tensors.ofFloats(1, 2), "gave 'score' as FP32 [2] of 8 bytes (expected FP32 [1,1] or [1])");
        refusedAnswer(
                new Tensor("FP32", List.of(1L, 1L), Tensors.ofFloats(1, 2).data()), "FP32 [1,1] of 8 bytes (expected");
    }

    /** One that the model cannot take costs nobody else his score. */
    @Test
    void aResponseThatFailsFailsAlone() throws Exception {
        server.scoring = responses -> {
            if (responses.stream().anyMatch(r -> r.containsValue("bad"))) {
                throw new IllegalStateException("ValueError: bad\n  in line 7");
            }
            return RewardModelServer.lengths(responses);
        };
        List<Verdict> verdicts = ask(model(), "abcdef", "bad", "abc");
        assertThat(verdicts)
                .extracting(Verdict::kind)
                .containsExactly(Verdict.Kind.PASS, Verdict.Kind.VERIFIER_ERROR, Verdict.Kind.FAIL);
        assertThat(verdicts.get(1).rule()).contains("ValueError: bad", "in line 7");
    }

    @Test
    void whoIsBusyIsAskedAgainAndWhoStaysBusyIsAnError() throws Exception {
        server.toFail.set(1);
        assertThat(ask(model(), "abcde").getFirst().score()).isEqualTo(.5);
        server.toFail.set(100);
        Verdict verdict = ask(model(new RewardModel.Scale.None(), Duration.ofSeconds(10), 2), "abcde")
                .getFirst();
        assertThat(verdict.kind()).isEqualTo(Verdict.Kind.VERIFIER_ERROR);
        assertThat(verdict.rule()).contains("Exceeds maximum queue size (2 attempts)");
    }

    @Test
    void aServerThatDiesAndComesBackLosesNothing() throws Exception {
        try (RewardModels models = any()) {
            RewardModel model = model(new RewardModel.Scale.None(), Duration.ofSeconds(10), 6);
            assertThat(ask(models, model, "abc").get(20, TimeUnit.SECONDS).score())
                    .isEqualTo((double) .3f);
            server.die();
            CompletableFuture<Verdict> meanwhile = ask(models, model, "abcdef");
            TimeUnit.MILLISECONDS.sleep(700);
            assertThat(meanwhile).isNotDone();
            server.begin();
            assertThat(meanwhile.get(20, TimeUnit.SECONDS).score()).isEqualTo((double) .6f);
        }
    }

    @Test
    void aLateAnswerIsATimeout() throws Exception {
        server.millis = 5_000;
        Verdict verdict = ask(model(new RewardModel.Scale.None(), Duration.ofMillis(200), 1), "a")
                .getFirst();
        assertThat(verdict.kind()).isEqualTo(Verdict.Kind.TIMEOUT);
        assertThat(verdict.rule()).contains("deadline exceeded");
    }

    private void refused(RewardModel model, String why) {
        try (RewardModels models = any()) {
            assertThatThrownBy(() -> models.check(model))
                    .isInstanceOf(FootholdException.class)
                    .hasMessageContaining(why);
        }
    }

    private RewardModel with(String name, String input, String output) {
        return model(
                name,
                new RewardModel.Tensors(List.of(new RewardModel.Input(input, "{response}")), output),
                new RewardModel.Scale.None(),
                Duration.ofSeconds(5),
                1);
    }

    @Test
    void aModelIsLookedAtBeforeItIsNeeded() throws Exception {
        try (RewardModels models = any()) {
            assertThat(models.check(model()))
                    .isEqualTo("takes prompt BYTES, response BYTES, gives score FP32, 16 responses a call");
        }
        refused(with("lenght", "response", "score"), "the server has no such model (did you mean 'length'?)");
        refused(with("length", "respons", "score"), "has no input 'respons' (did you mean 'response'?)");
        refused(with("length", "response", "scores"), "has no output 'scores' (did you mean 'score'?)");
        refused(with("length", "response", "score"), "needs the input 'prompt', which no tensor of the run file gives");
        server.optional = List.of("prompt");
        try (RewardModels models = any()) {
            assertThat(models.check(with("length", "response", "score"))).startsWith("takes response BYTES");
        }
        server.datatype = "FP16";
        refused(model(), "its output 'score' is FP16 [-1,1] (expected FP32 [-1,1], or [-1], for n responses)");
        server.datatype = "FP32";
        server.shape = List.of(-1L, 4L);
        refused(model(), "its input 'prompt' is BYTES [-1,4] (expected BYTES [-1,1]");
        server.shape = List.of(-1L, 1L);
        server.decoupled = true;
        refused(model(), "is decoupled: expected one answer a request");
        server.decoupled = false;
        server.ready = false;
        refused(
                model(new RewardModel.Scale.None(), Duration.ofSeconds(5), 1),
                "the model is not ready (version 1 UNAVAILABLE: unloaded)");
        server.die();
        refused(model(new RewardModel.Scale.None(), Duration.ofSeconds(5), 1), "Connection refused");
    }

    @Test
    void onlyServersThatAreNamedAreCalled() throws Exception {
        try (RewardModels none = new RewardModels(RewardModels.Setup.none())) {
            assertThatThrownBy(() -> ask(none, model(), "a"))
                    .hasMessageContaining("none of those that this verifier may call (there are none)")
                    .hasMessageContaining("foothold.verifier.reward-model.servers");
        }
        RewardModels.Setup other = new RewardModels.Setup(List.of("grpc://127.0.0.1:1"), Optional.empty(), 1);
        try (RewardModels models = new RewardModels(other)) {
            assertThatThrownBy(() -> models.check(model())).hasMessageContaining("grpc://127.0.0.1:1");
        }
        RewardModels.Setup named = new RewardModels.Setup(List.of(server.address() + "/"), Optional.empty(), 1);
        try (RewardModels models = new RewardModels(named)) {
            assertThat(ask(models, model(), "abcde").get(20, TimeUnit.SECONDS).score())
                    .isEqualTo(.5);
        }
        assertThatThrownBy(() -> new RewardModels.Setup(List.of("unix:/tmp/s"), Optional.empty(), 1))
                .hasMessageContaining("foothold.verifier.reward-model.servers: 'unix:/tmp/s' is no address");
    }

    @Test
    void whatIsTakenBackIsNotTold() throws Exception {
        server.millis = 100;
        try (RewardModels models = any()) {
            CompletableFuture<Verdict> told = new CompletableFuture<>();
            models.judge(model(), .5, new RewardModels.Case("", "", "a"), told::complete)
                    .run();
            assertThat(ask(models, model(), "abc").get(20, TimeUnit.SECONDS).kind())
                    .isEqualTo(Verdict.Kind.FAIL);
            assertThat(told).isNotDone();
            assertThat(server.calls).hasSize(1);
            assertThat(server.calls.getFirst()).hasSize(1);
        }
    }
}
