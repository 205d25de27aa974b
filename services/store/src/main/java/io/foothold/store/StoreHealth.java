package io.foothold.store;

import io.foothold.contracts.error.FootholdException;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.util.Optional;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;

/**
 * Whether the configured object store has answered once. A process that never reached it can do no work, so it is not ready and says why;
 * one that loses it later goes on with what it has, and would lose that work too were it taken out of service.
 */
@Readiness
@ApplicationScoped
public class StoreHealth implements HealthCheck {
    private static final String NAME = "object store";

    private final ConfiguredStore configured;
    private volatile boolean answered;

    /** Configured by the container. */
    @Inject
    public StoreHealth(ConfiguredStore configured) {
        this.configured = configured;
    }

    @Override
    public HealthCheckResponse call() {
        Optional<ArtefactStore> store = configured.store();
        if (store.isEmpty() || answered) {
            return HealthCheckResponse.up(NAME);
        }
        try {
            store.get().check();
            answered = true;
            return HealthCheckResponse.up(NAME);
        } catch (FootholdException e) {
            return HealthCheckResponse.named(NAME)
                    .down()
                    .withData("reason", e.text())
                    .build();
        }
    }
}
