package io.foothold.orchestrator.config;

import io.foothold.contracts.error.FootholdException;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.HealthCheckResponseBuilder;
import org.eclipse.microprofile.health.Readiness;

/** Not ready while the ledger's database is away: nothing that this service is for can be done then. */
@Readiness
@ApplicationScoped
public class LedgerHealth implements HealthCheck {
    private final Runs runs;

    /** Configured by the container. */
    @Inject
    public LedgerHealth(Runs runs) {
        this.runs = runs;
    }

    @Override
    public HealthCheckResponse call() {
        HealthCheckResponseBuilder out = HealthCheckResponse.named("ledger");
        try {
            runs.checkLedger();
            return out.up().build();
        } catch (FootholdException e) {
            return out.down().withData("reason", e.text()).build();
        }
    }
}
