package io.foothold.orchestrator.outbox;

import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.event.RunEvent;
import java.util.concurrent.CompletableFuture;

/** Where events are brought to. */
public interface EventTopic extends AutoCloseable {
    /** The kind of what takes them, as metrics and logs call it. */
    String kind();

    /** Its name, at most 249 characters, by which the ledger knows how far events have come there. */
    String name();

    /**
     * Brings an event there; what comes back is done once the event is safe, or failed with a {@link FootholdException} whose text names
     * the setting to look at. May wait some seconds, which an interrupt ends.
     */
    CompletableFuture<Void> send(RunEvent event);

    /** Gives up what is under way. */
    @Override
    void close();
}
