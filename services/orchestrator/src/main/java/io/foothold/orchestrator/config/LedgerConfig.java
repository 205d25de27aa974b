package io.foothold.orchestrator.config;

import io.foothold.orchestrator.ledger.LedgerDatabase;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.util.Optional;

/** Where the ledger is. */
@ConfigMapping(prefix = "foothold.ledger")
public interface LedgerConfig {
    /**
     * JDBC URL: jdbc:postgresql://HOST:PORT/DATABASE, or jdbc:h2:file:PATH. With H2 a commit is on disk when it returns (WRITE_DELAY=0).
     */
    @WithDefault("jdbc:h2:file:${foothold.home:./foothold-home}/ledger;WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE")
    String url();

    /** Who connects. */
    Optional<String> username();

    /** The password. */
    Optional<String> password();

    /** Connections to it at a time. */
    @WithDefault("16")
    int connections();

    /** All of it. */
    default LedgerDatabase.Address address() {
        return new LedgerDatabase.Address(url(), username(), password(), connections());
    }
}
