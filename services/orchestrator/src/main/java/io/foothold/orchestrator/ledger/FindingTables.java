package io.foothold.orchestrator.ledger;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The tables of what a run found out: searched prefixes, results of preparation, evaluations. */
final class FindingTables {
    private FindingTables() {}

    static void savePrefix(Connection c, String runId, String problemId, int thoughts, boolean fallback)
            throws SQLException {
        Sql.execute(
                c,
                "merge into searched_prefix (run_id, problem_id, prefix_thoughts, fallback) key (run_id, problem_id)"
                        + " values (?, ?, ?, ?)",
                runId,
                problemId,
                thoughts,
                fallback);
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
        Sql.execute(
                c,
                "merge into preparation (run_id, name, json) key (run_id, name) values (?, ?, ?)",
                runId,
                name,
                json);
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
        Sql.execute(
                c,
                "merge into evaluation (run_id, update_number, set_name, json) key (run_id, update_number, set_name)"
                        + " values (?, ?, ?, ?)",
                runId,
                update,
                set,
                json);
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
