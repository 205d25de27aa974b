package io.foothold.orchestrator.remote;

import java.util.UUID;

/**
 * A process that has a run, towards those who serve one at a time.
 *
 * @param incarnation how often the run was resumed; the later one wins
 * @param token tells processes of one incarnation apart
 */
public record Holder(String runId, long incarnation, String token) {
    /** This process. */
    public static Holder of(String runId, long incarnation) {
        return new Holder(runId, incarnation, UUID.randomUUID().toString());
    }
}
