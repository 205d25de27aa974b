package io.foothold.orchestrator.config;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.util.List;
import java.util.Optional;

/** Where events of runs go beside the ledger and who watches. */
@ConfigMapping(prefix = "foothold.events")
public interface EventsConfig {
    /** A Kafka. */
    Kafka kafka();

    /** An MLflow. */
    Mlflow mlflow();

    /** Where events go in Kafka. */
    interface Kafka {
        /** Brokers of Kafka to begin with, HOST:PORT each; without them Kafka is not asked. */
        Optional<List<String>> bootstrapServers();

        /** The topic. */
        @WithDefault("foothold-run-events")
        String topic();

        /** File with further properties of Kafka's client: security, certificates, compression. */
        Optional<String> clientProperties();
    }

    /** Where runs are followed in MLflow. */
    interface Mlflow {
        /** Address of its server, http://HOST:PORT; without it MLflow is not asked. */
        Optional<String> uri();

        /** The experiment that runs belong to; it is made where it is missing. */
        @WithDefault("foothold")
        String experiment();

        /** File with one line that opens the server, USER:PASSWORD or a token. */
        Optional<String> secretFile();
    }
}
