package io.foothold.orchestrator.outbox;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.Excerpt;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The REST interface of an MLflow server (mlflow.org, "REST API", version 2.0). Blocks its caller; thread-safe. */
final class MlflowServer implements AutoCloseable {
    private static final Duration DEADLINE = Duration.ofSeconds(10);

    private final MlflowSettings settings;
    private final HttpClient client = HttpClient.newBuilder()
            .connectTimeout(DEADLINE)
            .followRedirects(HttpClient.Redirect.NEVER)
            .build();
    private final ObjectMapper mapper = new ObjectMapper();

    MlflowServer(MlflowSettings settings) {
        this.settings = settings;
    }

    /** A request that the server answered and does not carry out, however often it is asked. */
    static final class Refusal extends Exception {
        private static final long serialVersionUID = 1;
        /** MLflow's error code, such as RESOURCE_DOES_NOT_EXIST. */
        private final String code;

        Refusal(String code, String text) {
            super(text);
            this.code = code;
        }

        /** Whether it is this one. */
        boolean is(String other) {
            return code.equals(other);
        }
    }

    /**
     * Reads.
     *
     * @param query name and value of its one parameter
     */
    JsonNode get(String call, String name, String query) throws Refusal {
        return send(
                "/api/2.0/mlflow/" + call + "?" + name + "=" + URLEncoder.encode(query, StandardCharsets.UTF_8),
                HttpRequest.newBuilder().GET(),
                call);
    }

    /** Calls. */
    JsonNode post(String call, JsonNode body) throws Refusal {
        return send(
                "/api/2.0/mlflow/" + call,
                HttpRequest.newBuilder()
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(body.toString())),
                call);
    }

    /**
     * Stores a file among those that the server keeps for its runs.
     *
     * @param path absolute, of the server's artefacts
     */
    void put(String path, byte[] content) throws Refusal {
        try {
            var unused = send(
                    "/api/2.0/mlflow-artifacts/artifacts" + new URI(null, null, path, null).getRawPath(),
                    HttpRequest.newBuilder()
                            .header("Content-Type", "application/octet-stream")
                            .PUT(HttpRequest.BodyPublishers.ofByteArray(content)),
                    "mlflow-artifacts");
        } catch (URISyntaxException e) {
            throw new Refusal("", "no path of artefacts: " + path);
        }
    }

    private JsonNode send(String path, HttpRequest.Builder request, String call) throws Refusal {
        request.uri(URI.create(settings.server() + path)).timeout(DEADLINE);
        settings.authorization().ifPresent(value -> request.header("Authorization", value));
        HttpResponse<String> response;
        try {
            response = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw unreached(call + ": " + e, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
        }
        int status = response.statusCode();
        JsonNode body = body(response.body());
        if (status / 100 == 2) {
            if (body.isMissingNode()) {
                throw unreached(call + " was not answered by MLflow: " + Excerpt.of(response.body()), null);
            }
            return body;
        }
        if (status == 401 || status == 403) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "MLflow at " + settings.server() + " does not let us in (" + MlflowSettings.SECRET_KEY
                            + "): status " + status + " for " + call);
        }
        String reason = body.path("message").asText(response.body());
        String code = body.path("error_code").asText("");
        if (status == 408 || status == 429 || status >= 500 || code.isEmpty()) {
            throw unreached(call + ": status " + status + ": " + Excerpt.of(reason), null);
        }
        throw new Refusal(code, "MLflow at " + settings.server() + " refuses " + call + ": " + Excerpt.of(reason));
    }

    private JsonNode body(String text) {
        try {
            return text.isEmpty() ? mapper.createObjectNode() : mapper.readTree(text);
        } catch (JsonProcessingException e) {
            return mapper.missingNode();
        }
    }

    private FootholdException unreached(String why, @Nullable Throwable cause) {
        return new FootholdException(
                ErrorCode.PEER_UNAVAILABLE,
                "MLflow at " + settings.server() + " (" + MlflowSettings.URI_KEY + ") cannot be used: " + why,
                cause);
    }

    @Override
    public void close() {
        client.shutdownNow();
    }
}
