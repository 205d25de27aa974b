package io.foothold.orchestrator.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import grpc.health.v1.HealthGrpc;
import grpc.health.v1.HealthOuterClass.HealthCheckRequest;
import grpc.health.v1.HealthOuterClass.HealthCheckResponse;
import io.foothold.contracts.door.PeerChannels;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.console.Browser;
import io.foothold.v1.CreateRunRequest;
import io.foothold.v1.ListRunsRequest;
import io.foothold.v1.RunServiceGrpc;
import io.foothold.v1.StopRunRequest;
import io.foothold.v1.WatchRunRequest;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.Keys;

/** Callers with nothing, with what is wrong, with what ended and with too little, at both ports of a locked orchestrator. */
@QuarkusTest
@TestProfile(LockedDoorTest.WithTokens.class)
class LockedDoorTest {
    private static final String VIEWER = "viewer-c0ffee-0123456789";
    private static final String OPERATOR = "operator-c0ffee-0123456789";
    private static final String ADMIN = "admin-c0ffee-0123456789";
    private static final String ENDED = "ended-c0ffee-0123456789";
    private static final String WRONG = "wrong-c0ffee-0123456789";
    private static final Path HOME = Path.of("target/locked-door-test").toAbsolutePath();
    private static final Path LOG = HOME.resolve("all.log");

