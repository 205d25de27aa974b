package io.foothold.verifier.grpc;

import io.foothold.verifier.answer.Canaries;
import io.foothold.verifier.config.VerifierConfig;
import io.micrometer.core.instrument.MeterRegistry;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;

/** Judges the canaries for as long as the service lives; not ready while one comes out wrong. */
@Readiness
@ApplicationScoped
public class CanaryHealth implements HealthCheck {
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("canaries").factory());
    private volatile List<String> wrong = Canaries.wrong();

    /** Begins the rounds. */
    @Inject
    public CanaryHealth(VerifierConfig config, MeterRegistry metrics) {
        metrics.gauge("foothold.canaries.wrong", this, h -> h.wrong.size());
        clock.scheduleWithFixedDelay(
                () -> wrong = Canaries.wrong(), config.canarySeconds(), config.canarySeconds(), TimeUnit.SECONDS);
    }

    @Override
    public HealthCheckResponse call() {
        return HealthCheckResponse.named("canaries")
                .status(wrong.isEmpty())
                .withData("wrong", wrong.isEmpty() ? "none" : String.join("; ", wrong))
                .build();
    }

    @PreDestroy
    void stop() {
        clock.shutdownNow();
    }
}
