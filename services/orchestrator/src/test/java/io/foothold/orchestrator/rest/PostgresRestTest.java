package io.foothold.orchestrator.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.foothold.contracts.postgresql.PostgresServer;
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
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The service with PostgreSQL by configuration alone: the application is the one that has H2 otherwise. */
@QuarkusTest
@TestProfile(PostgresRestTest.WithPostgres.class)
class PostgresRestTest {
    /** The property that tells the test of the server: profile and test have different class loaders. */
    private static final String SERVER = PostgresRestTest.class.getName();

    private static final String URL = SERVER + ".url";

    /** An orchestrator alone with a PostgreSQL, where there is one. */
    public static final class WithPostgres implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            Map<String, String> out = new TreeMap<>(new RestTest.WithoutPeers().getConfigOverrides());
            if (PostgresServer.installed()) {
                // Asked for more than once.
                if (System.getProperty(SERVER) == null) {
                    PostgresServer server = PostgresServer.start();
                    System.setProperty(SERVER, server.told());
                    System.setProperty(URL, server.database());
                }
                out.put("foothold.ledger.url", System.getProperty(URL));
                out.put("foothold.ledger.username", PostgresServer.USER);
                out.put("foothold.ledger.password", PostgresServer.PASSWORD);
            }
            return out;
        }
    }

    @TestHTTPResource("/")
    URI root;

    @TestHTTPResource(value = "/health/ready", management = true)
    URI ready;

    private final HttpClient client = HttpClient.newHttpClient();

    private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return client.send(request.timeout(Duration.ofSeconds(60)).build(), BodyHandlers.ofString());
    }

    private HttpResponse<String> runs() throws Exception {
        return send(HttpRequest.newBuilder(root.resolve("/api/runs")));
    }

    private HttpResponse<String> readiness() throws Exception {
        return send(HttpRequest.newBuilder(ready));
    }

    @Test
    void itIsReadyAsLongAsItsLedgerIsThere() throws Exception {
        assumeTrue(PostgresServer.installed(), "NOT RUN: no PostgreSQL here (Debian's package postgresql)");
        PostgresServer server = PostgresServer.of(System.getProperty(SERVER));
        assertThat(readiness().statusCode()).isEqualTo(200);
        HttpResponse<String> created = send(HttpRequest.newBuilder(root.resolve("/api/runs/kept"))
                .header("Content-Type", "text/plain; charset=UTF-8")
                .PUT(BodyPublishers.ofString(RestTest.FILE)));
        assertThat(created.statusCode()).as(created.body()).isEqualTo(200);
        server.crash();
        HttpResponse<String> away = runs();
        assertThat(away.statusCode()).as(away.body()).isEqualTo(503);
        assertThat(away.body()).contains("PEER_UNAVAILABLE", "foothold.ledger.url");
        HttpResponse<String> unready = readiness();
        assertThat(unready.statusCode()).isEqualTo(503);
        assertThat(unready.body()).contains("foothold.ledger.url").doesNotContain(PostgresServer.PASSWORD);
        server.begin();
        await().atMost(Duration.ofSeconds(60)).until(() -> readiness().statusCode() == 200);
        assertThat(runs().body()).contains("\"kept\"");
    }
}
