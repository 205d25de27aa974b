package io.foothold.contracts.door;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.quarkus.vertx.http.HttpServerOptionsCustomizer;
import io.vertx.core.http.HttpServerOptions;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Refuses to listen beyond loopback without TLS and a token, at the service's port and at the management port, unless that is asked for by
 * {@code foothold.door.insecure}.
 */
@ApplicationScoped
public class BeyondLoopback implements HttpServerOptionsCustomizer {
    private final Door door;
    private final boolean insecure;
    private final boolean plain;
    private final Optional<String> management;

    /** Configured by the container. */
    @Inject
    public BeyondLoopback(
            Door door,
            DoorConfig config,
            @ConfigProperty(name = "quarkus.http.insecure-requests") Optional<String> insecureRequests,
            @ConfigProperty(name = "quarkus.management.enabled", defaultValue = "false") boolean managed,
            @ConfigProperty(name = "quarkus.management.host") Optional<String> managementHost) {
        this.door = door;
        this.insecure = config.insecure();
        this.plain = !insecureRequests.orElse("enabled").equalsIgnoreCase("disabled");
        this.management = managed ? managementHost : Optional.empty();
    }

    @Override
    public void customizeHttpServer(HttpServerOptions options) {
        if (plain) {
            check(options.getHost(), false);
        }
    }

    @Override
    public void customizeHttpsServer(HttpServerOptions options) {
        if (options.getKeyCertOptions() != null) {
            check(options.getHost(), true);
        }
    }

    /** Nothing customizes the management port, which speaks TLS where the service's own does. */
    private void check(String host, boolean tls) {
        check("quarkus.http.host", host, tls, door.locked(), insecure);
        management.ifPresent(at -> check("quarkus.management.host", at, tls, door.locked(), insecure));
    }

    /**
     * Whether a service may listen there.
     *
     * @throws FootholdException WRONG_STATE with what is missing and the settings that give it
     */
    static void check(String setting, String host, boolean tls, boolean locked, boolean insecure) {
        if (insecure || tls && locked || loopback(host)) {
            return;
        }
        String missing = (tls ? "" : "TLS (foothold.tls.certificate, .key and .authorities)")
                + (tls || locked ? "" : " and ")
                + (locked ? "" : "a token (foothold.door.admin.file, and .operator.file for people)");
        throw new FootholdException(
                ErrorCode.WRONG_STATE,
                setting + "=" + host + " is beyond loopback, and this service has no protection there: give it "
                        + missing + ", listen on 127.0.0.1, or say foothold.door.insecure=true (serve --insecure)"
                        + " where the network is trusted");
    }

    private static boolean loopback(String host) {
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException e) {
            return false;
        }
    }
}
