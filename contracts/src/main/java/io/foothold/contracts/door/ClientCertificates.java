package io.foothold.contracts.door;

import io.quarkus.vertx.http.HttpServerOptionsCustomizer;
import io.vertx.core.http.ClientAuth;
import io.vertx.core.http.HttpServerOptions;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;

/** Asks callers for a certificate; Quarkus' own setting for that is fixed when a service is built. */
@ApplicationScoped
public class ClientCertificates implements HttpServerOptionsCustomizer {
    private final TlsConfig config;

    /** Configured by the container. */
    @Inject
    public ClientCertificates(TlsConfig config) {
        this.config = config;
    }

    @Override
    public void customizeHttpsServer(HttpServerOptions options) {
        if (config.certificate().isPresent()) {
            options.setClientAuth(
                    config.clients() == TlsConfig.Clients.REQUIRED ? ClientAuth.REQUIRED : ClientAuth.REQUEST);
        }
    }
}
