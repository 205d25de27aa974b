package io.foothold.orchestrator.ledger;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;

/**
 * The table of leases. Whoever writes for a run locks its row until the commit, and so does who takes the run over: of the two one comes first,
 * and a former owner's write that comes second is refused.
 */
final class LeaseTable {
    private static final String COLUMNS = "select run_id, owner, token, beat, learner from run_lease ";

    private LeaseTable() {}

    static void create(Connection c, String runId) throws SQLException {
        Sql.execute(c, "insert into run_lease (run_id, owner, token, beat, wish) values (?, '', -1, 0, '')", runId);
    }

    /** What is there of all runs that somebody has or that use a learner. */
    static List<Lease.Seen> held(Connection c) throws SQLException {
        return Sql.rows(c, LeaseTable::seen, COLUMNS + "where owner <> '' or learner is not null order by run_id");
    }

    private static Lease.Seen seen(java.sql.ResultSet r) throws SQLException {
        String learner = r.getString(5);
        return new Lease.Seen(
                r.getString(1), r.getString(2), r.getLong(3), r.getLong(4), learner == null ? "" : learner);
    }

    /** Takes a run that nobody has, or that its owner has still as it was seen; empty when another was first or the learner is taken. */
    static Optional<Lease> claim(Connection c, String runId, String owner, String learner, Optional<Lease.Seen> dead)
            throws SQLException {
        Lease.Seen now = Sql.rows(c, LeaseTable::seen, COLUMNS + "where run_id = ? for update", runId).stream()
                .findFirst()
                .orElseThrow(() -> new FootholdException(ErrorCode.NOT_FOUND, "there is no run '" + runId + "'"));
        boolean free = now.owner().isEmpty()
                || dead.filter(d -> d.token() == now.token() && d.beat() == now.beat())
                        .isPresent();
        if (!free || taken(c, runId, learner)) {
            return Optional.empty();
        }
        Lease out = new Lease(runId, owner, now.token() + 1);
        Sql.execute(
                c,
                "update run_lease set owner = ?, token = ?, beat = 0, wish = '', learner = ? where run_id = ?",
                owner,
                out.token(),
                learner,
                runId);
        RunTable.state(c, runId, "running", "");
        return Optional.of(out);
    }

    /** Whether nobody has a run; locks its row. */
    static boolean free(Connection c, String runId) throws SQLException {
        return "".equals(Sql.one(c, "select owner from run_lease where run_id = ? for update", runId));
    }

    /** Whether another run uses the learner. One that is over and did not give it back does no more. */
    private static boolean taken(Connection c, String runId, String learner) throws SQLException {
        String other = Sql.one(c, "select run_id from run_lease where learner = ? and run_id <> ?", learner, runId);
        if (other == null) {
            return false;
        }
        if ("running".equals(Sql.one(c, "select state from run where id = ?", other))) {
            return true;
        }
        Sql.execute(c, "update run_lease set learner = null where run_id = ?", other);
        return false;
    }

    /** Locks the row until the commit. */
    static void check(Connection c, Lease lease) throws SQLException {
        Lease.Seen now = Sql.rows(c, LeaseTable::seen, COLUMNS + "where run_id = ? for update", lease.runId()).stream()
                .findFirst()
                .orElseThrow(() -> lost(lease, "nobody"));
        if (now.token() != lease.token() || !now.owner().equals(lease.owner())) {
            throw lost(lease, now.owner().isEmpty() ? "nobody" : now.owner() + " with token " + now.token());
        }
    }

    private static FootholdException lost(Lease lease, String now) {
        return new FootholdException(
                ErrorCode.WRONG_STATE,
                "run " + lease.runId() + " is no longer of " + lease.owner() + " with token " + lease.token()
                        + ": it belongs to " + now);
    }

    /** Moves the beat on, behind a check; gives what somebody wants of the owner, empty for nothing. */
    static String renew(Connection c, Lease lease) throws SQLException {
        Sql.execute(c, "update run_lease set beat = beat + 1 where run_id = ?", lease.runId());
        String wish = Sql.one(c, "select wish from run_lease where run_id = ?", lease.runId());
        return wish == null ? "" : wish;
    }

    /** Behind a check. */
    static void release(Connection c, Lease lease) throws SQLException {
        Sql.execute(c, "update run_lease set owner = '', wish = '', learner = null where run_id = ?", lease.runId());
    }

    /** Gives how many there were: none when nobody has the run. */
    static int wish(Connection c, String runId, String wish) throws SQLException {
        return Sql.execute(c, "update run_lease set wish = ? where run_id = ? and owner <> ''", wish, runId);
    }

    static void forgetOwners(Connection c) throws SQLException {
        Sql.execute(c, "update run_lease set owner = '', wish = '', learner = null");
    }
}
