package io.foothold.verifier.grpc;

import io.foothold.contracts.metric.Metric;
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
import org.jboss.logging.Logger;

/** Judges the canaries for as long as the service lives; not ready while one comes out wrong. */
@Readiness
@ApplicationScoped
public class CanaryHealth implements HealthCheck {
    private static final Logger LOG = Logger.getLogger(CanaryHealth.class);

    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("canaries").factory());
    private volatile List<String> wrong = Canaries.wrong();

    /** Begins the rounds. */
    @Inject
    public CanaryHealth(VerifierConfig config, MeterRegistry metrics) {
        tell(List.of(), wrong);
        Metric.CANARIES_WRONG.gauge(metrics, this, h -> h.wrong.size());
        clock.scheduleWithFixedDelay(this::judge, config.canarySeconds(), config.canarySeconds(), TimeUnit.SECONDS);
    }

    private void judge() {
        List<String> before = wrong;
        List<String> now = Canaries.wrong();
        wrong = now;
        tell(before, now);
    }

    /** One line when they begin to come out wrong and when they are right again. */
    private static void tell(List<String> before, List<String> now) {
        if (before.isEmpty() && !now.isEmpty()) {
            LOG.errorf("not ready: canaries come out wrong: %s", now);
        } else if (!before.isEmpty() && now.isEmpty()) {
            LOG.info("ready again: every canary comes out right");
        }
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
