package io.foothold.orchestrator.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.net.InetAddress;
import java.net.ServerSocket;
import org.junit.jupiter.api.Test;

/** Addresses that people write. */
class PeerAddressTest {
    @Test
    void whatIsNoAddressIsRefusedWithItsKeyAndTheExpectedForm() {
        for (String wrong : new String[] {
            "localhost",
            "localhost:",
            ":9300",
            "localhost:99999",
            "localhost:0",
            "localhost:-1",
            "localhost:x",
            "::1:9300",
            "",
            "http://localhost:9300",
            "localhost:9300/x",
            "a b:"
        }) {
            assertThatThrownBy(() -> PeerAddress.parse("verification.servers.exact", wrong))
                    .as(wrong)
                    .isInstanceOfSatisfying(
                            FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_INPUT))
                    .hasMessage("verification.servers.exact: '" + wrong
                            + "' is no address (expected HOST:PORT with a port from 1 to 65535)");
        }
    }

    @Test
    void addressesAreReadAndPrintedAlike() {
        for (String right : new String[] {"localhost:1", "127.0.0.1:65535", "[::1]:9300", "verifier.my-team.svc:443"}) {
            assertThat(PeerAddress.parse("k", right)).hasToString(right);
        }
    }

    @Test
    void anAddressThatLeadsNowhereIsNamedWithWhatIsWrong() throws Exception {
        int closed;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            closed = socket.getLocalPort();
            new PeerAddress("127.0.0.1", closed).reach("k");
        }
        assertThatThrownBy(() -> new PeerAddress("127.0.0.1", closed).reach("k"))
                .hasMessageContaining("k: 127.0.0.1:" + closed + " cannot be reached: ")
                .hasMessageContaining("refused");
        assertThatThrownBy(() -> new PeerAddress("no-such-host.invalid", 9300).reach("k"))
                .hasMessageContaining("k: no-such-host.invalid:9300 cannot be reached: there is no host of that name");
    }
}
