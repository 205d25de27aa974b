package io.foothold.contracts.door;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * TLS of this service, at its ports and towards its peers, from PEM files that are read again when they change. Without a certificate it speaks
 * without TLS. {@link TlsSettings} makes Quarkus' own settings of these.
 */
@ConfigMapping(prefix = TlsConfig.PREFIX)
public interface TlsConfig {
    /** How the settings begin. */
    String PREFIX = "foothold.tls";

    /** This service's certificate, and those between it and an authority; for every name that its peers know it by. */
    Optional<Path> certificate();

    /** The certificate's private key, PKCS 8 ("BEGIN PRIVATE KEY"). */
    Optional<Path> key();

    /** Certificates of the authorities that issue those of our services. */
    Optional<Path> authorities();

    /** Whether callers must have a certificate of the authorities, or may show a token alone, as people do at the orchestrator. */
    @WithDefault("required")
    Clients clients();

    /** Time between two looks at the files. */
    @WithDefault("10s")
    Duration reload();

    /** What is asked of callers. */
    enum Clients {
        /** No connection without a certificate. */
        REQUIRED,
        /** One that is shown must be good; none is no harm. */
        REQUESTED
    }
}
