package io.foothold.orchestrator.event;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * Something that happened in a run.
 *
 * @param runId the run
 * @param number its number in the run, from 1
 * @param kind of what happened, see {@link Happening#kind()}
 * @param json details as one JSON object
 */
public record RunEvent(String runId, long number, String kind, String json) {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** The details, read. */
    public ObjectNode details() {
        return details(json);
    }

    /** The details of a stored event, read. */
    public static ObjectNode details(String json) {
        try {
            return (ObjectNode) MAPPER.readTree(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("an event of ours cannot be read: " + json, e);
        }
    }
}
