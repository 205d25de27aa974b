package io.foothold.orchestrator;

import io.foothold.orchestrator.ledger.LedgerSchema;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;

/** Databases of the ledger's schema in memory, each of them empty and its own. */
public final class TestDatabase {
    private TestDatabase() {}

    /** A new one. */
    public static DataSource inMemory() {
        JdbcDataSource source = new JdbcDataSource();
        source.setURL("jdbc:h2:mem:" + System.nanoTime() + ";DB_CLOSE_DELAY=-1");
        LedgerSchema.migrate(source, "a test");
        return source;
    }
}
