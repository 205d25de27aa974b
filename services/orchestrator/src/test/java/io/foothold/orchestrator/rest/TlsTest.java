package io.foothold.orchestrator.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.foothold.contracts.door.TestAuthority;
import io.foothold.contracts.error.FootholdException;
import io.foothold.v1.ListRunsRequest;
import io.foothold.v1.RunServiceGrpc;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.MetadataUtils;
import io.grpc.util.AdvancedTlsX509KeyManager;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** An orchestrator with a certificate: both ports speak TLS and nothing else, and a new certificate counts without a restart. */
@QuarkusTest
@TestProfile(TlsTest.WithTls.class)
class TlsTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final String TOKEN = "operator-c0ffee-0123456789";
    private static final Path HOME = Path.of("target/tls-test").toAbsolutePath();
    private static final TestAuthority.Pem OWN =
            new TestAuthority.Pem(HOME.resolve("tls.crt"), HOME.resolve("tls.key"));
    private static final Path AUTHORITIES = HOME.resolve("ca.crt");

    /** With certificates that are made before it starts. */
    public static final class WithTls implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            try {
                TestAuthority ours = new TestAuthority(HOME.resolve("ours"), "ours");
                ours.issue("first", -1).replace(OWN);
                ours.issue("second", -1);
                ours.issue("ended", -30);
                Files.copy(ours.certificate(), AUTHORITIES, StandardCopyOption.REPLACE_EXISTING);
                TestAuthority theirs = new TestAuthority(HOME.resolve("theirs"), "theirs");
                theirs.issue("foreign", -1);
                var unused = theirs.certificate();
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
            Map<String, String> out = new TreeMap<>(new RestTest.WithoutPeers().getConfigOverrides());
            out.put("foothold.ledger.url", "jdbc:h2:mem:tls;DB_CLOSE_DELAY=-1");
            out.put("quarkus.http.test-ssl-port", "0");
            out.put("foothold.tls.certificate", OWN.certificate().toString());
            out.put("foothold.tls.key", OWN.key().toString());
            out.put("foothold.tls.authorities", AUTHORITIES.toString());
            out.put("foothold.tls.reload", "1s");
            out.put("foothold.door.operator.token", TOKEN);
            return out;
        }
    }

    @TestHTTPResource(value = "/", tls = true)
    URI root;

    @TestHTTPResource(value = "/", management = true, tls = true)
    URI management;

    private static TestAuthority.Pem pem(String authority, String name) {
        Path at = HOME.resolve(authority);
        return new TestAuthority.Pem(at.resolve(name + ".crt"), at.resolve(name + ".key"));
    }

    private ManagedChannel channel(TestAuthority.@Nullable Pem shown) throws IOException, GeneralSecurityException {
        TlsChannelCredentials.Builder credentials =
                TlsChannelCredentials.newBuilder().trustManager(AUTHORITIES.toFile());
        if (shown != null) {
            // It shows its certificate whether or not the service names its authority; the JDK's own would rather show
            // none.
            AdvancedTlsX509KeyManager keys = new AdvancedTlsX509KeyManager();
            keys.updateIdentityCredentials(
                    shown.certificate().toFile(), shown.key().toFile());
            credentials.keyManager(keys);
        }
        return Grpc.newChannelBuilder("localhost:" + root.getPort(), credentials.build())
                .build();
    }

    private static boolean lists(ManagedChannel channel, boolean token) {
        Metadata headers = new Metadata();
        if (token) {
            headers.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + TOKEN);
        }
        try {
            var unused = RunServiceGrpc.newBlockingStub(channel)
                    .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
                    .withDeadlineAfter(30, TimeUnit.SECONDS)
                    .listRuns(ListRunsRequest.getDefaultInstance());
            return true;
        } catch (RuntimeException e) {
            assertThat(FootholdException.of(e).text()).isNotEmpty();
            return false;
        } finally {
            channel.shutdownNow();
        }
    }

    private static HttpClient client() throws IOException, GeneralSecurityException {
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry("ca", read(AUTHORITIES));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return HttpClient.newBuilder().sslContext(context).build();
    }

    private static X509Certificate read(Path file) throws IOException, GeneralSecurityException {
        try (InputStream in = Files.newInputStream(file)) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }

    private static int status(URI uri, @Nullable String token) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(60));
        if (token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        return client().send(request.build(), BodyHandlers.ofString()).statusCode();
    }

    @Test
    void aTokenOpensWithOrWithoutAGoodCertificateAndNothingElseDoes() throws Exception {
        assertThat(lists(channel(pem("ours", "first")), true)).isTrue();
        assertThat(lists(channel(null), true)).as("people have no certificate").isTrue();
        assertThat(lists(channel(pem("ours", "first")), false)).as("no token").isFalse();
        assertThat(lists(channel(null), false)).isFalse();
        assertThat(lists(channel(pem("ours", "ended")), true)).isFalse();
        assertThat(lists(channel(pem("theirs", "foreign")), true)).isFalse();
        assertThat(lists(
                        Grpc.newChannelBuilder("localhost:" + root.getPort(), InsecureChannelCredentials.create())
                                .build(),
                        true))
                .as("without TLS")
                .isFalse();
        assertThat(status(root.resolve("/api/runs"), TOKEN)).isEqualTo(200);
        assertThat(status(root.resolve("/api/runs"), null)).isEqualTo(401);
    }

    @Test
    void healthAndMetricsSpeakTlsToo() throws Exception {
        assertThat(status(management.resolve("/q/health/ready"), null)).isEqualTo(200);
        assertThat(status(management.resolve("/q/metrics"), null)).isEqualTo(401);
        assertThat(status(management.resolve("/q/metrics"), TOKEN)).isEqualTo(200);
        URI plain = URI.create("http://localhost:" + management.getPort() + "/q/health/ready");
        assertThatThrownBy(() -> status(plain, null)).isInstanceOf(IOException.class);
    }

    @Test
    void aNewCertificateCountsWithoutARestartAndABadOneMakesItNotReady() throws Exception {
        URI ready = management.resolve("/q/health/ready");
        // Half of it: the key is there, its certificate is not yet.
        Files.copy(pem("ours", "second").key(), OWN.key(), StandardCopyOption.REPLACE_EXISTING);
        await().atMost(LIMIT).until(() -> status(ready, null) == 503);
        assertThat(text(ready)).contains("foothold.tls.key " + OWN.key());
        for (URI port : List.of(root.resolve("/api/runs"), ready)) {
            assertThat(served(port)).as("the last pair holds").isEqualTo("CN=first");
        }
        pem("ours", "second").replace(OWN);
        for (URI port : List.of(root.resolve("/api/runs"), ready)) {
            await().atMost(LIMIT).until(() -> served(port).equals("CN=second"));
        }
        await().atMost(LIMIT).until(() -> status(ready, null) == 200);
        assertThat(lists(channel(pem("ours", "second")), true)).isTrue();
        Files.writeString(OWN.certificate(), "nothing of the kind");
        await().atMost(LIMIT).until(() -> status(ready, null) == 503);
        assertThat(text(ready)).contains("foothold.tls.certificate " + OWN.certificate());
        assertThat(served(ready)).as("what was known holds").isEqualTo("CN=second");
        pem("ours", "first").replace(OWN);
        await().atMost(LIMIT)
                .until(() -> status(ready, null) == 200 && served(ready).equals("CN=first"));
    }

    /** An authority that is trusted no longer, and one that is from now on. */
    @Test
    void theAuthoritiesAreReadAgainToo() throws Exception {
        assertThat(lists(channel(pem("theirs", "foreign")), true)).isFalse();
        String before = Files.readString(AUTHORITIES);
        try {
            Files.writeString(AUTHORITIES, before + Files.readString(HOME.resolve("theirs/theirs.crt")));
            await().atMost(LIMIT).until(() -> lists(channel(pem("theirs", "foreign")), true));
        } finally {
            Files.writeString(AUTHORITIES, before);
        }
        await().atMost(LIMIT).until(() -> !lists(channel(pem("theirs", "foreign")), true));
    }

    private static String text(URI uri) throws Exception {
        return client().send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString())
                .body();
    }

    /** The name in the certificate that a port shows. */
    private static String served(URI uri) throws Exception {
        var response = client().send(HttpRequest.newBuilder(uri).build(), BodyHandlers.discarding());
        X509Certificate shown =
                (X509Certificate) response.sslSession().orElseThrow().getPeerCertificates()[0];
        return shown.getSubjectX500Principal().getName();
    }
}
