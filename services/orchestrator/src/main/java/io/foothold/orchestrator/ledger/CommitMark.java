package io.foothold.orchestrator.ledger;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.UUID;
import javax.sql.DataSource;

/**
 * Tells whether a commit took effect whose answer was lost with the connection: every transaction moves a number of this process on, in a row
 * of its own. Used by one thread.
 */
final class CommitMark {
    /** SQLSTATE of a row that is there already. */
    static final String UNIQUE_VIOLATION = "23505";

    private final String writer = UUID.randomUUID().toString();
    private boolean present;

    /** Makes the row, in a transaction of its own. */
    void prepare(DataSource source) throws SQLException {
        if (present) {
            return;
        }
        try (Connection c = source.getConnection()) {
            Sql.execute(c, "insert into ledger_writer (id, commits) values (?, 0)", writer);
        } catch (SQLException e) {
            // It was made by an attempt whose answer was lost.
            if (!UNIQUE_VIOLATION.equals(e.getSQLState())) {
                throw e;
            }
        }
        present = true;
    }

    /**
     * Marks a transaction; to be its first statement.
     *
     * @param number of the transaction, greater than those before
     * @param again whether it was tried before
     * @return whether it took effect before: then nothing of it may be done again. An attempt that the database is still busy with is
     *     waited for
     */
    boolean reached(Connection c, long number, boolean again) throws SQLException {
        if (again) {
            String before = Sql.one(c, "select commits from ledger_writer where id = ? for update", writer);
            if (before != null && Long.parseLong(before) >= number) {
                return true;
            }
        }
        Sql.execute(c, "update ledger_writer set commits = ? where id = ?", number, writer);
        return false;
    }

    /** Removes the row. */
    void remove(DataSource source) throws SQLException {
        if (present) {
            try (Connection c = source.getConnection()) {
                Sql.execute(c, "delete from ledger_writer where id = ?", writer);
            }
        }
    }
}
