package io.foothold.orchestrator.ledger;

import io.foothold.core.ledger.RolloutState;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The table of rollouts. A row begins as reserved, and every statement that takes it further looks at the state that is there: a step that
 * {@link RolloutState} does not have is refused, and with it the write.
 */
final class RolloutTable {
    private static final String STATE = "select state from rollout where id = ? for update";

    private RolloutTable() {}

    static void reserve(Connection c, String runId, Ledger.Group group, List<String> ids) throws SQLException {
        try (PreparedStatement s =
                c.prepareStatement("insert into rollout (id, run_id, group_id, purpose, problem_id, start_kind, state,"
                        + " reason, verdict, reward, tokens) values (?, ?, ?, ?, ?, ?, ?, '', '', 0, 0)")) {
            for (String id : ids) {
                Sql.bind(
                        s,
                        id,
                        runId,
                        group.id(),
                        group.purpose(),
                        group.problem(),
                        group.start(),
                        RolloutState.RESERVED.name());
                s.addBatch();
            }
            s.executeBatch();
        }
    }

    static void record(Connection c, List<Ledger.Outcome> outcomes) throws SQLException {
        try (PreparedStatement read = c.prepareStatement(STATE);
                PreparedStatement update = c.prepareStatement(
                        "update rollout set state = ?, verdict = ?, reward = ?, tokens = ?, reason = ? where id = ?")) {
            for (Ledger.Outcome o : outcomes) {
                RolloutState to = stateOf(read, o.rolloutId()).through(o.rolloutId(), o.steps());
                Sql.bind(
                        update,
                        to.name(),
                        o.verdict(),
                        o.reward(),
                        o.tokens(),
                        Sql.cut(o.reason(), 1000),
                        o.rolloutId());
                update.addBatch();
            }
            update.executeBatch();
        }
    }

    /** Takes rollouts one step further. */
    static void step(Connection c, List<String> ids, RolloutState to) throws SQLException {
        step(c, "update rollout set state = ? where id = ?", ids, to);
    }

    /** Takes rollouts into an update. */
    static void admit(Connection c, List<String> ids, long updateNumber) throws SQLException {
        step(
                c,
                "update rollout set state = ?, update_number = ? where id = ?",
                ids,
                RolloutState.ADMITTED,
                updateNumber);
    }

    /**
     * The same.
     *
     * @param sql of one rollout: its state, what else is set, its id
     */
    private static void step(Connection c, String sql, List<String> ids, RolloutState to, Object... further)
            throws SQLException {
        try (PreparedStatement read = c.prepareStatement(STATE);
                PreparedStatement update = c.prepareStatement(sql)) {
            for (String id : ids) {
                stateOf(read, id).checkStep(id, to);
                List<Object> values = new ArrayList<>(List.of(to.name()));
                values.addAll(List.of(further));
                values.add(id);
                Sql.bind(update, values.toArray());
                update.addBatch();
            }
            update.executeBatch();
        }
    }

    private static RolloutState stateOf(PreparedStatement read, String id) throws SQLException {
        Sql.bind(read, id);
        try (ResultSet r = read.executeQuery()) {
            if (!r.next()) {
                throw new IllegalStateException("rollout " + id + " was never reserved");
            }
            return RolloutState.valueOf(r.getString(1));
        }
    }

    /** Gives how many there were. */
    static int dropUnfinished(Connection c, String runId, String reason) throws SQLException {
        return Sql.execute(
                c,
                "update rollout set state = 'DROPPED', reason = ? where run_id = ? and state in ('RESERVED',"
                        + " 'SAMPLED', 'VERIFIED')",
                reason,
                runId);
    }

    static Map<String, Long> byPurpose(Connection c, String runId) throws SQLException {
        return counts(
                c, "select purpose, count(*) from rollout where run_id = ? group by purpose order by purpose", runId);
    }

    static Map<String, Long> tokensByUse(Connection c, String runId) throws SQLException {
        return counts(
                c,
                "select case when state = 'CONSUMED' then reason else purpose end as served, sum(tokens) from rollout "
                        + "where run_id = ? group by served order by served",
                runId);
    }

    private static Map<String, Long> counts(Connection c, String sql, String runId) throws SQLException {
        Map<String, Long> out = new LinkedHashMap<>();
        Sql.rows(c, r -> Map.entry(r.getString(1), r.getLong(2)), sql, runId)
                .forEach(e -> out.put(e.getKey(), e.getValue()));
        return out;
    }

    static Map<String, RolloutState> states(Connection c, String runId) throws SQLException {
        Map<String, RolloutState> out = new LinkedHashMap<>();
        Sql.rows(
                        c,
                        r -> Map.entry(r.getString(1), RolloutState.valueOf(r.getString(2))),
                        "select id, state from rollout where run_id = ?",
                        runId)
                .forEach(e -> out.put(e.getKey(), e.getValue()));
        return out;
    }
}
