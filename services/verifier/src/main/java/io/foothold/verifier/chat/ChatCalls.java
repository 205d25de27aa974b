package io.foothold.verifier.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.Excerpt;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Calls of chat completions. Blocks its caller; thread-safe. */
final class ChatCalls implements AutoCloseable {
    private static final Duration FIRST_PAUSE = Duration.ofMillis(500);
    private static final Duration LONGEST_PAUSE = Duration.ofMinutes(1);
    /** Most bytes of a body that are read. */
    private static final long LARGEST_BODY = 1 << 20;

    private final ObjectMapper mapper = new ObjectMapper();
    private final HttpClient client = HttpClient.newBuilder()
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(Duration.ofSeconds(10))
            .build();

    /** What came of a call. */
    sealed interface Answer permits Said, Failed {}

    /** The text of an answer. */
    record Said(String text) implements Answer {}

    /**
     * No answer.
     *
     * @param late whether it did not come in time
     */
    record Failed(String why, boolean late) implements Answer {}

    /**
     * One attempt that may be made again.
     *
     * @param pause that the endpoint asked for
     */
    private record Again(Failed failed, Duration pause) {}

    /**
     * Asks, again where the endpoint is busy, away or late.
     *
     * @param key bearer token; empty for none
     * @param pace of every attempt
     */
    Answer ask(ChatJudge judge, String question, Optional<String> key, Pace pace) throws InterruptedException {
        HttpRequest request = request(judge, question, key);
        Duration pause = FIRST_PAUSE;
        for (int attempt = 1; ; attempt++) {
            pace.await();
            Object came = attempt(judge, request, key);
            if (came instanceof Answer answer) {
                return answer;
            }
            Again again = (Again) came;
            if (attempt == judge.calls().attempts()) {
                return new Failed(
                        again.failed().why() + " (" + attempt + " attempts)",
                        again.failed().late());
            }
            Duration wait = again.pause().compareTo(pause) > 0 ? again.pause() : pause;
            TimeUnit.NANOSECONDS.sleep((wait.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : wait).toNanos());
            pause = pause.multipliedBy(2);
        }
    }

    private HttpRequest request(ChatJudge judge, String question, Optional<String> key) {
        ObjectNode body = mapper.createObjectNode().put("model", judge.model());
        body.putArray("messages").addObject().put("role", "user").put("content", question);
        body.put("temperature", 0).put("max_tokens", judge.calls().maxTokens());
        HttpRequest.Builder request = HttpRequest.newBuilder(judge.endpoint())
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body.toString()));
        key.ifPresent(k -> request.header("Authorization", "Bearer " + k));
        return request.build();
    }

    /** Gives an {@link Answer}, or {@link Again}. */
    private Object attempt(ChatJudge judge, HttpRequest request, Optional<String> key) throws InterruptedException {
        CompletableFuture<HttpResponse<String>> under = client.sendAsync(
                request, HttpResponse.BodyHandlers.limiting(HttpResponse.BodyHandlers.ofString(), LARGEST_BODY));
        HttpResponse<String> response;
        try {
            // The client's own deadline ends with the headers: a body that drips would have no end.
            response = under.get(judge.calls().deadline().toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            return again(
                    judge, "gave no answer within " + judge.calls().deadline().toMillis() / 1e3 + " s", true);
        } catch (ExecutionException e) {
            Throwable why = e.getCause() == null ? e : e.getCause();
            return again(
                    judge,
                    "cannot be reached: " + why.getClass().getSimpleName()
                            + (why.getMessage() == null ? "" : " " + why.getMessage()),
                    false);
        } finally {
            under.cancel(true);
        }
        int status = response.statusCode();
        String body = quoted(response.body(), key);
        if (status == 200) {
            return text(judge, response.body(), body);
        }
        if (status == 408 || status == 429 || status >= 500) {
            Again again = again(judge, "answers with status " + status + ": " + body, false);
            return new Again(again.failed(), retryAfter(response));
        }
        return new Failed(
                judge
                        + (status >= 300 && status < 400
                                ? " redirects (status " + status + "), which is not followed"
                                : " refuses with status " + status + ": " + body),
                false);
    }

    private static Again again(ChatJudge judge, String why, boolean late) {
        return new Again(new Failed(judge + " " + why, late), Duration.ZERO);
    }

    private static Duration retryAfter(HttpResponse<String> response) {
        return response.headers()
                .firstValue("Retry-After")
                .filter(value -> value.matches("\\d{1,9}"))
                .map(value -> Duration.ofSeconds(Long.parseLong(value)))
                .orElse(Duration.ZERO);
    }

    private Answer text(ChatJudge judge, String body, String shown) {
        try {
            JsonNode content = mapper.readTree(body)
                    .path("choices")
                    .path(0)
                    .path("message")
                    .path("content");
            return content.isTextual()
                    ? new Said(content.asText())
                    : new Failed(judge + " gave no choices[0].message.content: " + shown, false);
        } catch (JsonProcessingException e) {
            return new Failed(judge + " gave no JSON: " + shown, false);
        }
    }

    /** The beginning of a body; a key that it repeats is left out. */
    private static String quoted(String body, Optional<String> key) {
        return "'" + Excerpt.of(key.map(k -> body.replace(k, "***")).orElse(body)) + "'";
    }

    @Override
    public void close() {
        client.shutdownNow();
    }
}
