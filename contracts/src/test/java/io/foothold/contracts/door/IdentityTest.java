package io.foothold.contracts.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.v1.ListRunsRequest;
import io.foothold.v1.ListRunsResponse;
import io.foothold.v1.RunServiceGrpc;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.TlsServerCredentials;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdentityTest {
    @TempDir
    static Path directory;

    private static TestAuthority ours;
    private static Path authorities;
    private static TestAuthority.Pem good;
    private static TestAuthority.Pem ended;
    private static TestAuthority.Pem foreign;

    @BeforeAll
    static void issue() throws IOException {
        ours = new TestAuthority(directory, "ours");
        authorities = ours.certificate();
        good = ours.issue("good", -1);
        ended = ours.issue("ended", -30);
        foreign = new TestAuthority(directory, "theirs").issue("foreign", -1);
    }

    private static Identity identity(TestAuthority.Pem pem) {
        return Identity.of(pem.certificate(), pem.key(), authorities, null);
    }

    /** A server that wants certificates of our authority, with this one. */
    private static Server server(TestAuthority.Pem pem) throws IOException {
        return served(Grpc.newServerBuilderForPort(
                0,
                TlsServerCredentials.newBuilder()
                        .keyManager(pem.certificate().toFile(), pem.key().toFile())
                        .trustManager(authorities.toFile())
                        .clientAuth(TlsServerCredentials.ClientAuth.REQUIRE)
                        .build()));
    }

    private static Server served(ServerBuilder<?> builder) throws IOException {
        return builder.addService(new RunServiceGrpc.RunServiceImplBase() {
                    @Override
                    public void listRuns(ListRunsRequest request, StreamObserver<ListRunsResponse> out) {
                        out.onNext(ListRunsResponse.getDefaultInstance());
                        out.onCompleted();
                    }
                })
                .build()
                .start();
    }

    /** Why a call fails; empty when it does not. */
    private static Optional<FootholdException> call(Server server, Identity identity, String host) {
        ManagedChannel channel = PeerChannels.of(identity, Optional::empty)
                .peer("127.0.0.1:" + server.getPort(), host)
                .build();
        try {
            var unused = RunServiceGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(30, TimeUnit.SECONDS)
                    .listRuns(ListRunsRequest.getDefaultInstance());
            return Optional.empty();
        } catch (RuntimeException e) {
            return Optional.of(FootholdException.of(e));
        } finally {
            channel.shutdownNow();
        }
    }

    @Test
    void peersOfOneAuthorityReachEachOtherAndNobodyElseDoes() throws IOException {
        Server server = server(good);
        assertThat(call(server, identity(good), "localhost")).isEmpty();
        for (Identity other : new Identity[] {identity(ended), identity(foreign), Identity.none()}) {
            assertThat(call(server, other, "localhost"))
                    .hasValueSatisfying(e -> assertThat(e.code()).isEqualTo(ErrorCode.PEER_UNAVAILABLE));
        }
        server.shutdownNow();
    }

    @Test
    void aPeerThatIsNotWhoItShouldBeIsNamedWithTheSettings() throws IOException {
        for (TestAuthority.Pem wrong : new TestAuthority.Pem[] {ended, foreign}) {
            Server server = server(wrong);
            assertThat(call(server, identity(good), "localhost")).hasValueSatisfying(e -> assertThat(e.text())
                    .contains("no TLS with localhost:" + server.getPort(), "foothold.tls.certificate", ".authorities"));
            server.shutdownNow();
        }
        Server server = server(good);
        assertThat(call(server, identity(good), "sampler"))
                .hasValueSatisfying(e -> assertThat(e.text()).contains("no TLS with sampler:", "names"));
        server.shutdownNow();
        Server plain = served(ServerBuilder.forPort(0));
        assertThat(call(plain, identity(good), "localhost"))
                .hasValueSatisfying(e -> assertThat(e.text()).contains("no TLS with localhost"));
        plain.shutdownNow();
    }

    @Test
    void aRenewedCertificateCountsWithoutARestartAndABrokenOneDoesNot() throws IOException {
        Path own = Files.createDirectories(directory.resolve("renewed"));
        TestAuthority.Pem files = new TestAuthority.Pem(own.resolve("tls.crt"), own.resolve("tls.key"));
        foreign.replace(files);
        Identity identity = Identity.of(files.certificate(), files.key(), authorities, null);
        Server server = server(good);
        assertThat(call(server, identity, "localhost")).isPresent();
        assertThat(identity.trouble(Instant.now())).hasValueSatisfying(why -> assertThat(why)
                .contains("foothold.tls.certificate", "CN=foreign", "is not of foothold.tls.authorities"));
        good.replace(files);
        identity.refresh();
        assertThat(call(server, identity, "localhost")).isEmpty();
        assertThat(identity.trouble(Instant.now())).isEmpty();
        Files.writeString(files.certificate(), "nothing of the kind");
        identity.refresh();
        assertThat(call(server, identity, "localhost"))
                .as("what was known holds")
                .isEmpty();
        assertThat(identity.trouble(Instant.now()))
                .hasValueSatisfying(why -> assertThat(why).contains("foothold.tls.certificate " + files.certificate()));
        server.shutdownNow();
    }

    @Test
    void oneThatEndedOrHasNotBegunIsToldOf() {
        Instant now = Instant.now();
        assertThat(identity(good).trouble(now)).isEmpty();
        assertThat(identity(good).trouble(now.plus(Duration.ofDays(10))))
                .hasValueSatisfying(why -> assertThat(why).contains("CN=good", "ended at"));
        assertThat(identity(good).trouble(now.minus(Duration.ofDays(2))))
                .hasValueSatisfying(why -> assertThat(why).contains("begins at"));
        assertThat(identity(ended).trouble(now))
                .hasValueSatisfying(why -> assertThat(why).contains("ended at"));
        assertThat(Identity.none().trouble(now)).isEmpty();
    }

    @Test
    void filesThatCannotBeUsedAreNamedWithTheirSetting() throws IOException {
        Path absent = directory.resolve("absent");
        assertThatThrownBy(() -> Identity.of(absent, good.key(), authorities, null))
                .hasMessageContaining("foothold.tls.certificate " + absent + " cannot be used: NoSuchFileException");
        assertThatThrownBy(() -> Identity.of(good.certificate(), absent, authorities, null))
                .hasMessageContaining("foothold.tls.key " + absent);
        assertThatThrownBy(() -> Identity.of(good.certificate(), good.key(), absent, null))
                .hasMessageContaining("foothold.tls.authorities " + absent);
        assertThatThrownBy(() -> Identity.of(good.certificate(), ended.key(), authorities, null))
                .hasMessageContaining(
                        "foothold.tls.key " + ended.key() + " is not the key of foothold.tls.certificate");
        Path secret = Files.writeString(directory.resolve("secret.key"), "c0ffee");
        assertThatThrownBy(() -> Identity.of(good.certificate(), secret, authorities, null))
                .hasMessageContaining("BEGIN PRIVATE KEY")
                .hasMessageNotContaining("c0ffee");
        Path empty = Files.writeString(directory.resolve("empty.crt"), "");
        assertThatThrownBy(() -> Identity.of(empty, good.key(), authorities, null))
                .hasMessageContaining("foothold.tls.certificate " + empty)
                .hasMessageContaining("BEGIN CERTIFICATE");
    }
}
