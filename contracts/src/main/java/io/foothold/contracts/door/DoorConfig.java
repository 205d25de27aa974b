package io.foothold.contracts.door;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.util.Optional;

/** Who may call this service. Without any token everybody may who reaches it, which is loopback only. */
@ConfigMapping(prefix = "foothold.door")
public interface DoorConfig {
    /** Tokens of those who may look. */
    Secret viewer();

    /** Tokens of those who may also create, stop and resume runs. */
    Secret operator();

    /** Tokens of services and administrators; the first is what this service shows to its peers. */
    Secret admin();

    /** Whether the service may listen beyond loopback without a token or without TLS. */
    @WithDefault("false")
    boolean insecure();

    /** A secret, from the environment or from a file. */
    interface Secret {
        /** One token; for the environment. On a command line everybody on the machine would see it. */
        Optional<String> token();

        /** File of tokens, one a line as {@code TOKEN} or {@code TOKEN until 2027-01-31T00:00:00Z}; read again when it changes. */
        Optional<Path> file();
    }
}
