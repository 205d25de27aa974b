package io.foothold.orchestrator.ledger;

import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Manifest;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Questions of people to the ledger: none of them is asked by a run, and each reads what has completed. Thread-safe. */
public final class LedgerLookup {
    /** The most rollouts that are told at a time. */
    public static final int LARGEST_PAGE = 500;

    /**
     * Where a run stands, from its events.
     *
     * @param lastUpdate details of the last update, JSON; empty before the first
     * @param lastAlarm details of the last alarm, JSON; empty where there was none
     */
    public record Standing(String lastUpdate, long warnings, String lastAlarm) {}

    /**
     * Rollouts that are at the same place for the same reason.
     *
     * @param state name of the {@link io.foothold.core.ledger.RolloutState}
     * @param reason why they were dropped, what they were consumed for; empty otherwise
     * @param tokens sampled for them
     */
    public record Count(String purpose, String state, String reason, long rollouts, long tokens) {}

    /**
     * A rollout.
     *
     * @param problem that it was to solve; empty of rollouts of earlier versions and of questions
     * @param start the glossary's word for where it began; empty where the problem is
     * @param update that it was admitted to; 0 for none, and of rollouts of earlier versions
     */
    public record Row(
            String id,
            String run,
            String group,
            String purpose,
            String state,
            String reason,
            String verdict,
            double reward,
            int tokens,
            String problem,
            String start,
            long update) {
        static Row of(ResultSet r) throws SQLException {
            return new Row(
                    r.getString(1),
                    r.getString(2),
                    r.getString(3),
                    r.getString(4),
                    r.getString(5),
                    r.getString(6),
                    r.getString(7),
                    r.getDouble(8),
                    r.getInt(9),
                    r.getString(10),
                    r.getString(11),
                    r.getLong(12));
        }
    }

    /** What rollouts may be asked for by, with the column of each. */
    public enum By {
        PURPOSE("purpose = ?"),
        STATE("state = ?"),
        VERDICT("verdict = ?"),
        START("start_kind = ?"),
        PROBLEM("problem_id = ?"),
        UPDATE("update_number = ?"),
        LEAST_TOKENS("tokens >= ?"),
        MOST_TOKENS("tokens <= ?"),
        LEAST_REWARD("reward >= ?"),
        MOST_REWARD("reward <= ?");

        private final String condition;

        By(String condition) {
            this.condition = condition;
        }
    }

    /**
     * The place behind a rollout in the order of pages.
     *
     * @param update and id of that rollout
     */
    public record Place(long update, String id) {
        /** Before the first. */
        public static final Place FIRST = new Place(Long.MAX_VALUE, "");
    }

    /**
     * What became of a problem's rollouts in an update, by where they began.
     *
     * @param judged rollouts that have a verdict of right or wrong
     */
    public record Solved(String problem, String start, long update, long judged, long passes) {}

    private static final String LAST =
            "select json from event where run_id = ? and kind = ? order by number desc fetch first 1 rows only";

    private static final String ROLLOUT =
            "select id, run_id, group_id, purpose, state, reason, verdict, reward, tokens,"
                    + " problem_id, start_kind, update_number from rollout where ";

    private final GroupCommit database;

    LedgerLookup(GroupCommit database) {
        this.database = database;
    }

    /** Where a run stands. */
    public Standing standing(String runId) {
        return database.query(c -> {
            String update = Sql.one(c, LAST, runId, "update_done");
            String alarm = Sql.one(c, LAST, runId, "alarm");
            String warnings = Sql.one(c, "select count(*) from event where run_id = ? and kind = ?", runId, "warning");
            return new Standing(
                    update == null ? "" : update,
                    warnings == null ? 0 : Long.parseLong(warnings),
                    alarm == null ? "" : alarm);
        });
    }

