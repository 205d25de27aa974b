package io.foothold.orchestrator.event;

/**
 * Something that happened in a run.
 *
 * @param runId the run
 * @param number its number in the run, from 1
 * @param kind of what happened, see {@link Happening#kind()}
 * @param json details as one JSON object
 */
public record RunEvent(String runId, long number, String kind, String json) {}
