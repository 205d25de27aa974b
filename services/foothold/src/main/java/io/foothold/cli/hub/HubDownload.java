package io.foothold.cli.hub;

import io.foothold.cli.hub.HubClient.RemoteFile;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.http.HttpResponse;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Objects;

/**
 * Fetches one file into the cache. What comes is kept beside the blob until all of it is there and is what the hub said: a connection that
 * breaks off, or a process that ends, costs what it had not brought yet.
 */
final class HubDownload {
    private static final int ATTEMPTS = 5;
    private static final Duration TOLD_EVERY = Duration.ofSeconds(5);

    private final HubClient client;
    private final HubCache cache;
    private final HubSettings.Patience patience;
    private final PrintStream progress;

    HubDownload(HubClient client, HubCache cache, HubSettings.Patience patience, PrintStream progress) {
        this.client = client;
        this.cache = cache;
        this.patience = patience;
        this.progress = progress;
    }

    /**
     * Has a file in the cache, and in the snapshot of its commit.
     *
     * @param name at its commit
     * @throws FootholdException PEER_UNAVAILABLE when it does not come to an end, INVALID_DATA when it is not what the hub said
     */
    void fetch(HubName name, RemoteFile file) {
        // Without a name for its content a file is known by where it lies.
        String blob = file.blob().isEmpty()
                ? name.revision() + "-"
                        + HexFormat.of()
                                .formatHex(sha("SHA-256").digest(file.path().getBytes(StandardCharsets.UTF_8)), 0, 8)
                : file.blob();
        Path whole = cache.blob(name, blob);
        Path lock = cache.of(name).resolve(".locks").resolve(blob + ".lock");
        try {
            Files.createDirectories(Objects.requireNonNull(whole.getParent()));
            Files.createDirectories(Objects.requireNonNull(lock.getParent()));
            try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    var held = channel.lock()) {
                if (!Files.exists(whole) || (file.size() >= 0 && Files.size(whole) != file.size())) {
                    Path part = whole.resolveSibling(blob + ".incomplete");
                    whole(name, file, part);
                    Files.move(part, whole, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
                }
            }
        } catch (IOException e) {
            throw cache.storage(e);
        }
        cache.link(name, name.revision(), file.path(), blob);
    }

    private void whole(HubName name, RemoteFile file, Path part) throws IOException {
        Duration pause = patience.pause();
        String last = "";
        boolean again = false;
        for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
            long before = size(part);
            try {
                if (attempt > 1) {
                    Thread.sleep(pause);
                    pause = pause.multipliedBy(2);
                }
                if (file.size() < 0 || before < file.size()) {
                    more(name, file, part, before);
                }
                if (file.size() >= 0 && size(part) < file.size()) {
                    last = "it ended after " + size(part) + " of " + file.size() + " bytes";
                } else {
                    String wrong = wrong(file, part);
                    if (wrong.isEmpty()) {
                        return;
                    }
                    Files.deleteIfExists(part);
                    if (again) {
                        throw new FootholdException(
                                ErrorCode.INVALID_DATA,
                                file.path() + " of " + name + " is not what the hub said it is, twice: " + wrong);
                    }
                    again = true;
                    last = wrong;
                }
            } catch (IOException e) {
                last = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
            }
            if (size(part) > before) {
                // It goes on: only attempts that bring nothing count.
                attempt = 0;
                pause = patience.pause();
            }
        }
        throw new FootholdException(
                ErrorCode.PEER_UNAVAILABLE,
                file.path() + " of " + name + " did not come to its end in " + ATTEMPTS
                        + " attempts that brought nothing: " + last + "; " + size(part)
                        + " bytes are kept, and the next attempt goes on behind them");
    }

    private void more(HubName name, RemoteFile file, Path part, long from) throws IOException {
        HttpResponse<InputStream> response = client.open(name, file.path(), from);
        boolean behind = response.statusCode() == 206;
        try (InputStream body = response.body();
                Silence watched = new Silence(body, patience.silence());
                OutputStream out = Files.newOutputStream(
                        part,
                        StandardOpenOption.CREATE,
                        behind ? StandardOpenOption.APPEND : StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE)) {
            byte[] buffer = new byte[1 << 16];
            long done = behind ? from : 0;
            long start = System.nanoTime();
            long began = done;
            long told = start;
            for (int n = watched.read(buffer); n >= 0; n = watched.read(buffer)) {
                out.write(buffer, 0, n);
                done += n;
                long now = System.nanoTime();
                if (now - told > TOLD_EVERY.toNanos()) {
                    told = now;
                    progress.printf(
                            Locale.ROOT,
                            "%s: %s: %,d of %s MB, %.1f MB/s%n",
                            name.id(),
                            file.path(),
                            done / 1_000_000,
                            file.size() < 0 ? "?" : String.format(Locale.ROOT, "%,d", file.size() / 1_000_000),
                            (done - began) / 1e6 / ((now - start) / 1e9));
                }
            }
        }
    }

    private static long size(Path part) throws IOException {
        return Files.exists(part) ? Files.size(part) : 0;
    }

    /** What is wrong with a file that came to its end; empty when it is what the hub said. */
    private static String wrong(RemoteFile file, Path part) throws IOException {
        long size = size(part);
        if (file.size() >= 0 && size != file.size()) {
            return "it has " + size + " bytes, the hub said " + file.size();
        }
        if (file.blob().isEmpty()) {
            return "";
        }
        MessageDigest digest = sha(file.sha256() ? "SHA-256" : "SHA-1");
        if (!file.sha256()) {
            digest.update(("blob " + size + "\0").getBytes(StandardCharsets.UTF_8));
        }
        try (InputStream in = Files.newInputStream(part)) {
            byte[] buffer = new byte[1 << 16];
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                digest.update(buffer, 0, n);
            }
        }
        String own = HexFormat.of().formatHex(digest.digest());
        return own.equals(file.blob()) ? "" : digest.getAlgorithm() + " " + own + ", the hub said " + file.blob();
    }

    private static MessageDigest sha(String algorithm) {
        try {
            return MessageDigest.getInstance(algorithm);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has " + algorithm, e);
        }
    }

    /** Ends a stream that says nothing for too long: its reader would wait for ever. */
    private static final class Silence implements AutoCloseable {
        private final InputStream in;
        private final Duration longest;
        private final Thread watch;
        private volatile long heard = System.nanoTime();
        private volatile boolean silent;

        Silence(InputStream in, Duration longest) {
            this.in = in;
            this.longest = longest;
            this.watch = Thread.ofVirtual().name("hub-silence").start(this::watch);
        }

        private void watch() {
            try {
                while (System.nanoTime() - heard < longest.toNanos()) {
                    Thread.sleep(Math.max(1, longest.toMillis() / 10));
                }
                silent = true;
                in.close();
            } catch (InterruptedException | IOException e) {
                // It came to its end, or is closed.
            }
        }

        int read(byte[] buffer) throws IOException {
            int n;
            try {
                n = in.read(buffer);
            } catch (IOException e) {
                throw silent ? new IOException("nothing came for " + longest.toSeconds() + " s", e) : e;
            }
            if (n < 0 && silent) {
                throw new IOException("nothing came for " + longest.toSeconds() + " s");
            }
            heard = System.nanoTime();
            return n;
        }

        @Override
        public void close() {
            watch.interrupt();
        }
    }
}
