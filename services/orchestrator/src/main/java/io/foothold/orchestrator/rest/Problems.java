package io.foothold.orchestrator.rest;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Problem;
import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.core.Response;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.ServerExceptionMapper;

/** Errors as problem JSON (RFC 9457); the title is the {@link ErrorCode}. */
final class Problems {
    private static final Logger LOG = Logger.getLogger(Problems.class);
    private static final int NOT_FOUND = 404;

    /** An error of ours. */
    @ServerExceptionMapper
    public Response ours(FootholdException e) {
        FailureLog.told(LOG, "a REST call", e);
        return response(e, e.code().http());
    }

    /** An error of the framework: no such path, no such method, a parameter that is no number. Its status stays. */
    @ServerExceptionMapper
    public Response framework(WebApplicationException e) {
        Response answer = e.getResponse();
        int status = answer.getStatus();
        if (status < 400) {
            return answer;
        }
        ErrorCode code =
                status == NOT_FOUND ? ErrorCode.NOT_FOUND : status < 500 ? ErrorCode.INVALID_INPUT : ErrorCode.INTERNAL;
        Response.ResponseBuilder out = Response.fromResponse(
                response(new FootholdException(code, answer.getStatusInfo().getReasonPhrase(), e), status));
        if (answer.getHeaderString("Allow") != null) {
            out.header("Allow", answer.getHeaderString("Allow"));
        }
        return out.build();
    }

    private static Response response(FootholdException e, int status) {
        return Response.status(status)
                .type(Problem.TYPE)
                .entity(Problem.of(e, status))
                .build();
    }
}
