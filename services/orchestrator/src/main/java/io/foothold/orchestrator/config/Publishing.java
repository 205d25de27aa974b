package io.foothold.orchestrator.config;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.outbox.KafkaSettings;
import io.foothold.orchestrator.outbox.KafkaTopic;
import io.foothold.orchestrator.outbox.Outbox;
import io.micrometer.core.instrument.MeterRegistry;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Optional;
import org.jboss.logging.Logger;

/** Events in Kafka, where it is configured; without it nothing of Kafka is begun. */
@ApplicationScoped
public class Publishing {
    private static final Logger LOG = Logger.getLogger(Publishing.class);

    private final EventsConfig config;
    private final MeterRegistry metrics;

    /** Configured by the container. */
    @Inject
    public Publishing(EventsConfig config, MeterRegistry metrics) {
        this.config = config;
        this.metrics = metrics;
    }

    /**
     * What is configured.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} when that cannot be
     */
    Optional<KafkaSettings> settings() {
        if (config.bootstrapServers().isEmpty() && config.clientProperties().isPresent()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "foothold.events.kafka.client-properties is set and foothold.events.kafka.bootstrap-servers is not");
        }
        return config.bootstrapServers()
                .map(servers -> KafkaSettings.of(
                        servers, config.topic(), config.clientProperties().map(Path::of)));
    }

    /**
     * Begins to bring events to their topic.
     *
     * @param shared whether other processes may have the same ledger
     */
    Optional<Outbox> open(LedgerStore ledger, boolean shared) {
        return settings().map(kafka -> {
            LOG.infof("events of runs go to the topic %s of Kafka at %s", kafka.topic(), kafka.told());
            return new Outbox(
                    ledger.cursors(),
                    new KafkaTopic(kafka),
                    shared,
                    Outbox.Pace.standard(),
                    InstantSource.system(),
                    metrics);
        });
    }
}
