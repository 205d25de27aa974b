package io.foothold.orchestrator.ledger;

import java.util.List;

/** Questions of people to the ledger: none of them is asked by a run, and each reads what has completed. Thread-safe. */
public final class LedgerLookup {
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

    private static final String LAST =
            "select json from event where run_id = ? and kind = ? order by number desc fetch first 1 rows only";

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
}
