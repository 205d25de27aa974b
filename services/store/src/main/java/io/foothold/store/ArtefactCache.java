package io.foothold.store;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.StoreUri;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/**
 * Files that were fetched. One that is under way is called {@code .DIGEST.part}, and is gone on with; it gets its name when its digest is
 * right. Thread-safe; several processes may share a directory.
 */
final class ArtefactCache {
    /** The policy that is served, the next one, and one of somebody else's. */
    private static final int KEPT = 3;
    /** Attempts in a row that bring nothing. */
    private static final int ATTEMPTS = 3;

    private static final long PAUSE_MILLIS = 200;

    private final Path directory;
    /** One for all: a file is locked among processes, which a process must not ask for twice. */
    private final ReentrantLock bringing = new ReentrantLock();

    ArtefactCache(Path directory) {
        this.directory = directory;
    }

    /** Where bytes come from. */
    @FunctionalInterface
    interface Source {
        /** Appends what comes from some byte on; may end early with PEER_UNAVAILABLE. */
        void copy(long from, FileChannel to) throws IOException;
    }

    /** The file of an object, brought if need be; older ones go. */
    Path file(StoreUri uri, String sha256, Source source) {
        String name = digestName(uri, sha256);
        Path file = directory.resolve(name);
        bring(uri, file, sha256, source);
        try {
            Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
            try (Stream<Path> all = Files.list(directory)) {
                List<Path> old = all.filter(p -> !p.getFileName().toString().startsWith("."))
                        .sorted(Comparator.comparing((Path p) -> p.toFile().lastModified())
                                .reversed())
                        .skip(KEPT)
                        .toList();
                for (Path p : old) {
                    Files.deleteIfExists(p);
                }
            }
        } catch (IOException e) {
            throw storage(directory, e);
        }
        return file;
    }

    private static String digestName(StoreUri uri, String sha256) {
        if (!sha256.matches("[0-9a-f]{64}")) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    uri + ": expected its SHA-256 in 64 hexadecimal digits, got '" + sha256 + "'");
        }
        return sha256;
    }

    /** Brings an object into a file; nothing happens when it is there. */
    void bring(StoreUri uri, Path file, String sha256, Source source) {
        digestName(uri, sha256);
        Path target = file.toAbsolutePath().normalize();
        Path parent = Objects.requireNonNull(target.getParent(), "a file has a directory");
        Path part = parent.resolve("." + sha256 + ".part");
        bringing.lock();
        try {
            Files.createDirectories(parent);
            try (FileChannel channel = FileChannel.open(
                            part, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
                    FileLock among = channel.lock()) {
                if (Files.exists(target) && digest(target).equals(sha256)) {
                    Files.deleteIfExists(part);
                    return;
                }
                fill(uri, channel, sha256, source);
                channel.force(true);
                Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } catch (FootholdException e) {
                if (e.code() != ErrorCode.PEER_UNAVAILABLE) {
                    Files.deleteIfExists(part);
                }
                throw e;
            }
        } catch (IOException e) {
            throw storage(target, e);
        } finally {
            bringing.unlock();
        }
    }

    /** Goes on with what is there; bytes that turn out to be others are thrown away, once. */
    private static void fill(StoreUri uri, FileChannel channel, String sha256, Source source) throws IOException {
        boolean resumed = channel.size() > 0;
        copyAll(channel, source);
        String found = digest(channel);
        if (!found.equals(sha256) && resumed) {
            channel.truncate(0);
            copyAll(channel, source);
            found = digest(channel);
        }
        if (!found.equals(sha256)) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA, uri + " is damaged or another one: its SHA-256 is not " + sha256);
        }
    }

    private static void copyAll(FileChannel channel, Source source) throws IOException {
        for (int fruitless = 0; ; ) {
            long before = channel.size();
            channel.position(before);
            try {
                source.copy(before, channel);
                return;
            } catch (FootholdException e) {
                fruitless = channel.size() > before ? 0 : fruitless + 1;
                if (!S3Failures.passing(e) || fruitless == ATTEMPTS) {
                    throw e;
                }
                pause();
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(PAUSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
        }
    }

    static String digest(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return digest(channel);
        }
    }

    private static String digest(FileChannel channel) throws IOException {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            channel.position(0);
            ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
            while (channel.read(buffer) >= 0) {
                digest.update(buffer.flip());
                buffer.clear();
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("the JDK has no SHA-256", e);
        }
    }

    private static FootholdException storage(Path where, IOException e) {
        return new FootholdException(ErrorCode.STORAGE, where + " cannot be written: " + e.getMessage(), e);
    }
}
