package io.foothold.orchestrator.event;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.operators.multi.processors.BroadcastProcessor;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import org.eclipse.microprofile.reactive.messaging.Channel;
import org.eclipse.microprofile.reactive.messaging.Emitter;
import org.eclipse.microprofile.reactive.messaging.Incoming;
import org.eclipse.microprofile.reactive.messaging.OnOverflow;

/** Sends events to the channel {@code run-events-out} and hands on what comes from {@code run-events-in}. */
@ApplicationScoped
public class EventBus {
    private final ObjectMapper mapper = new ObjectMapper();
    private final BroadcastProcessor<RunEvent> live = BroadcastProcessor.create();

    private final Emitter<String> out;

    /** A bus over the channel. */
    @Inject
    public EventBus(
            @Channel("run-events-out") @OnOverflow(value = OnOverflow.Strategy.BUFFER, bufferSize = 4096)
                    Emitter<String> out) {
        this.out = out;
    }

    /** Sends an event. */
    public void send(RunEvent event) {
        try {
            out.send(mapper.writeValueAsString(event));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Takes an event from the channel. */
    @Incoming("run-events-in")
    public void receive(String json) {
        try {
            live.onNext(mapper.readValue(json, RunEvent.class));
        } catch (JsonProcessingException e) {
            throw new FootholdException(ErrorCode.INVALID_DATA, "an event cannot be read: " + json, e);
        }
    }

    /** Events from now on; a slow reader misses some, it can read them from the ledger. */
    public Multi<RunEvent> live() {
        return live.onOverflow().drop();
    }
}
