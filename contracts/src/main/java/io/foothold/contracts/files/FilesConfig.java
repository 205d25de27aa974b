package io.foothold.contracts.files;

import io.smallrye.config.ConfigMapping;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Which files a service reads for its callers. */
@ConfigMapping(prefix = "foothold.files")
public interface FilesConfig {
    /**
     * Directories, or single files, below which paths of requests must lie; by default the working directory and the user's home,
     * without one that is the root of the file system.
     */
    Optional<List<Path>> roots();

    /** Gives every part of the process the same roots. */
    @ApplicationScoped
    class Producer {
        /** The roots of this process. */
        @Produces
        @Singleton
        Roots roots(FilesConfig config, StoreConfig store) {
            return Roots.of(config.roots().orElseGet(Producer::standard))
                    .with(store.uri().map(uri -> StoreUri.parse(StoreConfig.URI, uri)));
        }

        private static List<Path> standard() {
            return Stream.of("user.dir", "user.home")
                    .map(key -> Path.of(System.getProperty(key)).toAbsolutePath())
                    .filter(path -> path.getParent() != null)
                    .toList();
        }
    }
}
