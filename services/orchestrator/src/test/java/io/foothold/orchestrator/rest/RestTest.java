package io.foothold.orchestrator.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.orchestrator.RunFileMutations;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The REST interface over HTTP: what is wrong is told as problem JSON, and what is slow or large holds nobody up. */
@QuarkusTest
@TestProfile(RestTest.WithoutPeers.class)
public class RestTest {
    /** An orchestrator alone: runs that are created fail for want of a learner, which is nothing that these tests look at. */
    public static final class WithoutPeers implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            Map<String, String> out = new TreeMap<>();
            out.put("quarkus.http.test-port", "0");
            out.put("quarkus.management.test-port", "0");
            out.put("foothold.ledger.url", "jdbc:h2:mem:rest;DB_CLOSE_DELAY=-1");
            out.put("foothold.orchestrator.home", "target/rest-test/runs");
            out.put("foothold.orchestrator.body-deadline", "4s");
            out.put("foothold.orchestrator.patience", "1s");
            out.put("foothold.orchestrator.adopt", "false");
            for (String peer : List.of("augmentation", "sampler", "verifier", "localizer", "learner")) {
                out.put("foothold.peer." + peer + ".port", "1");
            }
            return out;
        }
    }

    public static final String FILE = """
            method: grpo-dial
            policy: {base: p}
            problems:
              train: {family: dial, level: hard, count: 8}
              evaluate:
                hard-test: {family: dial, level: hard, count: 4, split: test}
            """;

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TestHTTPResource("/")
    URI root;

    @TestHTTPResource(value = "/health/live", management = true)
    URI live;

    private final HttpClient client = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(LIMIT)
            .build();

    private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return client.send(request.timeout(LIMIT).build(), BodyHandlers.ofString());
    }

    private HttpRequest.Builder at(String path) {
        return HttpRequest.newBuilder(root.resolve(path));
    }

    private HttpResponse<String> put(String id, String text) throws Exception {
        return send(at("/api/runs/" + id)
                .header("Content-Type", "text/plain; charset=UTF-8")
                .PUT(BodyPublishers.ofString(text)));
    }

    private static void assertProblem(HttpResponse<String> response, int status, String code, String detail)
            throws IOException {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        assertThat(response.headers().firstValue("Content-Type").orElse("")).startsWith("application/problem+json");
        JsonNode json = MAPPER.readTree(response.body());
        assertThat(json.path("title").asText()).isEqualTo(code);
        assertThat(json.path("status").asInt()).isEqualTo(status);
        assertThat(json.path("detail").asText()).contains(detail);
    }

    @Test
    void aRunIsShownWithItsSettingsAsARunFile() throws Exception {
        HttpResponse<String> created = put("shown", FILE + "prompts: {root: '{problem} \\neq'}\n");
        assertThat(created.statusCode()).as(created.body()).isEqualTo(200);
        assertThat(MAPPER.readTree(created.body()).path("runFile").asText())
                .contains("prompts.root: \"{problem} \\\\neq\"\n");
        assertProblem(put("shown", FILE), 409, "CONFLICT", "prompts.root: was \"{problem} \\\\neq\", is \"{problem}\"");
        assertProblem(put("..", FILE), 404, "NOT_FOUND", "");
        assertProblem(put("-x", FILE), 400, "INVALID_INPUT", "run id '-x' must be");
        assertProblem(put("neg", FILE + "staleness: -5\n"), 400, "INVALID_INPUT", "neg:7: 'staleness' must be");
        assertProblem(send(at("/api/runs/neg").GET()), 404, "NOT_FOUND", "there is no run 'neg'");
    }

    @Test
    void mutatedRunFilesAreAcceptedOrInvalid() throws Exception {
        RunFileMutations mutations = RunFileMutations.ofExamples();
        Map<Integer, Integer> byStatus = new TreeMap<>();
        TreeSet<String> accepted = new TreeSet<>();
        for (int number = 0; number < 1500; number++) {
            HttpResponse<String> response = put("m" + number, mutations.text(number));
            byStatus.merge(response.statusCode(), 1, Integer::sum);
            if (response.statusCode() == 200) {
                accepted.add("m" + number);
            } else {
                assertProblem(response, 400, "INVALID_INPUT", "m" + number);
            }
        }
        assertThat(byStatus.keySet()).containsExactly(200, 400);
        TreeSet<String> known = new TreeSet<>();
        MAPPER.readTree(send(at("/api/runs").GET()).body())
                .forEach(run -> known.add(run.path("id").asText()));
        assertThat(known.tailSet("m", true).headSet("n", false))
                .as("a refused run leaves nothing")
                .containsExactlyElementsOf(accepted);
    }

    @Test
    void everyPathAnswersEveryMethodWithoutAnErrorOfOurs() throws Exception {
        HttpResponse<String> openapi = send(at("/q/openapi?format=json").GET());
        List<String> paths = new ArrayList<>();
        MAPPER.readTree(openapi.body()).path("paths").properties().forEach(e -> paths.add(e.getKey()));
        assertThat(paths).contains("/api/runs/{id}/resume").hasSizeGreaterThan(5);
        paths.add("/api/nothing");
        List<String> ids = List.of(
                "none",
                "..",
                "%2e%2e%2f",
                "a%00b",
                "%ff",
                "%F0%9D%94%B8",
                "x".repeat(3000),
                "a;b=c",
                "*",
                "'",
                "%22%7b");
        List<String> queries = List.of(
                "", "?from=-1", "?from=x", "?from=99999999999999999999", "?accept_changed_data=maybe", "?%zz", "?=");
        List<String> bodies = List.of("", "\0", "{", "method: grpo\n");
        for (String path : paths) {
            for (String method : List.of("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "FOO")) {
                for (int i = 0; i < 40; i++) {
                    String full = path.replace("{id}", ids.get(i % ids.size())) + queries.get(i % queries.size());
                    URI uri;
                    try {
                        uri = URI.create(root.toString().replaceFirst("/$", "") + full);
                    } catch (IllegalArgumentException e) {
                        continue; // What the client cannot say.
                    }
                    String body = bodies.get(i % bodies.size());
                    HttpRequest.Builder request = HttpRequest.newBuilder(uri)
                            .method(method, BodyPublishers.ofString(body))
                            .header("Accept", i % 3 == 0 ? "application/json" : i % 3 == 1 ? "*/*" : "image/png")
                            .header("Content-Type", i % 2 == 0 ? "text/plain" : i % 5 == 0 ? "x" : "application/json");
                    HttpResponse<String> response = send(request);
                    String what = method + " " + full + " -> " + response.statusCode() + " " + response.body();
                    assertThat(response.statusCode()).as(what).isLessThan(500);
                    assertThat(response.body()).as(what).doesNotContain("\tat ");
                    if (response.statusCode() >= 400 && !method.equals("HEAD") && full.startsWith("/api/runs")) {
                        assertThat(response.headers().firstValue("Content-Type").orElse(""))
                                .as(what)
                                .startsWith("application/problem+json");
                        assertThat(MAPPER.readTree(response.body())
                                        .path("title")
                                        .asText())
                                .as(what)
                                .isNotEmpty();
                    }
                }
            }
        }
    }

    @Test
    void aRunFileThatIsTooLargeIsRefused() throws Exception {
        String large = FILE + "#" + "x".repeat(1 << 20) + "\n";
        assertProblem(put("large", large), 413, "TOO_LARGE", "foothold.orchestrator.largest-run-file");
        HttpRequest.Builder inPieces = at("/api/runs/large")
                .header("Content-Type", "text/plain")
                .PUT(BodyPublishers.ofInputStream(
                        () -> new ByteArrayInputStream(large.getBytes(StandardCharsets.UTF_8))));
        assertProblem(send(inPieces), 413, "TOO_LARGE", "foothold.orchestrator.largest-run-file");
        String fits = FILE + "#" + "x".repeat((1 << 20) - FILE.length() - 2) + "\n";
        assertThat(put("fits", fits).statusCode()).isEqualTo(200);
    }

    /** More of them than there are worker threads. */
    @Test
    void bodiesThatAreHalfSentHoldNobodyUpAndAreClosed() throws Exception {
        List<Socket> sockets = new ArrayList<>();
        try {
            for (int i = 0; i < 300; i++) {
                Socket socket = new Socket(root.getHost(), root.getPort());
                sockets.add(socket);
                socket.getOutputStream()
                        .write(("PUT /api/runs/half" + i
                                        + " HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: "
                                        + (i % 2 == 0 ? 900 : 900_000) + "\r\n\r\nmethod: gr")
                                .getBytes(StandardCharsets.US_ASCII));
                socket.getOutputStream().flush();
            }
            // The deadline is 4 s: this is answered while all of them are open, or the test is too slow to tell, never
            // flaky.
            assertThat(send(at("/api/runs").GET()).statusCode()).isEqualTo(200);
            assertThat(send(HttpRequest.newBuilder(live).GET()).statusCode()).isEqualTo(200);
            assertThat(put("beside", FILE).statusCode()).isEqualTo(200);
            for (Socket socket : sockets) {
                socket.setSoTimeout((int) LIMIT.toMillis());
                InputStream in = socket.getInputStream();
                String answer = new String(in.readAllBytes(), StandardCharsets.UTF_8);
                assertThat(answer).startsWith("HTTP/1.1 408 ").contains("\"title\":\"DEADLINE\"");
            }
        } finally {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
        await().atMost(LIMIT).until(() -> send(at("/api/runs").GET()).statusCode() == 200);
        assertThat(send(at("/api/runs/half0").GET()).statusCode()).isEqualTo(404);
    }

    /** Whoever may create runs must not have the orchestrator connect wherever he likes. */
    @Test
    void aVerifierThatIsOnNoListIsRefusedBeforeAnythingIsMade() throws Exception {
        HttpResponse<String> refused =
                put("judged", FILE + "verification: {servers: {exact: '127.0.0.1:" + live.getPort() + "'}}\n");
        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(refused.body())
                .contains("INVALID_INPUT", "verification.servers.exact", "foothold.orchestrator.verifiers");
        assertThat(send(at("/api/runs/judged")).statusCode()).isEqualTo(404);
    }
}