    /** An orchestrator alone whose tokens are in files, and which logs all that it can. */
    public static final class WithTokens implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            Map<String, String> out = new TreeMap<>(new RestTest.WithoutPeers().getConfigOverrides());
            out.put("foothold.ledger.url", "jdbc:h2:mem:locked;DB_CLOSE_DELAY=-1");
            out.put("foothold.orchestrator.home", HOME.resolve("runs").toString());
            out.put("foothold.door.viewer.file", file("viewer", VIEWER));
            out.put(
                    "foothold.door.operator.file",
                    file("operator", ENDED + " until 2020-01-01T00:00:00Z\n" + OPERATOR));
            out.put("foothold.door.admin.file", file("admin", ADMIN));
            out.put("quarkus.log.file.enabled", "true");
            out.put("quarkus.log.file.path", LOG.toString());
            out.put("quarkus.log.file.level", "ALL");
            out.put("quarkus.log.category.\"io.foothold\".level", "DEBUG");
            out.put("quarkus.log.category.\"io.grpc\".level", "DEBUG");
            return out;
        }

        private static String file(String name, String text) {
            try {
                Files.createDirectories(HOME);
                return Files.writeString(HOME.resolve(name), text + "\n").toString();
            } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }

    @TestHTTPResource("/")
    URI root;

    @TestHTTPResource(value = "/", management = true)
    URI management;

    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final List<ManagedChannel> open = new ArrayList<>();

    @AfterEach
    void close() {
        open.forEach(ManagedChannel::shutdownNow);
    }

    private HttpResponse<String> rest(URI where, String method, String path, @Nullable String token) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(where.resolve(path))
                .timeout(Duration.ofSeconds(60))
                .header("Content-Type", "text/plain")
                .method(method, method.equals("GET") ? BodyPublishers.noBody() : BodyPublishers.ofString("method: x"));
        if (token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        return client.send(request.build(), BodyHandlers.ofString());
    }

    private int status(String method, String path, @Nullable String token) throws Exception {
        return rest(root, method, path, token).statusCode();
    }

    private ManagedChannel channel(@Nullable String token) {
        ManagedChannel out = PeerChannels.showing(() -> Optional.ofNullable(token))
                .channel("127.0.0.1:" + root.getPort(), "127.0.0.1")
                .build();
        open.add(out);
        return out;
    }

    private ErrorCode code(@Nullable String token, Consumer<RunServiceGrpc.RunServiceBlockingStub> call) {
        try {
            call.accept(RunServiceGrpc.newBlockingStub(channel(token))
                    .withDeadlineAfter(60, java.util.concurrent.TimeUnit.SECONDS));
            return null;
        } catch (RuntimeException e) {
            return FootholdException.of(e).code();
        }
    }

    @Test
    void restAsksForATokenOfTheRole() throws Exception {
        for (String path : List.of("/api/runs", "/api/runs/a", "/q/openapi", "/api/runs/a/events", "/none")) {
            for (String none : new String[] {null, WRONG, ENDED}) {
                HttpResponse<String> refused = rest(root, "GET", path, none);
                assertThat(refused.statusCode()).as("%s with %s", path, none).isEqualTo(401);
                assertThat(refused.headers().firstValue("WWW-Authenticate")).contains("Bearer");
                assertThat(refused.headers().firstValue("Content-Type")).contains("application/problem+json");
                assertThat(refused.body()).contains("UNAUTHENTICATED", "foothold.door.viewer");
            }
        }
        assertThat(rest(root, "PUT", "/api/runs/a", ENDED).body()).contains("ended at 2020-01-01");
        for (String token : List.of(VIEWER, OPERATOR, ADMIN)) {
            assertThat(status("GET", "/api/runs", token)).isEqualTo(200);
            assertThat(status("GET", "/api/runs/absent", token)).isEqualTo(404);
        }
        for (String[] move :
                new String[][] {{"PUT", "/api/runs/a"}, {"POST", "/api/runs/a/stop"}, {"POST", "/api/runs/a/resume"}}) {
            for (String none : new String[] {null, WRONG, ENDED}) {
                assertThat(status(move[0], move[1], none)).as(move[1]).isEqualTo(401);
            }
            assertThat(status(move[0], move[1], VIEWER)).as(move[1]).isEqualTo(403);
            assertThat(status(move[0], move[1], OPERATOR)).as("past the door").isIn(400, 404);
        }
        assertThat(rest(root, "GET", "/api/runs", VIEWER).body())
                .as("none was made")
                .isEqualTo("[]");
    }

    @Test
    void grpcAsksForATokenOfTheRole() {
        Consumer<RunServiceGrpc.RunServiceBlockingStub> list =
                stub -> stub.listRuns(ListRunsRequest.getDefaultInstance());
        Consumer<RunServiceGrpc.RunServiceBlockingStub> watch = stub -> stub.watchRun(
                        WatchRunRequest.newBuilder().setRunId("absent").build())
                .hasNext();
        Consumer<RunServiceGrpc.RunServiceBlockingStub> create = stub -> stub.createRun(CreateRunRequest.newBuilder()
                .setRunId("a")
                .setRunFile("method: x")
                .build());
        Consumer<RunServiceGrpc.RunServiceBlockingStub> stop = stub ->
                stub.stopRun(StopRunRequest.newBuilder().setRunId("absent").build());
        for (var call : List.of(list, watch, create, stop)) {
            for (String none : new String[] {null, WRONG, ENDED}) {
                assertThat(code(none, call)).isEqualTo(ErrorCode.UNAUTHENTICATED);
            }
        }
        assertThat(code(VIEWER, list)).isNull();
        assertThat(code(VIEWER, watch)).isEqualTo(ErrorCode.NOT_FOUND);
        assertThat(code(VIEWER, create)).isEqualTo(ErrorCode.FORBIDDEN);
        assertThat(code(VIEWER, stop)).isEqualTo(ErrorCode.FORBIDDEN);
        assertThat(code(OPERATOR, create)).isEqualTo(ErrorCode.INVALID_INPUT);
        assertThat(code(ADMIN, stop)).isEqualTo(ErrorCode.NOT_FOUND);
        assertThatThrownBy(() -> list.accept(RunServiceGrpc.newBlockingStub(channel(null))))
                .hasMessageContaining("foothold.door.viewer.file");
    }

    /** Before the service is asked whether there is such a method. */
    @Test
    void whatNobodyKnowsNeedsTheAdminToken() {
        var marshaller = ProtoUtils.marshaller(HealthCheckRequest.getDefaultInstance());
        var unknown = MethodDescriptor.newBuilder(marshaller, marshaller)
                .setType(MethodDescriptor.MethodType.UNARY)
                .setFullMethodName("grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
                .build();
        for (String token : new String[] {null, OPERATOR, ADMIN}) {
            assertThatThrownBy(() -> ClientCalls.blockingUnaryCall(
                            channel(token), unknown, CallOptions.DEFAULT, HealthCheckRequest.getDefaultInstance()))
                    .satisfies(e -> {
                        ErrorCode code = FootholdException.of(e).code();
                        if (token == null) {
                            assertThat(code).isEqualTo(ErrorCode.UNAUTHENTICATED);
                        } else if (token.equals(OPERATOR)) {
                            assertThat(code).isEqualTo(ErrorCode.FORBIDDEN);
                        } else {
                            assertThat(code)
                                    .as("past the door")
                                    .isNotIn(ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN);
                        }
                    });
        }
    }

    @Test
    void theConsoleAsksForATokenBeforeItShowsAnything() throws Exception {
        assertThat(rest(root, "GET", "/console/console.js", null).statusCode()).isEqualTo(200);
        try (Browser browser = Browser.start()) {
            browser.open(root.toString());
            browser.await("[role=alert]", "needs a token of the role viewer");
            browser.find("#token").sendKeys(WRONG, Keys.ENTER);
            browser.await("[role=alert]", "the token is none that this service knows");
            browser.find("#token").sendKeys(VIEWER, Keys.ENTER);
            // "There is no run yet", or a list of those that other tests made.
            browser.await("main > div", "un");
            // It stays in the session, and opens no more than it should.
            browser.open(root + "#/new");
            browser.find("#id").sendKeys("a", Keys.ENTER);
            browser.await(".trouble", "it needs the role operator");
        }
    }

    @Test
    void healthAsksNobodyAndMetricsAskAViewer() throws Exception {
        assertThat(HealthGrpc.newBlockingStub(channel(null))
                        .check(HealthCheckRequest.getDefaultInstance())
                        .getStatus())
                .isEqualTo(HealthCheckResponse.ServingStatus.SERVING);
        assertThat(rest(management, "GET", "/q/health/live", null).statusCode()).isEqualTo(200);
        for (String none : new String[] {null, WRONG, ENDED}) {
            assertThat(rest(management, "GET", "/q/metrics", none).statusCode()).isEqualTo(401);
        }
        assertThat(rest(management, "GET", "/q/metrics", VIEWER).body()).contains("jvm_");
    }

    @Test
    void noSecretIsLogged() throws Exception {
        for (String token : List.of(VIEWER, OPERATOR, ADMIN, ENDED, WRONG)) {
            assertThat(status("GET", "/api/runs?log", token)).isPositive();
            assertThat(status("PUT", "/api/runs/..", token)).isPositive();
            assertThat(code(token, stub -> stub.stopRun(StopRunRequest.getDefaultInstance())))
                    .isNotNull();
        }
        String logged = Files.readString(LOG);
        assertThat(logged).contains("DEBUG").contains("a call: ");
        assertThat(logged).doesNotContain("c0ffee");
    }
}
