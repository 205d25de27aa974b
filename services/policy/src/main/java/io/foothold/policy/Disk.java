package io.foothold.policy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.Objects;

/**
 * The steps of which everything that must outlive a crash is made. What counts only when it is whole is written beside its place,
 * moved there in one step, and the directory forced: after a crash between any two steps the old or the new thing is there.
 * Thread-safe; two writers of one path must not meet.
 */
public interface Disk {
    /** The file system. */
    Disk REAL = new Disk() {};

    /**
     * Writes a file and forces its content to disk; its name is durable only after {@link #force} of the directory.
     *
     * @return SHA-256 of the bytes, hexadecimal, taken on the way
     */
    default String write(Path file, FileContent content) throws IOException {
        MessageDigest digest = Sha256.start();
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            content.writeTo((bytes, from, length) -> {
                digest.update(bytes, from, length);
                ByteBuffer buffer = ByteBuffer.wrap(bytes, from, length);
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
            });
            channel.force(true);
        }
        return Sha256.text(digest);
    }

    /** Creates a directory and those above it that are missing; their names are forced to disk. */
    default void createDirectories(Path directory) throws IOException {
        Path parent = directory.toAbsolutePath().getParent();
        if (parent == null || Files.isDirectory(directory)) {
            return;
        }
        createDirectories(parent);
        Files.createDirectories(directory);
        force(parent);
    }

    /** Moves a file or directory within one file system, in one step; a file that is there is replaced. */
    default void move(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Forces the names in a directory to disk. */
    default void force(Path directory) throws IOException {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    /** Deletes a file or an empty directory. */
    default void delete(Path path) throws IOException {
        Files.delete(path);
    }

    /**
     * Replaces a file so that after a crash the old or the new content is there, whole.
     *
     * @return SHA-256 of the bytes, hexadecimal
     */
    default String replace(Path file, FileContent content) throws IOException {
        Path directory = Objects.requireNonNull(file.toAbsolutePath().getParent(), "a file has a directory");
        createDirectories(directory);
        Path part = file.resolveSibling(file.getFileName() + ".part");
        String digest = write(part, content);
        move(part, file);
        force(directory);
        return digest;
    }
}
