package io.foothold.contracts.error;

import java.util.LinkedHashMap;
import java.util.Map;

/** Errors over HTTP, as problem JSON (RFC 9457); the title is the {@link ErrorCode}. */
public final class Problem {
    /** Media type of problem JSON. */
    public static final String TYPE = "application/problem+json";

    private Problem() {}

    /** The members of the JSON object. */
    public static Map<String, Object> of(FootholdException e, int status) {
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("type", "about:blank");
        out.put("title", e.code().name());
        out.put("status", status);
        out.put("detail", e.text());
        out.put("retryable", e.code().retryable());
        return out;
    }
}
