package io.foothold.store;

import io.foothold.contracts.files.StoreConfig;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The store of this process, where one is configured. Thread-safe. */
@Singleton
public final class ConfiguredStore {
    private final @Nullable ArtefactStore store;

    /**
     * Configured by the container.
     *
     * @throws io.foothold.contracts.error.FootholdException INVALID_INPUT naming the setting when one is wrong
     */
    @Inject
    public ConfiguredStore(StoreConfig config) {
        this.store = config.uri().isPresent() ? S3ArtefactStore.of(config) : null;
    }

    /** The store; empty when artefacts are files. */
    public Optional<ArtefactStore> store() {
        return Optional.ofNullable(store);
    }

    @PreDestroy
    void close() {
        if (store != null) {
            store.close();
        }
    }
}
