package io.foothold.contracts.files;

import java.nio.file.Path;

/** Where an artefact lies that a caller names. */
public sealed interface Location permits Location.LocalFile, StoreUri {
    /**
     * A file of this machine.
     *
     * @param path with every link resolved; it need not exist
     */
    record LocalFile(Path path) implements Location {}
}
