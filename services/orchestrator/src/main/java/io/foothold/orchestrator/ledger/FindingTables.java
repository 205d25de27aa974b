package io.foothold.orchestrator.ledger;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The tables of what a run found out: searched prefixes, results of preparation, evaluations. What is there already is replaced, by an update
 * and an insert where it found nothing: no statement that does both is common to the databases, and a run has one writer.
 */
final class FindingTables {
    private FindingTables() {}

    static void savePrefix(Connection c, String runId, String problemId, int thoughts, boolean fallback)
            throws SQLException {
        int there = Sql.execute(
                c,
                "update searched_prefix set prefix_thoughts = ?, fallback = ? where run_id = ? and problem_id = ?",
                thoughts,
                fallback,
                runId,
                problemId);
        if (there == 0) {
            Sql.execute(
                    c,
                    "insert into searched_prefix (prefix_thoughts, fallback, run_id, problem_id) values (?, ?, ?, ?)",
                    thoughts,
                    fallback,
                    runId,
                    problemId);
        }
    }

    static Map<String, Integer> prefixes(Connection c, String runId) throws SQLException {
        Map<String, Integer> out = new LinkedHashMap<>();
        Sql.rows(
                        c,
                        r -> Map.entry(r.getString(1), r.getInt(2)),
                        "select problem_id, prefix_thoughts from searched_prefix where run_id = ? order by problem_id",
                        runId)
                .forEach(e -> out.put(e.getKey(), e.getValue()));
        return out;
    }

    static void savePreparation(Connection c, String runId, String name, String json) throws SQLException {
        int there = Sql.execute(c, "update preparation set json = ? where run_id = ? and name = ?", json, runId, name);
        if (there == 0) {
            Sql.execute(c, "insert into preparation (json, run_id, name) values (?, ?, ?)", json, runId, name);
        }
    }

    static void forgetPrepared(Connection c, String runId) throws SQLException {
        Sql.execute(c, "delete from preparation where run_id = ? and name in ('hard_set', 'prefix_search')", runId);
        Sql.execute(c, "delete from searched_prefix where run_id = ?", runId);
    }

    static Optional<String> preparation(Connection c, String runId, String name) throws SQLException {
        return Optional.ofNullable(
                Sql.one(c, "select json from preparation where run_id = ? and name = ?", runId, name));
    }

    static void saveEvaluation(Connection c, String runId, long update, String set, String json) throws SQLException {
        int there = Sql.execute(
                c,
                "update evaluation set json = ? where run_id = ? and update_number = ? and set_name = ?",
                json,
                runId,
                update,
                set);
        if (there == 0) {
            Sql.execute(
                    c,
                    "insert into evaluation (json, run_id, update_number, set_name) values (?, ?, ?, ?)",
                    json,
                    runId,
                    update,
                    set);
        }
    }

    static boolean evaluated(Connection c, String runId, long update, String set) throws SQLException {
        return Sql.one(
                        c,
                        "select '1' from evaluation where run_id = ? and update_number = ? and set_name = ?",
                        runId,
                        update,
                        set)
                != null;
    }

    static List<String> evaluations(Connection c, String runId) throws SQLException {
        return Sql.rows(
                c,
                r -> r.getString(1),
                "select json from evaluation where run_id = ? order by update_number, set_name",
                runId);
    }
}
