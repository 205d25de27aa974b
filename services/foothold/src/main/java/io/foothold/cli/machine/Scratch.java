package io.foothold.cli.machine;

import com.google.common.io.MoreFiles;
import com.google.common.io.RecursiveDeleteOption;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A directory for what nobody wants to keep; gone when it is closed, and when the process is told to end. */
public final class Scratch implements AutoCloseable {
    private final Path path;
    private final Thread atTheEnd = new Thread(this::delete, "scratch");

    private Scratch(Path path) {
        this.path = path;
        Runtime.getRuntime().addShutdownHook(atTheEnd);
    }

    /** On the disk where another directory is or would be, so that there is as much room. */
    public static Scratch beside(Path directory) {
        @Nullable Path at = directory.toAbsolutePath().normalize();
        while (at != null && !Files.isDirectory(at)) {
            at = at.getParent();
        }
        Path there = Objects.requireNonNull(at, "a root directory");
        try {
            return new Scratch(Files.createTempDirectory(there, "foothold-dry-run-"));
        } catch (IOException e) {
            throw new FootholdException(
                    ErrorCode.STORAGE, "cannot make a directory in " + there + ": " + e.getMessage(), e);
        }
    }

    public Path path() {
        return path;
    }

    private void delete() {
        try {
            if (Files.exists(path)) {
                MoreFiles.deleteRecursively(path, RecursiveDeleteOption.ALLOW_INSECURE);
            }
        } catch (IOException e) {
            System.err.println("foothold: " + path + " could not be removed: " + e.getMessage());
        }
    }

    @Override
    public void close() {
        delete();
    }
}
