package io.foothold.orchestrator.event;

/**
 * Something that happened in a run.
 *
 * @param runId the run
 * @param number its number in the run, from 1
 * @param kind run_started, prepared, group_dropped, update_done, evaluation_done, policy_published, localizer_fallback,
 *     checkpoint_damaged, machine_changed, warning, alarm, run_ended
 * @param json details as one JSON object
 */
public record RunEvent(String runId, long number, String kind, String json) {}
