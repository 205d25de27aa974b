package io.foothold.orchestrator.config;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.util.List;
import java.util.Optional;

/** Where events of runs go beside the ledger and who watches. */
@ConfigMapping(prefix = "foothold.events.kafka")
public interface EventsConfig {
    /** Brokers of Kafka to begin with, HOST:PORT each; without them Kafka is not asked. */
    Optional<List<String>> bootstrapServers();

    /** The topic. */
    @WithDefault("foothold-run-events")
    String topic();

    /** File with further properties of Kafka's client: security, certificates, compression. */
    Optional<String> clientProperties();
}
