package io.foothold.orchestrator.remote;

import java.time.Duration;

/** Is told while a run waits for a service that is away. Called by any thread; must not block for long. */
public interface Waits {
    /** Nobody listens. */
    Waits SILENT = new Waits() {
        @Override
        public void lost(String service, String reason) {}

        @Override
        public void found(String service, Duration after) {}
    };

    /**
     * A call failed and is repeated.
     *
     * @param service name and address
     */
    void lost(String service, String reason);

    /** A call that was repeated got its answer. */
    void found(String service, Duration after);
}
