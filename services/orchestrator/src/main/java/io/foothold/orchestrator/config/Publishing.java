package io.foothold.orchestrator.config;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.outbox.EventTopic;
import io.foothold.orchestrator.outbox.KafkaSettings;
import io.foothold.orchestrator.outbox.KafkaTopic;
import io.foothold.orchestrator.outbox.MlflowSettings;
import io.foothold.orchestrator.outbox.MlflowTopic;
import io.foothold.orchestrator.outbox.Outbox;
import io.micrometer.core.instrument.MeterRegistry;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jboss.logging.Logger;

/** Events in Kafka and MLflow, where these are configured; without it nothing of them is begun. */
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
     * Whether anything is configured.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} when that cannot be
     */
    boolean configured() {
        return kafka().isPresent() | mlflow().isPresent();
    }

    private Optional<KafkaSettings> kafka() {
        EventsConfig.Kafka kafka = config.kafka();
        with(
                "foothold.events.kafka.client-properties",
                kafka.clientProperties(),
                kafka.bootstrapServers(),
                "kafka.bootstrap-servers");
        return kafka.bootstrapServers()
                .map(servers -> KafkaSettings.of(
                        servers, kafka.topic(), kafka.clientProperties().map(Path::of)));
    }

    private Optional<MlflowSettings> mlflow() {
        EventsConfig.Mlflow mlflow = config.mlflow();
        with("foothold.events.mlflow.secret-file", mlflow.secretFile(), mlflow.uri(), "mlflow.uri");
        return mlflow.uri()
                .map(uri -> MlflowSettings.of(
                        uri, mlflow.experiment(), mlflow.secretFile().map(Path::of)));
    }

    private static void with(String key, Optional<?> set, Optional<?> needed, String missing) {
        if (set.isPresent() && needed.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, key + " is set and foothold.events." + missing + " is not");
        }
    }

    /**
     * Begins to bring events there.
     *
     * @param shared whether other processes may have the same ledger
     * @param homes directories of runs by their ids
     */
    List<Outbox> open(LedgerStore ledger, boolean shared, Function<String, Path> homes) {
        List<Outbox> out = new ArrayList<>();
        kafka().ifPresent(kafka -> {
            LOG.infof("events of runs go to the topic %s of Kafka at %s", kafka.topic(), kafka.told());
            out.add(outbox(ledger, new KafkaTopic(kafka), shared));
        });
        mlflow().ifPresent(mlflow -> {
            LOG.infof("runs are followed by MLflow at %s", mlflow);
            out.add(outbox(ledger, new MlflowTopic(mlflow, ledger, homes), shared));
        });
        return List.copyOf(out);
    }

    private Outbox outbox(LedgerStore ledger, EventTopic topic, boolean shared) {
        return new Outbox(ledger.cursors(), topic, shared, Outbox.Pace.standard(), InstantSource.system(), metrics);
    }
}
