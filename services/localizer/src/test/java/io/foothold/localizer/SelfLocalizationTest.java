package io.foothold.localizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import io.foothold.localizer.external.ChatEndpoint;
import io.foothold.localizer.grpc.LocalizerGrpc;
import io.foothold.localizer.thought.FirstWrongThought;
import io.foothold.localizer.thought.Restatement;
import io.foothold.localizer.thought.StatedStep;
import io.foothold.localizer.thought.StatedStep.Reading;
import io.foothold.v1.*;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.smallrye.mutiny.Multi;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SelfLocalizationTest {
    private static Localization localize(LocalizeWork.Builder work) {
        return localize(work, Optional.empty());
    }

    private static Localization localize(LocalizeWork.Builder work, Optional<ChatEndpoint.Settings> external) {
        return new LocalizerGrpc(4, external, new SimpleMeterRegistry())
                .localize(Multi.createFrom()
                        .items(
                                LocalizeRequest.newBuilder()
                                        .setCredit(Credit.newBuilder().setItems(4))
                                        .build(),
                                LocalizeRequest.newBuilder().setWork(work).build()))
                .filter(LocalizeResponse::hasLocalization)
                .map(LocalizeResponse::getLocalization)
                .collect()
                .first()
                .await()
                .indefinitely();
    }

    @Test
    void answersAreReadByTheirLastBoxedNumberOrTheirLastStep() {
        assertThat(StatedStep.read("Step 2 looks odd. \\boxed{1} no: \\boxed{ 3 }", 5))
                .isEqualTo(new Reading.Step(3));
        assertThat(StatedStep.read("Step 2 is fine, step 4 is not.", 5)).isEqualTo(new Reading.Step(4));
        assertThat(StatedStep.read("Step 2 is wrong, as is step 9.", 5)).isEqualTo(new Reading.Step(2));
        assertThat(StatedStep.read("all right: \\boxed{0}", 5)).isEqualTo(new Reading.NoError());
        assertThat(StatedStep.read("\\boxed{6}", 5)).isInstanceOf(Reading.Unreadable.class);
        assertThat(StatedStep.read("\\boxed{-1}", 5)).isInstanceOf(Reading.Unreadable.class);
        assertThat(StatedStep.read("", 5)).isInstanceOf(Reading.Unreadable.class);
        assertThat(StatedStep.read("I cannot tell", 5)).isInstanceOf(Reading.Unreadable.class);
    }

    @Test
    void questionsNumberTheStepsAndFillEachPlaceOnce() {
        assertThat(StatedStep.question("{problem}|{steps}|{count}", "what is {count}?", List.of(" a ", "b")))
                .isEqualTo("what is {count}?|Step 1: a\nStep 2: b\n|2");
    }

    @Test
    void selfAsksFirstAndReadsTheAnswer() {
        LocalizeWork.Builder work = LocalizeWork.newBuilder()
                .setRolloutId("r")
                .setMode(LocalizerMode.LOCALIZER_MODE_SELF)
                .addThoughts("1+1=2</t>")
                .addThoughts("2+2=5</t>")
                .setThoughtDelimiter("</t>")
                .setProblem("P")
                .setPrompt(LocalizerPrompt.newBuilder()
                        .setTemplate("{problem}\n{steps}")
                        .setTemperature(.3)
                        .setMaxTokens(64));
        Questions asked = localize(work).getQuestions();
        assertThat(asked.getStartsList()).hasSize(1);
        assertThat(asked.getStarts(0).getPrompt()).isEqualTo("P\nStep 1: 1+1=2\nStep 2: 2+2=5\n");
        assertThat(asked.getStarts(0).getRevision().getRolloutId()).isEqualTo("r");
        assertThat(asked.getSettings().getTemperature()).isEqualTo(.3);
        assertThat(localize(work.clone().addAnswers(Rollout.newBuilder().setText("\\boxed{2}")))
                        .getStep())
                .isEqualTo(2);
        assertThat(localize(work.clone().addAnswers(Rollout.newBuilder().setText("\\boxed{0}")))
                        .hasNoError())
                .isTrue();
        assertThat(localize(work.clone().addAnswers(Rollout.newBuilder().setText("hm")))
                        .getUnparseable())
                .contains("1 to 2");
        work.getPromptBuilder().setMaxTokens(0);
        assertThat(localize(work).getFailed().getMessage()).contains("a limit of tokens of at least 1, got 0");
    }

    /** Thoughts of 1 to 5 tokens; a policy that restates every claim but a few. The first of those few is what is found. */
    @Test
    void restatementFindsTheFirstClaimThatDiffers() {
        SplittableRandom random = new SplittableRandom(3);
        for (int trial = 0; trial < 5000; trial++) {
            int claim = random.nextInt(1, 3);
            int thoughts = random.nextInt(1, 7);
            List<Integer> lengths = random.ints(thoughts, 1, 7).boxed().toList();
            int[] ends = new int[thoughts];
            int at = 0;
            for (int k = 0; k < thoughts; k++) {
                at += lengths.get(k);
                ends[k] = at;
            }
            int[] response = random.ints(at + 2, 0, 9).toArray();
            Restatement restatement =
                    new Restatement(response, IntStream.of(ends).boxed().toList(), claim);
            List<int[]> questions = restatement.questions();
            int wrong = -1;
            List<int[]> answers = new java.util.ArrayList<>();
            for (int k = 0; k < questions.size(); k++) {
                int from = questions.get(k).length;
                assertThat(from).isEqualTo(ends[k] - 1 - claim);
                int[] answer = java.util.Arrays.copyOfRange(response, from, from + claim);
                if (random.nextInt(5) == 0) {
                    answer[random.nextInt(claim)] += 1;
                    wrong = wrong < 0 ? k + 1 : wrong;
                }
                answers.add(answer);
            }
            // A thought without room for a claim and something before it is wrong itself.
            boolean cut = questions.size() < thoughts;
            var found = restatement.firstDisagreement(answers);
            assertThat(found.orElse(-1)).isEqualTo(wrong > 0 ? wrong : cut ? questions.size() + 1 : -1);
            if (cut) {
                assertThat(lengths.get(questions.size())).isLessThan(claim + 2);
            }
        }
    }

    @Test
    void recomputeAsksForEveryClaimAndComparesWithTheOracle() {
        LocalizeWork.Builder work = LocalizeWork.newBuilder()
                .setRolloutId("r")
                .setMode(LocalizerMode.LOCALIZER_MODE_SELF_RECOMPUTE)
                .addAllThoughts(List.of("a1;", "b3;", "c4;"))
                .addAllOracleThoughts(List.of("a1;", "b2;", "c3;"))
                .addAllResponseTokenIds(List.of(10, 1, 9, 11, 3, 9, 12, 4, 9))
                .addAllThoughtEnds(List.of(3, 6, 9))
                .setProblem("P")
                .setPrompt(LocalizerPrompt.newBuilder()
                        .setTemplate("<locate>{problem}")
                        .setClaimTokens(1));
        Questions asked = localize(work).getQuestions();
        assertThat(asked.getStartsList().stream().map(StartState::getPrefixTokenIdsList))
                .containsExactly(List.of(10), List.of(10, 1, 9, 11), List.of(10, 1, 9, 11, 3, 9, 12));
        assertThat(asked.getStartsList()).allMatch(s -> s.getPrompt().equals("<locate>P") && s.getMaxTokens() == 1);
        for (int claim : new int[] {1, 2, 4}) {
            work.addAnswers(Rollout.newBuilder().addTokenIds(claim));
        }
        Localization found = localize(work);
        assertThat(found.getStep()).isEqualTo(2);
        assertThat(found.getComparison().getFirstError()).isEqualTo(2);
        work.setAnswers(1, Rollout.newBuilder().addTokenIds(3));
        assertThat(localize(work).hasNoError()).isTrue();
        work.removeAnswers(2);
        assertThat(localize(work).getFailed().getMessage()).contains("2 answers to 3 questions");
    }

    /** A chat endpoint that answers what the test says, with a status. */
    private static HttpServer endpoint(Deque<Integer> statuses, String answer, List<String> requests)
            throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/v1/chat/completions", exchange -> {
            requests.add(exchange.getRequestHeaders().getFirst("Authorization") + " "
                    + new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            int status = statuses.isEmpty() ? 200 : statuses.poll();
            byte[] body = (status == 200 ? answer : "busy").getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        return server;
    }

    @Test
    void anExternalModelIsAskedAgainWhenItIsBusyAndItsRefusalIsSaid() throws IOException {
        LocalizeWork.Builder work = LocalizeWork.newBuilder()
                .setRolloutId("r")
                .setMode(LocalizerMode.LOCALIZER_MODE_EXTERNAL)
                .addThoughts("1+1=2")
                .addThoughts("2+2=5")
                .addOracleThoughts("1+1=2")
                .addOracleThoughts("2+2=4")
                .setProblem("P")
                .setPrompt(LocalizerPrompt.newBuilder()
                        .setTemplate("{problem}: {steps}")
                        .setMaxTokens(64));
        assertThat(localize(work).getFailed().getMessage()).contains("foothold.localizer.external.url");
        Deque<Integer> statuses = new ArrayDeque<>(List.of(503, 429, 200, 401, 500, 500, 500));
        List<String> requests = new ArrayList<>();
        HttpServer server =
                endpoint(statuses, "{\"choices\":[{\"message\":{\"content\":\"step 2: \\\\boxed{2}\"}}]}", requests);
        try {
            Optional<ChatEndpoint.Settings> settings = Optional.of(new ChatEndpoint.Settings(
                    "http://127.0.0.1:" + server.getAddress().getPort() + "/v1",
                    "strong",
                    Optional.of("key"),
                    Duration.ofSeconds(5),
                    3,
                    Duration.ofMillis(1)));
            Localization found = localize(work, settings);
            assertThat(found.getStep()).isEqualTo(2);
            assertThat(found.getComparison().getFirstError()).isEqualTo(2);
            assertThat(requests).hasSize(3).allMatch(r -> r.startsWith("Bearer key {\"model\":\"strong\""));
            assertThat(requests.get(0)).contains("P: Step 1: 1+1=2\\nStep 2: 2+2=5");
            assertThat(localize(work, settings).getFailed().getMessage()).contains("refuses: status 401: busy");
            assertThat(localize(work, settings).getFailed())
                    .matches(f -> f.getRetryable() && f.getMessage().contains("in 3 attempts: status 500"));
        } finally {
            server.stop(0);
        }
        HttpServer endless = endpoint(new ArrayDeque<>(), "x".repeat(2 << 20), requests);
        try {
            ChatEndpoint.Settings settings = new ChatEndpoint.Settings(
                    "http://127.0.0.1:" + endless.getAddress().getPort() + "/v1",
                    "strong",
                    Optional.empty(),
                    Duration.ofSeconds(5),
                    1,
                    Duration.ofMillis(1));
            assertThat(localize(work, Optional.of(settings)).getFailed().getMessage())
                    .as("so much is not read")
                    .contains("did not answer in 1 attempts: ")
                    .contains("exceeds");
        } finally {
            endless.stop(0);
        }
        HttpServer odd = endpoint(new ArrayDeque<>(), "[]", requests);
        try {
            assertThat(localize(
                                    work,
                                    Optional.of(new ChatEndpoint.Settings(
                                            "http://127.0.0.1:"
                                                    + odd.getAddress().getPort() + "/v1",
                                            "strong",
                                            Optional.empty(),
                                            Duration.ofSeconds(5),
                                            1,
                                            Duration.ofMillis(1))))
                            .getFailed()
                            .getMessage())
                    .contains("gave no choices[0].message.content: []");
        } finally {
            odd.stop(0);
        }
    }

    @Test
    void earlyIsAlwaysTheSameThoughtAndTheOracleNeedsASolution() {
        assertThat(FirstWrongThought.early(9, 4)).isEqualTo(4);
        assertThat(FirstWrongThought.early(3, 4)).isEqualTo(3);
        assertThatThrownBy(() -> FirstWrongThought.early(3, 0)).hasMessageContaining("at least 1");
        LocalizeWork.Builder work = LocalizeWork.newBuilder()
                .setRolloutId("r")
                .setMode(LocalizerMode.LOCALIZER_MODE_ORACLE)
                .addThoughts("a");
        assertThat(localize(work).getFailed().getMessage()).contains("without an oracle solution");
        assertThat(localize(work.addOracleThoughts("a")).hasNoError()).isTrue();
        assertThat(localize(work.setMode(LocalizerMode.LOCALIZER_MODE_UNSPECIFIED))
                        .getFailed()
                        .getMessage())
                .contains("localizer mode is missing");
    }
}