    /** Where the rollouts of a run are, those of which there are most first. */
    public List<Count> counts(String runId) {
        return database.query(c -> Sql.rows(
                c,
                r -> new Count(r.getString(1), r.getString(2), r.getString(3), r.getLong(4), r.getLong(5)),
                "select purpose, state, reason, count(*) as rollouts, sum(tokens) from rollout where run_id = ?"
                        + " group by purpose, state, reason order by rollouts desc, purpose, state, reason",
                runId));
    }

    /**
     * Rollouts of a run, those of the last update first, then by their ids backwards.
     *
     * @param wanted values by what is asked for, all of which must hold
     * @param behind where the page begins
     * @param most at least 1, at most {@link #LARGEST_PAGE}
     */
    public List<Row> rollouts(String runId, Map<By, Object> wanted, Place behind, int most) {
        StringBuilder sql = new StringBuilder(ROLLOUT).append("run_id = ?");
        List<Object> values = new ArrayList<>(List.of(runId));
        wanted.forEach((by, value) -> {
            sql.append(" and ").append(by.condition);
            values.add(value);
        });
        if (!behind.equals(Place.FIRST)) {
            // The first of both alone lets the index begin there.
            sql.append(" and update_number <= ? and (update_number < ? or id < ?)");
            values.addAll(List.of(behind.update(), behind.update(), behind.id()));
        }
        sql.append(" order by update_number desc, id desc fetch first ")
                .append(Math.clamp(most, 1, LARGEST_PAGE))
                .append(" rows only");
        return database.query(c -> Sql.rows(c, Row::of, sql.toString(), values.toArray()));
    }

    /** One rollout. */
    public Optional<Row> rollout(String id) {
        return database.query(c -> Sql.rows(c, Row::of, ROLLOUT + "id = ?", id)).stream()
                .findFirst();
    }

    /** Rollouts by their ids, those of them that are there. */
    public Map<String, Row> rollouts(List<String> ids) {
        Map<String, Row> out = new HashMap<>();
        for (int from = 0; from < ids.size(); from += LARGEST_PAGE) {
            List<String> some = ids.subList(from, Math.min(from + LARGEST_PAGE, ids.size()));
            String places = String.join(", ", Collections.nCopies(some.size(), "?"));
            database.query(c -> Sql.rows(c, Row::of, ROLLOUT + "id in (" + places + ")", some.toArray()))
                    .forEach(row -> out.put(row.id(), row));
        }
        return out;
    }

    /** The rollouts of a group, whose ids begin with its own. */
    public List<Row> group(String groupId) {
        // '0' comes behind '/': the range is that of ids that begin with the group's and a '/'.
        return database.query(c -> Sql.rows(
                c,
                Row::of,
                ROLLOUT + "id >= ? and id < ? and group_id = ? order by id",
                groupId + "/",
                groupId + "0",
                groupId));
    }

    /** What an update did. */
    public Optional<Manifest> manifest(String runId, long update) {
        return database.query(c -> UpdateTables.manifest(c, runId, update));
    }

    /** The groups of an update with their tokens, as long as they are kept to be trained again. */
    public List<TrainGroup> batch(String runId, long update) {
        return database.query(c -> UpdateTables.batch(c, runId, update));
    }

    /** How often each problem was solved in each update, by where the rollouts began, in the order of updates. */
    public List<Solved> solved(String runId) {
        return database.query(c -> Sql.rows(
                c,
                r -> new Solved(r.getString(1), r.getString(2), r.getLong(3), r.getLong(4), r.getLong(5)),
                "select problem_id, start_kind, update_number, count(*), sum(case when verdict = 'PASS' then 1 else 0 end)"
                        + " from rollout where run_id = ? and update_number > 0 and problem_id <> ''"
                        + " and verdict in ('PASS', 'FAIL') group by problem_id, start_kind, update_number"
                        + " order by update_number, problem_id, start_kind",
                runId));
    }

    /** Thoughts of the searched prefix by problem: i*(x). */
    public Map<String, Integer> prefixes(String runId) {
        return database.query(c -> FindingTables.prefixes(c, runId));
    }
}
