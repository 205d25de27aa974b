package io.foothold.contracts.door;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.v1.ListRunsRequest;
import io.foothold.v1.RunServiceGrpc;
import io.foothold.v1.StopRunRequest;
import io.grpc.ManagedChannel;
import io.quarkus.vertx.http.runtime.filters.Filters;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.ext.web.Router;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The filter on a router whose only route says that somebody came in. */
class DoorKeeperTest {
    private static final String VIEWER = "viewer-0123456789abcdef";
    private static final String OPERATOR = "operator-0123456789abcdef";
    private static final String WRONG = "wrong-0123456789abcdef";
    /** What no service answers by itself. */
    private static final int IN = 299;

    private final Vertx vertx = Vertx.vertx();
    private Door door;
    private HttpServer server;

    @BeforeEach
    void serve() throws Exception {
        door = new Door(
                new DoorSettings().token(Role.VIEWER, VIEWER).token(Role.OPERATOR, OPERATOR), InstantSource.system());
        Router router = Router.router(vertx);
        Filters filters = new Filters();
        new DoorKeeper(door).register(filters);
        filters.getFilters().forEach(f -> router.route().order(-f.getPriority()).handler(f.getHandler()));
        router.route().handler(context -> context.response().setStatusCode(IN).end("in"));
        server = vertx.createHttpServer(new HttpServerOptions().setPort(0).setHost("127.0.0.1"))
                .requestHandler(router)
                .listen()
                .toCompletionStage()
                .toCompletableFuture()
                .get(30, TimeUnit.SECONDS);
    }

    @AfterEach
    void end() throws Exception {
        door.close();
        vertx.close().toCompletionStage().toCompletableFuture().get(30, TimeUnit.SECONDS);
    }

    private HttpResponse<String> rest(String method, String path, @Nullable String token) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + server.actualPort() + path))
                .method(method, method.equals("GET") ? BodyPublishers.noBody() : BodyPublishers.ofString("x"));
        if (token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        try (HttpClient client =
                HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
            return client.send(request.build(), BodyHandlers.ofString());
        }
    }

    private ErrorCode grpc(@Nullable String token, Consumer<RunServiceGrpc.RunServiceBlockingStub> call) {
        ManagedChannel channel = PeerChannels.showing(() -> Optional.ofNullable(token))
                .channel("127.0.0.1:" + server.actualPort(), "127.0.0.1")
                .build();
        try {
            call.accept(RunServiceGrpc.newBlockingStub(channel).withDeadlineAfter(30, TimeUnit.SECONDS));
            throw new AssertionError("nobody answers that call");
        } catch (io.grpc.StatusRuntimeException e) {
            return FootholdException.of(e).code();
        } finally {
            channel.shutdownNow();
        }
    }

    @Test
    void restIsAnsweredWithProblemJsonAndTheScheme() throws Exception {
        for (String none : new String[] {null, WRONG}) {
            HttpResponse<String> refused = rest("PUT", "/api/runs/a", none);
            assertThat(refused.statusCode()).isEqualTo(401);
            assertThat(refused.headers().firstValue("WWW-Authenticate")).contains("Bearer");
            assertThat(refused.headers().firstValue("Content-Type")).contains("application/problem+json");
            assertThat(refused.body())
                    .contains("UNAUTHENTICATED", "foothold.door.operator")
                    .doesNotContain(WRONG);
        }
        assertThat(rest("PUT", "/api/runs/a", VIEWER).statusCode()).isEqualTo(403);
        assertThat(rest("GET", "/api/runs", VIEWER).statusCode()).isEqualTo(IN);
        assertThat(rest("PUT", "/api/runs/a", OPERATOR).statusCode()).isEqualTo(IN);
        assertThat(rest("POST", "/x", OPERATOR).statusCode()).isEqualTo(403);
        assertThat(rest("GET", "/q/health/live", null).statusCode()).isEqualTo(IN);
        assertThat(rest("GET", "/q/metrics", null).statusCode()).isEqualTo(401);
    }

    @Test
    void grpcIsAnsweredWithAStatusOfItsOwn() {
        Consumer<RunServiceGrpc.RunServiceBlockingStub> list =
                stub -> stub.listRuns(ListRunsRequest.getDefaultInstance());
        Consumer<RunServiceGrpc.RunServiceBlockingStub> stop =
                stub -> stub.stopRun(StopRunRequest.getDefaultInstance());
        assertThat(grpc(null, list)).isEqualTo(ErrorCode.UNAUTHENTICATED);
        assertThat(grpc(WRONG, stop)).isEqualTo(ErrorCode.UNAUTHENTICATED);
        assertThat(grpc(VIEWER, stop)).isEqualTo(ErrorCode.FORBIDDEN);
        // Past the door there is no gRPC server here.
        assertThat(grpc(VIEWER, list)).isEqualTo(ErrorCode.INTERNAL);
        assertThat(grpc(OPERATOR, stop)).isEqualTo(ErrorCode.INTERNAL);
    }
}
