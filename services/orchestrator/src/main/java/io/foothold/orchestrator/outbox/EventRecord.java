package io.foothold.orchestrator.outbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.orchestrator.event.RunEvent;
import java.nio.charset.StandardCharsets;

/**
 * An event as others read it: one JSON object, see docs/events.md.
 *
 * @param key the run's id: what has the same key stays in order
 * @param atMillis when it happened, milliseconds since the epoch
 * @param value the object as UTF-8
 */
record EventRecord(String key, long atMillis, byte[] value) {
    /** Grows when a field changes its meaning or goes; one that comes leaves it. */
    static final int SCHEMA = 1;

    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** All of an event. */
    static EventRecord of(RunEvent event) {
        ObjectNode details = event.details();
        long at = details.path("at_millis").asLong();
        details.remove("at_millis");
        ObjectNode out = head(event, at);
        out.set("details", details);
        return record(event, at, out);
    }

    /** An event whose details are larger than the broker takes: it says how large they are. */
    static EventRecord withoutDetails(RunEvent event) {
        long at = event.details().path("at_millis").asLong();
        ObjectNode out = head(event, at);
        out.put("omitted_bytes", event.json().getBytes(StandardCharsets.UTF_8).length);
        return record(event, at, out);
    }

    private static ObjectNode head(RunEvent event, long at) {
        return MAPPER.createObjectNode()
                .put("schema", SCHEMA)
                .put("run", event.runId())
                .put("number", event.number())
                .put("kind", event.kind())
                .put("at_millis", at);
    }

    private static EventRecord record(RunEvent event, long at, JsonNode out) {
        return new EventRecord(event.runId(), at, out.toString().getBytes(StandardCharsets.UTF_8));
    }
}
