package io.foothold.orchestrator.ledger;

/**
 * That a run belongs to one process of the orchestrator.
 *
 * @param owner name of the process; no two have the same
 * @param token grows with every owner of the run: the fencing token, without which nothing of the run is written
 */
public record Lease(String runId, String owner, long token) {
    /**
     * What other processes see of it.
     *
     * @param owner empty when nobody has the run
     * @param beat moves on as long as the owner lives
     * @param learner address of the one that the run uses, empty when it uses none
     */
    public record Seen(String runId, String owner, long token, long beat, String learner) {}
}
