package io.foothold.contracts.door;

import io.quarkus.arc.Unremovable;
import io.quarkus.tls.runtime.KeyStoreAndKeyCertOptions;
import io.quarkus.tls.runtime.KeyStoreProvider;
import io.quarkus.tls.runtime.TrustStoreAndTrustOptions;
import io.quarkus.tls.runtime.TrustStoreProvider;
import io.smallrye.common.annotation.Identifier;
import io.vertx.core.Vertx;
import io.vertx.core.net.KeyCertOptions;
import io.vertx.core.net.TrustOptions;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import org.jspecify.annotations.Nullable;

/**
 * Has the service's port and the management port show what {@link Identity} has, and ask it whom to trust. Its managers renew themselves, so
 * servers keep theirs: those of Quarkus' own reload have no certificate at all while the key and the certificate do not belong together.
 */
@Singleton
@Unremovable
@Identifier(TlsSettings.NAME)
public class ServedIdentity implements KeyStoreProvider, TrustStoreProvider {
    private final Identity identity;

    /** Configured by the container. */
    @Inject
    public ServedIdentity(Identity identity) {
        this.identity = identity;
    }

    @Override
    public @Nullable KeyStoreAndKeyCertOptions getKeyStore(Vertx vertx) {
        return identity.present() ? new KeyStoreAndKeyCertOptions(null, KeyCertOptions.wrap(identity.keys())) : null;
    }

    @Override
    public @Nullable TrustStoreAndTrustOptions getTrustStore(Vertx vertx) {
        return identity.present() ? new TrustStoreAndTrustOptions(null, TrustOptions.wrap(identity.trust())) : null;
    }
}
