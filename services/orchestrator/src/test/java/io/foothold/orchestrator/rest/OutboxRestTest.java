package io.foothold.orchestrator.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

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
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;

/** The service with a Kafka and an MLflow by configuration alone that nobody has started. */
@QuarkusTest
@TestProfile(OutboxRestTest.NobodyThere.class)
class OutboxRestTest {
    /** An orchestrator alone whose broker and MLflow are away. */
    public static final class NobodyThere implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            Map<String, String> out = new TreeMap<>(new RestTest.WithoutPeers().getConfigOverrides());
            out.put("foothold.ledger.url", "jdbc:h2:mem:outbox;DB_CLOSE_DELAY=-1");
            out.put("foothold.events.kafka.bootstrap-servers", "127.0.0.1:1");
            out.put("foothold.events.mlflow.uri", "http://127.0.0.1:1");
            return out;
        }
    }

    @TestHTTPResource("/")
    URI root;

    @TestHTTPResource(value = "/health/ready", management = true)
    URI ready;

    @TestHTTPResource(value = "/metrics", management = true)
    URI metrics;

    private final HttpClient client = HttpClient.newHttpClient();

    private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return client.send(request.timeout(Duration.ofSeconds(60)).build(), BodyHandlers.ofString());
    }

    @Test
    void runsAndReadinessDoNotDependOnIt() throws Exception {
        HttpResponse<String> created = send(HttpRequest.newBuilder(root.resolve("/api/runs/told"))
                .header("Content-Type", "text/plain; charset=UTF-8")
                .PUT(BodyPublishers.ofString(RestTest.FILE)));
        assertThat(created.statusCode()).as(created.body()).isEqualTo(200);
        await().atMost(Duration.ofSeconds(30)).until(() -> send(HttpRequest.newBuilder(root.resolve("/api/runs/told")))
                .body()
                .contains("\"failed\""));
        for (String to : List.of("kafka", "mlflow")) {
            await().atMost(Duration.ofSeconds(30))
                    .until(() -> send(HttpRequest.newBuilder(metrics)).body(), text -> text.lines()
                            .anyMatch(
                                    line -> line.matches("foothold_events_waiting\\{.*to=\"" + to + "\".*} [1-9].*")));
        }
        assertThat(send(HttpRequest.newBuilder(ready)).statusCode()).isEqualTo(200);
        // One line of ours says it, not one of Kafka's client for every attempt.
        assertThat(Logger.getLogger("org.apache.kafka.clients.NetworkClient").isLoggable(Level.WARNING))
                .isFalse();
    }
}
