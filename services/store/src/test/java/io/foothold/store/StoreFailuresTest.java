package io.foothold.store;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.StoreConfig;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a store says that does not do what it is asked. */
class StoreFailuresTest {
    @TempDir
    Path directory;

    private HttpServer server;
    private volatile Answer answer = exchange -> exchange.sendResponseHeaders(500, -1);
    private final List<String> ranges = new CopyOnWriteArrayList<>();

    private interface Answer {
        void to(HttpExchange exchange) throws IOException;
    }

    @BeforeEach
    void begin() throws Exception {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            try (exchange) {
                exchange.getRequestBody().readAllBytes();
                answer.to(exchange);
            }
        });
        server.start();
        Files.writeString(
                directory.resolve("credentials"),
                "[default]\naws_access_key_id = only\naws_secret_access_key = never-told\n");
    }

    @AfterEach
    void end() {
        server.stop(0);
    }

    private String endpoint() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    private StoreConfig config(String endpoint) {
        return S3Server.config(
                "s3://artefacts/runs", endpoint, directory.resolve("credentials"), directory.resolve("cache"));
    }

    private static void refuse(HttpExchange exchange, int status, String code) throws IOException {
        byte[] body =
                ("<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>m</Message></Error>").getBytes(UTF_8);
        exchange.getResponseHeaders().add("Content-Type", "application/xml");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }

    @ParameterizedTest
    @CsvSource({
        "403, AccessDenied, FORBIDDEN, expected rights to list",
        "403, InvalidAccessKeyId, FORBIDDEN, foothold.store.credentials-file",
        "404, NoSuchBucket, NOT_FOUND, foothold.store.uri",
        "301, PermanentRedirect, INVALID_INPUT, foothold.store.region",
        "400, WhatIsThis, INVALID_INPUT, foothold.store.endpoint",
        "503, SlowDown, PEER_UNAVAILABLE, 503 SlowDown",
        "500, InternalError, PEER_UNAVAILABLE, 500 InternalError"
    })
    void refusalsNameTheSettingAndWhetherToTryAgain(int status, String code, ErrorCode expected, String text) {
        answer = exchange -> refuse(exchange, status, code);
        try (S3ArtefactStore store = S3ArtefactStore.of(config(endpoint()))) {
            assertThatThrownBy(store::check)
                    .isInstanceOfSatisfying(
                            FootholdException.class, e -> assertThat(e.code()).isEqualTo(expected))
                    .hasMessageContaining("s3://artefacts/runs")
                    .hasMessageContaining(text)
                    .hasMessageNotContaining("never-told");
        }
    }

    @Test
    void aStoreThatIsNotThereOrSilentIsAway() throws Exception {
        server.stop(0);
        try (S3ArtefactStore store = S3ArtefactStore.of(config(endpoint()))) {
            assertThatThrownBy(store::check)
                    .isInstanceOfSatisfying(
                            FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.PEER_UNAVAILABLE))
                    .hasMessageContaining(endpoint())
                    .hasMessageContaining("foothold.store.endpoint");
        }
    }

    /** The way breaks after some bytes, again and again; each attempt asks for the rest. */
    @Test
    void aFetchThatIsCutOffGoesOnWithTheRest() throws Exception {
        byte[] content = new byte[300_000];
        Arrays.fill(content, (byte) 3);
        answer = exchange -> {
            String range = exchange.getRequestHeaders().getFirst("Range");
            ranges.add(String.valueOf(range));
            int from = range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
            exchange.sendResponseHeaders(range == null ? 200 : 206, content.length - from);
            exchange.getResponseBody().write(content, from, Math.min(100_000, content.length - from));
            exchange.getResponseBody().flush();
        };
        String digest =
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        try (S3ArtefactStore store = S3ArtefactStore.of(config(endpoint()))) {
            assertThat(store.fetch(store.home().resolve("x"), digest)).hasBinaryContent(content);
        }
        assertThat(ranges).containsExactly("null", "bytes=100000-", "bytes=200000-");
    }

    @Test
    void readinessIsFalseUntilTheStoreAnsweredOnceAndStaysThen() {
        answer = exchange -> refuse(exchange, 403, "AccessDenied");
        StoreHealth health = new StoreHealth(new ConfiguredStore(config(endpoint())));
        HealthCheckResponse down = health.call();
        assertThat(down.getStatus()).isEqualTo(HealthCheckResponse.Status.DOWN);
        assertThat(down.getData().orElseThrow().get("reason").toString()).contains("foothold.store.credentials-file");
        answer = exchange -> {
            byte[] body = "<?xml version=\"1.0\"?><ListBucketResult></ListBucketResult>".getBytes(UTF_8);
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
        };
        assertThat(health.call().getStatus()).isEqualTo(HealthCheckResponse.Status.UP);
        answer = exchange -> refuse(exchange, 403, "AccessDenied");
        assertThat(health.call().getStatus()).isEqualTo(HealthCheckResponse.Status.UP);
    }

    @Test
    void wrongSettingsAreToldByTheirKeys() throws Exception {
        assertThatThrownBy(() -> S3ArtefactStore.of(config("localhost:9000")))
                .hasMessageContaining("foothold.store.endpoint: expected http://HOST:PORT");
        assertThatThrownBy(() -> S3ArtefactStore.of(
                        S3Server.config("s3:/artefacts", endpoint(), directory.resolve("credentials"), directory)))
                .hasMessageContaining("foothold.store.uri: expected s3://BUCKET/PREFIX");
        assertThatThrownBy(() -> S3ArtefactStore.of(
                        S3Server.config("s3://artefacts", endpoint(), directory.resolve("none"), directory)))
                .hasMessageContaining("foothold.store.credentials-file");
    }
}
