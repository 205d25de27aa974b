package io.foothold.orchestrator.rest;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Problem;
import io.quarkus.vertx.http.runtime.filters.Filters;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.util.Set;

/**
 * Says to browsers what the console may do, which is to load its own files and to call this service, and refuses calls that a page of
 * somebody else has a browser make. Works on the event loop.
 */
@ApplicationScoped
class BrowserGuard {
    private static final String REST = "/api/";
    private static final Set<String> LOOKING = Set.of("GET", "HEAD", "OPTIONS");

    /** Says where a browser's call comes from; other clients do not send it. */
    private static final String SITE = "Sec-Fetch-Site";

    private static final Set<String> OWN = Set.of("same-origin", "none");

    private static final String POLICY =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
                    + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /** Above what looks at bodies. */
    private static final int PRIORITY = 2_000;

    void register(@Observes Filters filters) {
        filters.register(BrowserGuard::look, PRIORITY);
    }

    private static void look(RoutingContext context) {
        HttpServerRequest request = context.request();
        String site = request.getHeader(SITE);
        if (request.path().startsWith(REST)
                && !LOOKING.contains(request.method().name())
                && site != null
                && !OWN.contains(site)) {
            refuse(context);
            return;
        }
        if (request.path().equals("/") || request.path().startsWith("/console/")) {
            context.response()
                    .putHeader("Content-Security-Policy", POLICY)
                    .putHeader("X-Content-Type-Options", "nosniff")
                    .putHeader("Referrer-Policy", "no-referrer")
                    .putHeader("Cache-Control", "no-cache");
        }
        context.next();
    }

    private static void refuse(RoutingContext context) {
        FootholdException why = new FootholdException(
                ErrorCode.FORBIDDEN, "a page of another site may not change runs: use the console of this service");
        int status = why.code().http();
        HttpServerResponse response = context.response();
        var unused = response.setStatusCode(status)
                .putHeader(HttpHeaders.CONTENT_TYPE, Problem.TYPE)
                .end(new JsonObject(Problem.of(why, status)).encode());
    }
}
