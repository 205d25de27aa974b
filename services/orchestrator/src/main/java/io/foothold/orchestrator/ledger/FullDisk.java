package io.foothold.orchestrator.ledger;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Says that a disk is full where a database says only that it was closed: after the first write that found no room, H2 answers every
 * call with that.
 */
final class FullDisk {
    private static final String H2_FILE = "jdbc:h2:file:";
    /** Less than this is no room for a database. */
    private static final long ROOM = 1 << 20;

    private FullDisk() {}

    /** Room on a file system. */
    interface Room {
        /** Bytes that may still be written. */
        long left(Path directory) throws IOException;
    }

    /** What the file system itself says. */
    static final Room REAL = directory -> Files.getFileStore(directory).getUsableSpace();

    /** The directory of an H2 database in a file; empty for other databases, whose disk is not ours. */
    static Optional<Path> directory(@Nullable String url) {
        if (url == null || !url.startsWith(H2_FILE)) {
            return Optional.empty();
        }
        String file = url.substring(H2_FILE.length()).replaceFirst(";.*$", "");
        return Optional.ofNullable(Path.of(file).toAbsolutePath().getParent());
    }

    /**
     * That the disk is full, and what to do; empty when it is not.
     *
     * @param failure what the database said
     */
    static Optional<String> told(Path directory, Throwable failure, Room room) {
        boolean said = false;
        for (Throwable t = failure; t != null; t = t.getCause()) {
            said |= String.valueOf(t.getMessage()).toLowerCase(Locale.ROOT).contains("no space left");
        }
        try {
            long left = room.left(directory);
            return said || left < ROOM
                    ? Optional.of("the file system of " + directory + " is full (" + left
                            + " bytes left): make room there, then resume")
                    : Optional.empty();
        } catch (IOException e) {
            return said
                    ? Optional.of("the file system of " + directory + " is full: make room there, then resume")
                    : Optional.empty();
        }
    }
}
