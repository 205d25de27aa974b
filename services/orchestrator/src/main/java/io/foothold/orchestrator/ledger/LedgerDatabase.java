package io.foothold.orchestrator.ledger;

import io.agroal.api.AgroalDataSource;
import io.agroal.api.configuration.AgroalConnectionFactoryConfiguration.TransactionIsolation;
import io.agroal.api.configuration.AgroalConnectionPoolConfiguration.ConnectionValidator;
import io.agroal.api.configuration.supplier.AgroalConnectionFactoryConfigurationSupplier;
import io.agroal.api.configuration.supplier.AgroalDataSourceConfigurationSupplier;
import io.agroal.api.exceptionsorter.PostgreSQLExceptionSorter;
import io.agroal.api.security.NamePrincipal;
import io.agroal.api.security.SimplePassword;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import javax.sql.DataSource;

/**
 * The database that holds the ledger: H2 in a file of this process, or PostgreSQL that other processes write to as well. Which one it is
 * the URL says. Thread-safe.
 */
public final class LedgerDatabase implements AutoCloseable {
    private static final Duration CONNECT = Duration.ofSeconds(4);
    /** The longest that one statement may take: what comes later comes from a connection that is dead. */
    private static final Duration SILENCE = Duration.ofSeconds(60);
    /**
     * So long may a transaction of a process that stands still keep the rows that it locked, and so long does another wait for them: who takes
     * its runs over needs those rows.
     */
    private static final Duration STILL = Duration.ofSeconds(5);
    /** Connections that were idle for so long are looked at before they are used. */
    private static final Duration IDLE = Duration.ofSeconds(2);

    /**
     * Where it is, and who asks.
     *
     * @param url JDBC URL
     * @param connections how many there may be at a time
     */
    public record Address(String url, Optional<String> user, Optional<String> password, int connections) {
        private static final String H2 = "jdbc:h2:";
        private static final String POSTGRESQL = "jdbc:postgresql:";

        /** Checks that the URL is of a kind that we have a driver for. */
        public Address {
            if (!url.startsWith(H2) && !url.startsWith(POSTGRESQL)) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "foothold.ledger.url is '" + plain(url) + "'; expected jdbc:postgresql://HOST:PORT/DATABASE or"
                                + " jdbc:h2:file:PATH");
            }
        }

        /** Whether other processes can have the same database: then it can also be away for a time. */
        public boolean shared() {
            return url.startsWith(POSTGRESQL);
        }

        /** The URL as it may be told: what follows the name may hold a password. */
        public String told() {
            return plain(url);
        }

        private static String plain(String url) {
            return url.replaceFirst("[?;].*$", "").replaceFirst("//[^/@]*@", "//");
        }

        /** Shows no password. */
        @Override
        public String toString() {
            return told();
        }
    }

    private final Address address;
    private final AgroalDataSource source;

    private LedgerDatabase(Address address, AgroalDataSource source) {
        this.address = address;
        this.source = source;
    }

    /**
     * Connects and brings the schema to this version.
     *
     * @throws FootholdException {@link ErrorCode#PEER_UNAVAILABLE} when it is away and may come back; {@link ErrorCode#WRONG_STATE} when a newer
     *     version of ours made its schema; {@link ErrorCode#STORAGE} when it refuses us or holds a file that another process has
     */
    public static LedgerDatabase open(Address address) {
        AgroalDataSource source;
        try {
            source = AgroalDataSource.from(
                    new AgroalDataSourceConfigurationSupplier().connectionPoolConfiguration(pool -> pool.minSize(1)
                            .maxSize(address.connections())
                            .acquisitionTimeout(address.shared() ? CONNECT.plusSeconds(1) : SILENCE)
                            .idleValidationTimeout(IDLE)
                            .connectionValidator(ConnectionValidator.defaultValidator())
                            .exceptionSorter(new PostgreSQLExceptionSorter())
                            .connectionFactoryConfiguration(c -> connections(c, address))));
        } catch (SQLException e) {
            throw refused(address, e);
        }
        try {
            LedgerSchema.migrate(source, address.told());
            return new LedgerDatabase(address, source);
        } catch (RuntimeException e) {
            source.close();
            throw Outage.sql(e).map(sql -> refused(address, sql)).orElse(FootholdException.of(e));
        }
    }

    private static AgroalConnectionFactoryConfigurationSupplier connections(
            AgroalConnectionFactoryConfigurationSupplier c, Address address) {
        c.jdbcUrl(address.url()).jdbcTransactionIsolation(TransactionIsolation.READ_COMMITTED);
        if (address.shared()) {
            // What the URL says wins over these.
            c.connectionProviderClass(org.postgresql.Driver.class)
                    .jdbcProperty("ApplicationName", "foothold-orchestrator")
                    .jdbcProperty("connectTimeout", Long.toString(CONNECT.toSeconds()))
                    .jdbcProperty("loginTimeout", Long.toString(CONNECT.toSeconds()))
                    .jdbcProperty("socketTimeout", Long.toString(SILENCE.toSeconds()))
                    .jdbcProperty("tcpKeepAlive", "true")
                    .jdbcProperty(
                            "options",
                            "-c idle_in_transaction_session_timeout=" + STILL.toMillis() + " -c lock_timeout="
                                    + STILL.multipliedBy(2).toMillis())
                    .jdbcProperty("reWriteBatchedInserts", "true");
        } else {
            c.connectionProviderClass(org.h2.Driver.class);
        }
        address.user().ifPresent(user -> c.principal(new NamePrincipal(user)));
        address.password().ifPresent(password -> c.credential(new SimplePassword(password)));
        return c;
    }

    private static FootholdException refused(Address address, SQLException e) {
        if (address.shared() && Outage.passes(e, true)) {
            return Outage.told(address.told(), e);
        }
        String known = e.getErrorCode() == org.h2.api.ErrorCode.DATABASE_ALREADY_OPEN_1
                ? "another process has it open, and a file has one at a time: "
                : "";
        return new FootholdException(
                ErrorCode.STORAGE,
                "the ledger in " + address.told() + " cannot be opened (foothold.ledger.url, .username, .password): "
                        + known + e.getMessage(),
                e);
    }

    /** Where it is. */
    public Address address() {
        return address;
    }

    /** Its connections. */
    public DataSource source() {
        return source;
    }

    /** Closes every connection. */
    @Override
    public void close() {
        source.close();
    }
}
