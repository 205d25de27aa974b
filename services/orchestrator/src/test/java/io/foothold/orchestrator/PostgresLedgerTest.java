package io.foothold.orchestrator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.postgresql.PostgresServer;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.ledger.LedgerDatabase;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.remote.WaitClock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.ObjIntConsumer;
import javax.sql.DataSource;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** All that the ledger does, in a real PostgreSQL. */
class PostgresLedgerTest extends LedgerStoreTest {
    private String url = "";

    @BeforeEach
    void create() {
        url = PostgresServer.shared().database();
    }

    @Override
    LedgerDatabase.Address address() {
        return new LedgerDatabase.Address(
                url, Optional.of(PostgresServer.USER), Optional.of(PostgresServer.PASSWORD), 4);
    }

    @Override
    LedgerStore open(DataSource source, ObjIntConsumer<RolloutState> told) {
        return new LedgerStore(source, "test", Duration.ofSeconds(10), WaitClock.system(), () -> Instant.EPOCH, told);
    }

    private void assertRefused(LedgerDatabase.Address address, ErrorCode code, String text) {
        assertThatThrownBy(() -> LedgerDatabase.open(address))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(code))
                .hasMessageContaining(text)
                .hasMessageContaining("foothold.ledger.url");
    }

    @Test
    void whoRefusesUsIsToldFromWhoIsAway() {
        Optional<String> user = Optional.of(PostgresServer.USER);
        Optional<String> password = Optional.of(PostgresServer.PASSWORD);
        assertRefused(
                new LedgerDatabase.Address(url, user, Optional.of("wrong-one"), 2),
                ErrorCode.STORAGE,
                "password authentication failed");
        assertRefused(new LedgerDatabase.Address(url + "x", user, password, 2), ErrorCode.STORAGE, "does not exist");
        assertRefused(
                new LedgerDatabase.Address("jdbc:postgresql://127.0.0.1:1/x", user, password, 2),
                ErrorCode.PEER_UNAVAILABLE,
                "jdbc:postgresql://127.0.0.1:1/x (foothold.ledger.url) cannot be reached");
        assertRefused(
                new LedgerDatabase.Address("jdbc:postgresql://no-such-host.invalid/x", user, password, 2),
                ErrorCode.PEER_UNAVAILABLE,
                "no-such-host.invalid");
        assertRefused(
                new LedgerDatabase.Address(url + "?ssl=true&sslmode=require", user, password, 2),
                ErrorCode.PEER_UNAVAILABLE,
                "SSL");
    }

    @Test
    void aPasswordIsNeverTold() {
        LedgerDatabase.Address address = new LedgerDatabase.Address(
                "jdbc:postgresql://u:s3cret@h/db?user=u&password=s3cret", Optional.of("u"), Optional.of("s3cret"), 2);
        assertThat(address.toString()).isEqualTo("jdbc:postgresql://h/db");
        assertThatThrownBy(() -> new LedgerDatabase.Address(
                        "jdbc:mysql://u:s3cret@h/db?password=s3cret", Optional.empty(), Optional.empty(), 2))
                .hasMessageContaining("'jdbc:mysql://h/db'; expected jdbc:postgresql://HOST:PORT/DATABASE")
                .hasMessageNotContaining("s3cret");
    }

    @Test
    void theSchemaIsTheSame() throws Exception {
        LedgerDatabase.Address file = super.address();
        try (LedgerDatabase here = LedgerDatabase.open(address());
                LedgerDatabase there = LedgerDatabase.open(file)) {
            assertThat(columns(here)).hasSizeGreaterThan(30).isEqualTo(columns(there));
        }
    }
}
