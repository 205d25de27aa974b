package io.foothold.orchestrator.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import grpc.health.v1.HealthOuterClass.HealthCheckRequest;
import grpc.health.v1.HealthOuterClass.HealthCheckResponse;
import grpc.health.v1.MutinyHealthGrpc;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.Relay;
import io.grpc.Channel;
import io.quarkus.grpc.GrpcClient;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import io.smallrye.mutiny.subscription.Cancellable;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.junit.jupiter.api.Test;

/** A peer whose connection stays open and on which nothing comes any more, such as a process that was stopped. */
@QuarkusTest
@TestProfile(SilentPeerTest.ShortPings.class)
class SilentPeerTest {
    /** The verifier's address is a relay's, and pings go as often as the transport allows. */
    public static final class ShortPings implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            Map<String, String> out = new TreeMap<>();
            out.put("quarkus.http.test-port", "0");
            out.put("quarkus.management.test-port", "0");
            out.put("foothold.ledger.url", "jdbc:h2:mem:silent;DB_CLOSE_DELAY=-1");
            out.put("foothold.orchestrator.adopt", "false");
            out.put("quarkus.grpc.clients.augmentation.test-port", Integer.toString(freePort()));
            out.put("quarkus.grpc.clients.augmentation.keep-alive-time", "10s");
            out.put("quarkus.grpc.clients.augmentation.keep-alive-timeout", "1s");
            return out;
        }

        private static int freePort() {
            try (ServerSocket socket = new ServerSocket(0)) {
                return socket.getLocalPort();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    @GrpcClient("augmentation")
    Channel augmentation;

    @ConfigProperty(name = "quarkus.grpc.clients.augmentation.test-port")
    int port;

    @TestHTTPResource("/")
    URI own;

    @Test
    void aPeerThatIsSilentIsFoundByAPingAndOneThatHasNothingToSayIsNot() throws Exception {
        try (Relay relay = new Relay(port, own.getPort())) {
            List<HealthCheckResponse> answers = new CopyOnWriteArrayList<>();
            AtomicReference<Throwable> failure = new AtomicReference<>();
            Cancellable call = MutinyHealthGrpc.newMutinyStub(augmentation)
                    .watch(HealthCheckRequest.getDefaultInstance())
                    .subscribe()
                    .with(answers::add, failure::set);
            await().atMost(Duration.ofSeconds(20)).until(() -> !answers.isEmpty() || failure.get() != null);
            assertThat(failure).hasNullValue();
            for (int pings = 0; pings < 2; pings++) {
                long before = relay.answered();
                await().atMost(Duration.ofSeconds(30)).until(() -> relay.answered() > before);
            }
            assertThat(failure).as("its pings were answered").hasNullValue();
            relay.swallow();
            await().atMost(Duration.ofSeconds(40)).until(() -> failure.get() != null);
            assertThat(FootholdException.of(failure.get()).code()).isEqualTo(ErrorCode.PEER_UNAVAILABLE);
            call.cancel();
        }
    }
}
