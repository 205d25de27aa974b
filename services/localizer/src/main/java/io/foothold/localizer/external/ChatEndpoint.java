package io.foothold.localizer.external;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.Excerpt;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Optional;

/**
 * A model behind a chat-completions endpoint as OpenAI defined it and vLLM, Triton's OpenAI front end and others serve it: the
 * strong-model oracle of arXiv 2605.25507. Blocks its caller; thread-safe.
 */
public final class ChatEndpoint {
    /** Most bytes of a body that are read. */
    private static final long LARGEST_BODY = 1 << 20;

    /**
     * Where and how.
     *
     * @param url base, to which {@code /chat/completions} is added
     * @param model name of the model
     * @param apiKey bearer token, if one is needed
     * @param deadline of one attempt
     * @param attempts how often a call is made when the endpoint is busy or away
     * @param backoff pause before the second attempt; doubles
     */
    public record Settings(
            String url, String model, Optional<String> apiKey, Duration deadline, int attempts, Duration backoff) {}

    private final Settings settings;
    private final HttpClient client;
    private final ObjectMapper mapper = new ObjectMapper();

    /** An endpoint; nothing is opened before the first question. */
    public ChatEndpoint(Settings settings) {
        this.settings = settings;
        this.client =
                HttpClient.newBuilder().connectTimeout(settings.deadline()).build();
    }

    /**
     * Asks.
     *
     * @param temperature 0 for the likeliest answer
     * @param maxTokens limit of the answer
     * @return the text of the answer
     * @throws FootholdException PEER_UNAVAILABLE when the endpoint is busy or away after all attempts, INVALID_INPUT when it
     *     refuses
     */
    public String ask(String question, double temperature, int maxTokens) {
        ObjectNode body = mapper.createObjectNode().put("model", settings.model());
        body.putArray("messages").addObject().put("role", "user").put("content", question);
        body.put("temperature", temperature).put("max_tokens", maxTokens);
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(settings.url() + "/chat/completions"))
                .timeout(settings.deadline())
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body.toString()));
        settings.apiKey().ifPresent(key -> request.header("Authorization", "Bearer " + key));
        String last = "no attempt was made";
        Duration pause = settings.backoff();
        for (int attempt = 1; attempt <= settings.attempts(); attempt++) {
            try {
                if (attempt > 1) {
                    Thread.sleep(pause);
                    pause = pause.multipliedBy(2);
                }
                HttpResponse<String> response = client.send(
                        request.build(),
                        HttpResponse.BodyHandlers.limiting(HttpResponse.BodyHandlers.ofString(), LARGEST_BODY));
                int status = response.statusCode();
                if (status == 200) {
                    return text(response.body());
                }
                last = "status " + status + ": " + Excerpt.of(response.body());
                if (status != 408 && status != 429 && status < 500) {
                    throw new FootholdException(
                            ErrorCode.INVALID_INPUT, "localizer endpoint " + settings.url() + " refuses: " + last);
                }
            } catch (IOException e) {
                last = String.valueOf(e.getMessage());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
            }
        }
        throw new FootholdException(
                ErrorCode.PEER_UNAVAILABLE,
                "localizer endpoint " + settings.url() + " did not answer in " + settings.attempts() + " attempts: "
                        + last);
    }

    private String text(String body) {
        try {
            JsonNode content = mapper.readTree(body)
                    .path("choices")
                    .path(0)
                    .path("message")
                    .path("content");
            if (content.isTextual()) {
                return content.asText();
            }
        } catch (JsonProcessingException e) {
            throw new FootholdException(
                    ErrorCode.PEER_UNAVAILABLE,
                    "localizer endpoint " + settings.url() + " gave no JSON: " + Excerpt.of(body),
                    e);
        }
        throw new FootholdException(
                ErrorCode.PEER_UNAVAILABLE,
                "localizer endpoint " + settings.url() + " gave no choices[0].message.content: " + Excerpt.of(body));
    }
}
