package io.foothold.policyserver.grpc;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.Location;
import io.foothold.contracts.files.Roots;
import io.foothold.contracts.files.StoreConfig;
import io.foothold.contracts.files.StoreUri;
import io.foothold.store.ArtefactStore;
import java.nio.file.Path;
import java.util.Optional;

/** Artefacts that callers name, as files of this machine. Thread-safe. */
final class ArtefactFiles {
    private final Roots roots;
    private final Optional<ArtefactStore> store;

    /**
     * Artefacts.
     *
     * @param roots where they may lie
     * @param store where those are fetched from that lie in one
     */
    ArtefactFiles(Roots roots, Optional<ArtefactStore> store) {
        this.roots = roots;
        this.store = store;
    }

    /**
     * The file; one in the object store is fetched, and has the digest then. Waits for disk and network.
     *
     * @param what names the address in messages
     * @param digest SHA-256, hexadecimal
     * @throws FootholdException INVALID_INPUT when it lies where none may; of the store what {@link ArtefactStore} says
     */
    Path file(String what, String uri, String digest) {
        return switch (roots.locate(what, uri)) {
            case Location.LocalFile file -> file.path();
            case StoreUri stored ->
                store.orElseThrow(() -> new FootholdException(
                                ErrorCode.INVALID_INPUT, what + " '" + uri + "': no " + StoreConfig.URI))
                        .fetch(stored, digest);
        };
    }
}
