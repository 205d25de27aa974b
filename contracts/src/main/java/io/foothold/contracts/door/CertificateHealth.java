package io.foothold.contracts.door;

import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Instant;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;

/** A service whose certificate peers would refuse is not ready, and says which setting is to blame. */
@Readiness
@ApplicationScoped
public class CertificateHealth implements HealthCheck {
    private final Identity identity;

    /** Configured by the container. */
    @Inject
    public CertificateHealth(Identity identity) {
        this.identity = identity;
    }

    @Override
    public HealthCheckResponse call() {
        return identity.trouble(Instant.now())
                .map(why -> HealthCheckResponse.named("certificate")
                        .down()
                        .withData("reason", why)
                        .build())
                .orElseGet(() -> HealthCheckResponse.up("certificate"));
    }
}
