package io.foothold.orchestrator.rest;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Problem;
import io.foothold.orchestrator.config.OrchestratorConfig;
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

/**
 * Looks after the bodies of requests before anybody waits for them: one that says that it is larger than a run file may be is
 * refused, and one that is not there in time is given up and its connection closed. Works on the event loop and holds no thread.
 * The streams of gRPC, which stay open on purpose, are left alone.
 */
@ApplicationScoped
class BodyGuard {
    private static final String REST = "/api/";

    /** Above what Quarkus itself registers, so that nothing reads the body before. */
    private static final int PRIORITY = 1_000;

    /** HTTP/2's CANCEL: the other streams of the connection go on. */
    private static final long CANCEL = 0x8;

    /** The client's own slowness, where {@link ErrorCode#DEADLINE} speaks of a peer's. */
    private static final int REQUEST_TIMEOUT = 408;

    private final OrchestratorConfig config;

    @Inject
    BodyGuard(OrchestratorConfig config) {
        this.config = config;
    }

    void register(@Observes Filters filters) {
        filters.register(this::look, PRIORITY);
    }

    private void look(RoutingContext context) {
        HttpServerRequest request = context.request();
        if (!request.path().startsWith(REST)) {
            context.next();
            return;
        }
        if (announced(request) > config.largestRunFile().asLongValue()) {
            refuse(context, tooLarge(config));
            return;
        }
        long timer = context.vertx().setTimer(config.bodyDeadline().toMillis(), passed -> {
            if (!request.isEnded()) {
                refuse(
                        context,
                        new FootholdException(
                                ErrorCode.DEADLINE,
                                "the request's body did not come within "
                                        + config.bodyDeadline().toSeconds()
                                        + " s (foothold.orchestrator.body-deadline)"));
            }
        });
        context.addEndHandler(ended -> context.vertx().cancelTimer(timer));
        context.next();
    }

    private static long announced(HttpServerRequest request) {
        String length = request.getHeader(HttpHeaders.CONTENT_LENGTH);
        try {
            return length == null ? 0 : Long.parseLong(length);
        } catch (NumberFormatException e) {
            // Vert.x refuses such a request itself.
            return 0;
        }
    }

    /** What a run file is told that is larger than the setting. */
    static FootholdException tooLarge(OrchestratorConfig config) {
        return new FootholdException(
                ErrorCode.TOO_LARGE,
                "a run file may have " + config.largestRunFile().asLongValue()
                        + " bytes (foothold.orchestrator.largest-run-file)");
    }

    /** Answers and closes: what is left of the body is not read. */
    private static void refuse(RoutingContext context, FootholdException why) {
        HttpServerRequest request = context.request();
        HttpServerResponse response = context.response();
        if (response.ended() || response.closed()) {
            return;
        }
        boolean shared = request.version() == HttpVersion.HTTP_2;
        int status =
                why.code() == ErrorCode.DEADLINE ? REQUEST_TIMEOUT : why.code().http();
        response.setStatusCode(status).putHeader(HttpHeaders.CONTENT_TYPE, Problem.TYPE);
        if (!shared) {
            response.putHeader(HttpHeaders.CONNECTION, "close");
        }
        String body = new JsonObject(Problem.of(why, status)).encode();
        response.end(body).onComplete(written -> {
            if (shared) {
                response.reset(CANCEL);
            } else {
                request.connection().close();
            }
        });
    }
}
