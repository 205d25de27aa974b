package io.foothold.contracts.door;

import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Problem;
import io.grpc.StatusRuntimeException;
import io.quarkus.vertx.http.ManagementInterface;
import io.quarkus.vertx.http.runtime.filters.Filters;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Stands before everything that a service serves, on its port and on the one for health and metrics: REST, gRPC and what Quarkus adds. Works
 * on the event loop and reads no body of a caller that it refuses.
 */
@ApplicationScoped
public class DoorKeeper {
    /** Above every other filter: who may not come in has nothing looked at. */
    private static final int PRIORITY = 10_000;

    private static final String GRPC = "application/grpc";

    private final Door door;

    /** Configured by the container. */
    @Inject
    public DoorKeeper(Door door) {
        this.door = door;
    }

    void register(@Observes Filters filters) {
        if (door.locked()) {
            filters.register(this::look, PRIORITY);
        }
    }

    void manage(@Observes ManagementInterface management) {
        if (door.locked()) {
            management.router().route().order(-PRIORITY).handler(this::look);
        }
    }

    private void look(RoutingContext context) {
        HttpServerRequest request = context.request();
        Optional<FootholdException> refusal = Entrance.needed(
                        request.method().name(), request.path(), context.normalizedPath())
                .flatMap(role -> door.refusal(role, request.getHeader(HttpHeaders.AUTHORIZATION)));
        if (refusal.isEmpty()) {
            context.next();
        } else {
            refuse(context, refusal.get());
        }
    }

    private static void refuse(RoutingContext context, FootholdException why) {
        HttpServerRequest request = context.request();
        HttpServerResponse response = context.response();
        String type = request.getHeader(HttpHeaders.CONTENT_TYPE);
        if (type != null && type.startsWith(GRPC)) {
            StatusRuntimeException status = why.toStatus();
            response.putHeader(HttpHeaders.CONTENT_TYPE, GRPC)
                    .putHeader(
                            "grpc-status",
                            Integer.toString(status.getStatus().getCode().value()))
                    .putHeader(
                            "grpc-message",
                            URLEncoder.encode(why.text(), StandardCharsets.UTF_8)
                                    .replace("+", "%20"))
                    .putHeader(FootholdException.CODE, why.code().name())
                    .end();
            return;
        }
        boolean shared = request.version() == HttpVersion.HTTP_2;
        response.setStatusCode(why.code().http())
                .putHeader(HttpHeaders.CONTENT_TYPE, Problem.TYPE)
                .putHeader("WWW-Authenticate", "Bearer");
        if (!shared) {
            response.putHeader(HttpHeaders.CONNECTION, "close");
        }
        response.end(new JsonObject(Problem.of(why, why.code().http())).encode())
                .onComplete(written -> {
                    if (!shared) {
                        // What is left of the body is not read.
                        request.connection().close();
                    }
                });
    }
}
