package io.foothold.orchestrator.ledger;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.List;
import java.util.Optional;

/** Tells a database that is away, and may come back, from one that refuses. SQLSTATE classes: PostgreSQL's appendix A. */
final class Outage {
    /**
     * Connections (08), shutting down or starting up (57P), no room or no connections (53), a transaction that others were in the way
     * of (40) or that did not get a row (55P03), one that was idle for too long because the process stood still (25P03), a server that is a
     * replica for the moment (25006).
     */
    private static final List<String> PASSING = List.of("08", "57P", "53", "40", "55P03", "25P03", "25006");

    /** Who we are (28), which database (3D), rights and syntax (42): nothing that waiting mends. */
    private static final List<String> LASTING = List.of("28", "3D", "42");

    private Outage() {}

    /**
     * Whether the same transaction can succeed later.
     *
     * @param connecting whether there was no connection yet: then all that fails is the way there, unless we are refused
     */
    static boolean passes(Throwable failure, boolean connecting) {
        Optional<SQLException> sql = sql(failure);
        for (Throwable t = failure; t != null; t = t.getCause()) {
            if (t instanceof SQLTransientConnectionException || t instanceof SQLException e && begins(e, PASSING)) {
                return true;
            }
            if (t instanceof SQLException e && begins(e, LASTING)) {
                return false;
            }
        }
        return connecting && sql.isPresent();
    }

    private static boolean begins(SQLException e, List<String> classes) {
        String state = e.getSQLState();
        return state != null && classes.stream().anyMatch(state::startsWith);
    }

    /** The innermost failure of the database. */
    static Optional<SQLException> sql(Throwable failure) {
        Optional<SQLException> out = Optional.empty();
        for (Throwable t = failure; t != null; t = t.getCause()) {
            if (t instanceof SQLException e) {
                out = Optional.of(e);
            }
        }
        return out;
    }

    /** It is away, with the setting that says where it should be. */
    static FootholdException told(String database, Throwable why) {
        return new FootholdException(
                ErrorCode.PEER_UNAVAILABLE,
                "the ledger's database " + database + " (foothold.ledger.url) cannot be reached: "
                        + sql(why).map(Throwable::getMessage).orElse(why.getMessage()),
                why);
    }
}
