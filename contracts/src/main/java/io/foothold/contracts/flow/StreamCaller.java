package io.foothold.contracts.flow;

import java.time.Duration;

/** Who has work in a credited stream. Its methods are called by any thread and must not block for long. */
@FunctionalInterface
public interface StreamCaller {
    /** Waits as long as it takes. */
    StreamCaller PATIENT = () -> {};

    /** Asked from time to time while {@link CreditedStream#submit} blocks; what it throws ends the wait, and nothing is sent. */
    void check();

    /**
     * The service went away, and work of this caller waits for it. Told once, until it is found.
     *
     * @param service the stream's name
     */
    default void lost(String service, String reason) {}

    /** The service is there again, and work of this caller still waits for it. */
    default void found(String service, Duration after) {}
}
