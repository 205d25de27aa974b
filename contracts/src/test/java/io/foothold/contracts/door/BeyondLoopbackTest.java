package io.foothold.contracts.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.vertx.core.http.HttpServerOptions;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class BeyondLoopbackTest {
    private static final String KEY = "quarkus.http.host";

    @Test
    void onLoopbackNothingIsAskedFor() {
        for (String host : List.of("127.0.0.1", "127.3.2.1", "localhost", "::1")) {
            assertThatCode(() -> BeyondLoopback.check(KEY, host, false, false, false))
                    .as(host)
                    .doesNotThrowAnyException();
        }
    }

    @Test
    void beyondItTlsAndATokenAreUnlessInsecureIsSaid() {
        for (String host : List.of("0.0.0.0", "::", "10.1.2.3", "no-such-host.invalid")) {
            assertThatThrownBy(() -> BeyondLoopback.check(KEY, host, false, false, false))
                    .as(host)
                    .hasMessageContainingAll(
                            KEY + "=" + host,
                            "foothold.tls.certificate",
                            "foothold.door.admin.file",
                            "foothold.door.insecure=true")
                    .satisfies(e -> assertThat(((FootholdException) e).code()).isEqualTo(ErrorCode.WRONG_STATE));
            assertThatThrownBy(() -> BeyondLoopback.check(KEY, host, false, true, false))
                    .hasMessageContaining("foothold.tls.certificate")
                    .hasMessageNotContaining("foothold.door.admin");
            assertThatThrownBy(() -> BeyondLoopback.check(KEY, host, true, false, false))
                    .hasMessageContaining("foothold.door.admin.file")
                    .hasMessageNotContaining("foothold.tls");
            assertThatCode(() -> BeyondLoopback.check(KEY, host, true, true, false))
                    .doesNotThrowAnyException();
            assertThatCode(() -> BeyondLoopback.check(KEY, host, false, false, true))
                    .doesNotThrowAnyException();
        }
    }

    @Test
    void theManagementPortIsAskedToo() throws Exception {
        HttpServerOptions loopback = new HttpServerOptions().setHost("127.0.0.1");
        try (Door open = new Door(new DoorSettings(), InstantSource.system())) {
            BeyondLoopback beyond =
                    new BeyondLoopback(open, new DoorSettings(), Optional.empty(), true, Optional.of("0.0.0.0"));
            assertThatThrownBy(() -> beyond.customizeHttpServer(loopback))
                    .hasMessageContaining("quarkus.management.host=0.0.0.0");
            new BeyondLoopback(open, new DoorSettings(), Optional.empty(), true, Optional.of("127.0.0.1"))
                    .customizeHttpServer(loopback);
            new BeyondLoopback(open, new DoorSettings(), Optional.empty(), false, Optional.of("0.0.0.0"))
                    .customizeHttpServer(loopback);
        }
    }
}
