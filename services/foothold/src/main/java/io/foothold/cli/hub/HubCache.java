package io.foothold.cli.hub;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Objects;
import java.util.Optional;

/**
 * The cache of Hugging Face's tools, which share it with us: of each repository {@code blobs} by what their content is known by,
 * {@code snapshots} of links to them by commit, {@code refs} with the commits of branches.
 */
final class HubCache {
    private final Path root;

    HubCache(Path root) {
        this.root = root;
    }

    /** Directory of a repository. */
    Path of(HubName name) {
        return root.resolve(name.directory());
    }

    /** The commit that a revision had when it was last looked for; a commit is its own. */
    Optional<String> commit(HubName name) {
        if (name.revision().matches("[0-9a-f]{40}")) {
            return Optional.of(name.revision());
        }
        Path ref = of(name).resolve("refs").resolve(name.revision());
        try {
            return Files.isRegularFile(ref)
                    ? Optional.of(Files.readString(ref).strip()).filter(c -> c.matches("[0-9a-f]{7,64}"))
                    : Optional.empty();
        } catch (IOException e) {
            throw storage(e);
        }
    }

    /** Where the files of a commit lie. */
    Path snapshot(HubName name, String commit) {
        return of(name).resolve("snapshots").resolve(commit);
    }

    Path blob(HubName name, String blob) {
        return of(name).resolve("blobs").resolve(blob);
    }

    /** Links a file of a commit to its blob. */
    void link(HubName name, String commit, String file, String blob) {
        try {
            Path link = snapshot(name, commit).resolve(file);
            Path directory = Objects.requireNonNull(link.getParent());
            Files.createDirectories(directory);
            Path target = directory.relativize(blob(name, blob));
            try {
                Files.createSymbolicLink(link, target);
            } catch (FileAlreadyExistsException e) {
                // Another process was first, or what it led to is gone: it leads to the same content.
                if (!Files.exists(link)) {
                    Files.delete(link);
                    Files.createSymbolicLink(link, target);
                }
            }
        } catch (IOException e) {
            throw storage(e);
        }
    }

    /** Remembers the commit of a revision, when all that was wanted of it is there. */
    void remember(HubName name, String commit) {
        if (name.revision().equals(commit)) {
            return;
        }
        try {
            Path ref = of(name).resolve("refs").resolve(name.revision());
            Files.createDirectories(Objects.requireNonNull(ref.getParent()));
            Path fresh = Files.createTempFile(ref.getParent(), ".ref", "");
            Files.writeString(fresh, commit);
            Files.move(fresh, ref, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw storage(e);
        }
    }

    /** The cache cannot be read or written. */
    FootholdException storage(IOException e) {
        return new FootholdException(
                ErrorCode.STORAGE,
                "the cache " + root + " cannot be used (HF_HOME, HF_HUB_CACHE): " + e.getMessage(),
                e);
    }
}
