package io.foothold.orchestrator.ledger;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** The table of runs, and that of their events. */
final class RunTable {
    private static final String COLUMNS = "select id, settings, state, update_done, updates, reason from run ";

    private RunTable() {}

    static void create(Connection c, String id, String settings, long updates, Instant now) throws SQLException {
        Sql.execute(
                c,
                "insert into run (id, settings, state, update_done, updates, reason, created_at)"
                        + " values (?, ?, 'created', 0, ?, '', ?)",
                id,
                settings,
                updates,
                Timestamp.from(now));
    }

    static void settings(Connection c, String id, String settings) throws SQLException {
        Sql.execute(c, "update run set settings = ? where id = ?", settings, id);
    }

    static void state(Connection c, String id, String state, String reason) throws SQLException {
        Sql.execute(c, "update run set state = ?, reason = ? where id = ?", state, Sql.cut(reason, 4000), id);
    }

    static void updateDone(Connection c, String id, long update) throws SQLException {
        Sql.execute(c, "update run set update_done = ? where id = ?", update, id);
    }

    static List<Ledger.RunRow> all(Connection c) throws SQLException {
        return Sql.rows(c, RunTable::row, COLUMNS + "order by created_at desc");
    }

    static Optional<Ledger.RunRow> one(Connection c, String id) throws SQLException {
        return Sql.rows(c, RunTable::row, COLUMNS + "where id = ?", id).stream().findFirst();
    }

    private static Ledger.RunRow row(ResultSet r) throws SQLException {
        return new Ledger.RunRow(
                r.getString(1), r.getString(2), r.getString(3), r.getLong(4), r.getLong(5), r.getString(6));
    }

    static void addEvent(Connection c, String runId, Ledger.EventRow event) throws SQLException {
        Sql.execute(
                c,
                "insert into event (run_id, number, kind, json) values (?, ?, ?, ?)",
                runId,
                event.number(),
                event.kind(),
                event.json());
    }

    static List<Ledger.EventRow> events(Connection c, String runId, long from) throws SQLException {
        return Sql.rows(
                c,
                r -> new Ledger.EventRow(r.getLong(1), r.getString(2), r.getString(3)),
                "select number, kind, json from event where run_id = ? and number >= ? order by number",
                runId,
                from);
    }
}
