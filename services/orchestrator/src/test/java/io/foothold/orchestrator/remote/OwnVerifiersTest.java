package io.foothold.orchestrator.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.Replicas;
import io.foothold.contracts.flow.StreamLimits;
import io.foothold.core.problem.ProblemKind;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.util.List;
import org.junit.jupiter.api.Test;

class OwnVerifiersTest {
    private static final String KEY = "verification.servers.exact";

    @Test
    void onlyThoseOfTheListMayBeAsked() {
        OwnVerifiers some = OwnVerifiers.of(List.of("judge.example:9300", "[::1]:9301"));
        assertThat(some.named(KEY, "judge.example:9300")).hasToString("judge.example:9300");
        assertThat(some.named(KEY, "JUDGE.example:9300")).hasToString("JUDGE.example:9300");
        assertThat(some.named(KEY, "[::1]:9301")).hasToString("[::1]:9301");
        for (String other :
                List.of("judge.example:9301", "judge.example.:9300", "169.254.169.254:80", "127.0.0.1:9206", "*:1")) {
            assertThatThrownBy(() -> some.named(KEY, other))
                    .as(other)
                    .hasMessageContainingAll(KEY + ": ", "judge.example:9300", "foothold.orchestrator.verifiers")
                    .satisfies(e -> assertThat(((FootholdException) e).code()).isEqualTo(ErrorCode.INVALID_INPUT));
        }
        assertThatThrownBy(() -> OwnVerifiers.of(List.of()).named(KEY, "127.0.0.1:9310"))
                .hasMessageContaining("there are none");
    }

    @Test
    void anyIsAnyAddressAndStillAnAddress() {
        for (OwnVerifiers any : List.of(OwnVerifiers.any(), OwnVerifiers.of(List.of("*")))) {
            assertThat(any.named(KEY, "127.0.0.1:9310")).hasToString("127.0.0.1:9310");
            assertThatThrownBy(() -> any.named(KEY, "http://x")).hasMessageContaining("is no address");
        }
        assertThatThrownBy(() -> OwnVerifiers.of(List.of("x")))
                .hasMessageContaining("foothold.orchestrator.verifiers: 'x'");
    }

    /** A listener that must not be reached: what is not on the list is refused before anybody connects. */
    @Test
    void servicesAskNobodyElse() throws IOException {
        try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            listener.setSoTimeout(1);
            String address = "127.0.0.1:" + listener.getLocalPort();
            ManagedChannel nobody = ManagedChannelBuilder.forTarget("127.0.0.1:1")
                    .usePlaintext()
                    .build();
            Replicas none = Replicas.only("nobody", nobody);
            try (GrpcServices services = new GrpcServices(
                    new GrpcServices.Channels(
                            nobody, none, none, none, nobody, OwnVerifiers.of(List.of("judge.example:9300"))),
                    StreamLimits.standard())) {
                Verifier verifier = services.verifier();
                assertThatThrownBy(() -> verifier.named(KEY, address)).hasMessageContaining(address + " is none of");
                assertThatThrownBy(() -> verifier.verify(Asked.of("r", ProblemKind.EXACT, "1", "1"), address))
                        .hasMessageContaining(address + " is none of");
                assertThatThrownBy(listener::accept).isInstanceOf(SocketTimeoutException.class);
            } finally {
                nobody.shutdownNow();
            }
        }
    }
}
