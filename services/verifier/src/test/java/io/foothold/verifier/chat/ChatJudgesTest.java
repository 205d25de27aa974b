package io.foothold.verifier.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.verdict.Verdict;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Judges behind a server that answers as the test says. */
class ChatJudgesTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String PATTERN = "(?i)score:\\s*([0-9]+(?:\\.[0-9]+)?)";

    private interface Answering {
        void answer(HttpExchange exchange, int call) throws IOException, InterruptedException;
    }

    private final List<JsonNode> asked = new CopyOnWriteArrayList<>();
    private final List<String> authorizations = new CopyOnWriteArrayList<>();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private HttpServer server;
    private volatile Answering answering = (exchange, call) -> said(exchange, "Score: 7");

    @BeforeEach
    void begin() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/v1/chat/completions", exchange -> {
            int call;
            synchronized (asked) {
                asked.add(MAPPER.readTree(exchange.getRequestBody().readAllBytes()));
                call = asked.size();
            }
            authorizations.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
            try {
                answering.answer(exchange, call);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            exchange.close();
        });
        server.start();
    }

    @AfterEach
    void end() {
        server.stop(0);
        threads.shutdownNow();
    }

    private static void send(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    private static void said(HttpExchange exchange, String text) throws IOException {
        var body = MAPPER.createObjectNode();
        body.putArray("choices").addObject().putObject("message").put("content", text);
        send(exchange, 200, body.toString());
    }

    private String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort() + "/v1";
    }

    private ChatJudge judge(String pattern, Duration deadline, int attempts, int perMinute) {
        return new ChatJudge(
                url(),
                "strict",
                ChatJudge.Question.of("{problem} = {answer}? {response}", pattern, 10, .6),
                new ChatJudge.Calls(64, deadline, attempts, perMinute));
    }

    private ChatJudge judge() {
        return judge(PATTERN, Duration.ofSeconds(10), 3, 0);
    }

    private static Verdict ask(ChatJudges judges, ChatJudge judge, String response) throws Exception {
        CompletableFuture<Verdict> told = new CompletableFuture<>();
        var unused = judges.judge(judge, new ChatJudges.Case("1+1", "2", response), told::complete);
        return told.get(20, TimeUnit.SECONDS);
    }

    private Verdict ask(ChatJudge judge) throws Exception {
        try (ChatJudges judges = new ChatJudges(ChatJudges.Setup.any())) {
            return ask(judges, judge, "it is {answer}");
        }
    }

    @Test
    void itsLastMarkOverTheBestIsTheScore() throws Exception {
        answering = (exchange, call) -> said(exchange, "On a scale of score: 1 to 10. Score: 7");
        Verdict verdict = ask(judge());
        assertThat(verdict.kind()).isEqualTo(Verdict.Kind.PASS);
        assertThat(verdict.score()).isEqualTo(.7);
        assertThat(verdict.rule()).isEqualTo("judge strict at " + url());
        JsonNode body = asked.getFirst();
        assertThat(body.path("model").asText()).isEqualTo("strict");
        assertThat(body.path("temperature").asInt(-1)).isZero();
        assertThat(body.path("max_tokens").asInt()).isEqualTo(64);
        assertThat(body.path("messages").path(0).path("content").asText())
                .as("braces of a response stay")
                .isEqualTo("1+1 = 2? it is {answer}");
        assertThat(authorizations).containsExactly("null");
        answering = (exchange, call) -> said(exchange, "Score: 5.9");
        assertThat(ask(judge()).kind()).isEqualTo(Verdict.Kind.FAIL);
    }

    @Test
    void whatWasAskedIsAskedOnce() throws Exception {
        try (ChatJudges judges = new ChatJudges(ChatJudges.Setup.any())) {
            Verdict first = ask(judges, judge(), "a");
            assertThat(ask(judges, judge(), "a")).isEqualTo(first);
            assertThat(asked).hasSize(1);
            answering = (exchange, call) -> said(exchange, "no idea");
            assertThat(ask(judges, judge(), "b").kind()).isEqualTo(Verdict.Kind.VERIFIER_ERROR);
            answering = (exchange, call) -> said(exchange, "Score: 2");
            assertThat(ask(judges, judge(), "b").score())
                    .as("what gave no mark is not kept")
                    .isEqualTo(.2);
        }
    }

    @Test
    void anAnswerWithoutAMarkIsAnErrorAndNoZero() throws Exception {
        answering = (exchange, call) -> said(exchange, "I cannot say. " + "x".repeat(500));
        Verdict verdict = ask(judge());
        assertThat(verdict.kind()).isEqualTo(Verdict.Kind.VERIFIER_ERROR);
        assertThat(verdict.rule()).contains("gave no mark: 'I cannot say. xxx").hasSizeLessThan(400);
        answering = (exchange, call) -> said(exchange, "Score: 11");
        assertThat(ask(judge()).rule()).contains("gave the mark 11 (expected 0 to 10.0)");
        answering = (exchange, call) -> send(exchange, 200, "<html>");
        assertThat(ask(judge()).rule()).contains("gave no JSON: '<html>'");
        answering = (exchange, call) -> send(exchange, 200, "{\"choices\": []}");
        assertThat(ask(judge()).rule()).contains("gave no choices[0].message.content");
        answering = (exchange, call) -> said(exchange, "a".repeat(200));
        assertThat(ask(judge("((a|aa)+)\\1!", Duration.ofSeconds(10), 1, 0)).rule())
                .contains("takes too long");
    }

    @Test
    void whoIsBusyIsAskedAgainWhenItSays() throws Exception {
        answering = (exchange, call) -> {
            if (call == 1) {
                exchange.getResponseHeaders().add("Retry-After", "1");
                send(exchange, 429, "slow down");
            } else if (call == 2) {
                send(exchange, 503, "");
            } else {
                said(exchange, "Score: 10");
            }
        };
        long start = System.nanoTime();
        assertThat(ask(judge()).score()).isEqualTo(1);
        assertThat(System.nanoTime() - start).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(1900));
        assertThat(asked).hasSize(3);
    }

    @Test
    void attemptsHaveAnEnd() throws Exception {
        answering = (exchange, call) -> send(exchange, 500, "broken");
        Verdict verdict = ask(judge(PATTERN, Duration.ofSeconds(10), 2, 0));
        assertThat(verdict.kind()).isEqualTo(Verdict.Kind.VERIFIER_ERROR);
        assertThat(verdict.rule()).contains("answers with status 500: 'broken' (2 attempts)");
        assertThat(asked).hasSize(2);
    }

    @Test
    void whoRefusesOrRedirectsIsNotAskedAgain() throws Exception {
        answering = (exchange, call) -> send(exchange, 401, "bad key");
        assertThat(ask(judge()).rule()).contains("refuses with status 401: 'bad key'");
        answering = (exchange, call) -> {
            exchange.getResponseHeaders().add("Location", url() + "/chat/completions");
            send(exchange, 307, "");
        };
        assertThat(ask(judge()).rule()).contains("redirects (status 307), which is not followed");
        assertThat(asked).hasSize(2);
    }

    @Test
    void whoIsLateIsATimeoutAlsoWhenItsBodyDrips() throws Exception {
        answering = (exchange, call) -> Thread.sleep(5000);
        assertThat(ask(judge(PATTERN, Duration.ofMillis(200), 1, 0)).kind()).isEqualTo(Verdict.Kind.TIMEOUT);
        answering = (exchange, call) -> {
            exchange.sendResponseHeaders(200, 0);
            OutputStream out = exchange.getResponseBody();
            for (int i = 0; i < 50; i++) {
                out.write(' ');
                out.flush();
                Thread.sleep(100);
            }
        };
        Verdict verdict = ask(judge(PATTERN, Duration.ofMillis(400), 1, 0));
        assertThat(verdict.kind()).isEqualTo(Verdict.Kind.TIMEOUT);
        assertThat(verdict.rule()).contains("gave no answer within 0.4 s (1 attempts)");
    }

    @Test
    void aBodyWithoutEndIsNotRead() throws Exception {
        answering = (exchange, call) -> {
            exchange.sendResponseHeaders(200, 0);
            byte[] much = new byte[1 << 16];
            for (int i = 0; i < 64; i++) {
                exchange.getResponseBody().write(much);
            }
        };
        assertThat(ask(judge(PATTERN, Duration.ofSeconds(10), 1, 0)).kind()).isEqualTo(Verdict.Kind.VERIFIER_ERROR);
    }

    @Test
    void callsKeepTheirPace() throws Exception {
        try (ChatJudges judges = new ChatJudges(ChatJudges.Setup.any())) {
            long start = System.nanoTime();
            for (int i = 0; i < 4; i++) {
                ask(judges, judge(PATTERN, Duration.ofSeconds(10), 1, 300), "response " + i);
            }
            assertThat(System.nanoTime() - start).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(590));
        }
    }

    @Test
    void onlyNamedAddressesAreAskedAndTheKeyIsForThem() throws Exception {
        try (ChatJudges none = new ChatJudges(ChatJudges.Setup.none())) {
            assertThatThrownBy(() -> ask(none, judge(), "a"))
                    .isInstanceOf(FootholdException.class)
                    .hasMessageContaining("is none of those that this verifier may call (there are none)")
                    .hasMessageContaining("foothold.verifier.judge.urls");
        }
        answering = (exchange, call) -> send(exchange, 400, "your key sk-secret is bad");
        ChatJudges.Setup named =
                new ChatJudges.Setup(List.of("https://elsewhere/v1", url() + "/"), Optional.of("sk-secret"), 2, 10);
        try (ChatJudges judges = new ChatJudges(named)) {
            assertThat(ask(judges, judge(), "a").rule())
                    .contains("your key *** is bad")
                    .doesNotContain("sk-secret");
        }
        assertThat(named.toString()).doesNotContain("sk-secret");
        try (ChatJudges judges = new ChatJudges(new ChatJudges.Setup(List.of("*"), Optional.of("sk-secret"), 2, 10))) {
            ask(judges, judge(), "a");
        }
        assertThat(authorizations).containsExactly("Bearer sk-secret", "null");
        assertThat(asked).hasSize(2);
    }

    @Test
    void aKeyDoesNotTravelWithoutTls() {
        ChatJudge far = new ChatJudge("http://192.0.2.1/v1", "m", judge().question(), judge().calls());
        try (ChatJudges judges =
                new ChatJudges(new ChatJudges.Setup(List.of("http://192.0.2.1/v1"), Optional.of("k"), 1, 1))) {
            assertThatThrownBy(() -> judges.check(far)).hasMessageContaining("the key would travel without TLS");
        }
    }

    @Test
    void whatIsNoAddressOrPatternIsRefused() {
        for (String url : List.of("ftp://a/v1", "a/v1", "http://u:p@a/v1", "http://a/v1?x=1", "http:// a")) {
            assertThatThrownBy(() -> new ChatJudge(url, "m", judge().question(), judge().calls()))
                    .as(url)
                    .isInstanceOf(FootholdException.class);
        }
        assertThatThrownBy(() -> ChatJudge.Question.of("p", "score", 10, 1)).hasMessageContaining("has no group");
        assertThatThrownBy(() -> ChatJudge.Question.of("p", "(", 10, 1)).hasMessageContaining("no regular expression");
    }

    @Test
    void whatIsTakenBackIsNotTold() throws Exception {
        answering = (exchange, call) -> Thread.sleep(3000);
        try (ChatJudges judges = new ChatJudges(ChatJudges.Setup.any())) {
            CompletableFuture<Verdict> told = new CompletableFuture<>();
            judges.judge(judge(), new ChatJudges.Case("", "", "a"), told::complete)
                    .run();
            assertThat(told.completeOnTimeout(null, 300, TimeUnit.MILLISECONDS).get())
                    .isNull();
        }
    }
}
