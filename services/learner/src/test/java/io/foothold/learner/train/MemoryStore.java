package io.foothold.learner.train;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.StoreUri;
import io.foothold.policy.Sha256;
import io.foothold.store.ArtefactStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;

/** A store that can be away, and whose user can be killed between any two of its writes: it stays dead then. */
final class MemoryStore implements ArtefactStore {
    final Map<String, byte[]> objects;
    private final Map<String, Instant> modified;
    private long writes;
    private int left = Integer.MAX_VALUE;
    volatile boolean away;

    MemoryStore() {
        this(new ConcurrentSkipListMap<>(), new ConcurrentSkipListMap<>());
    }

    private MemoryStore(Map<String, byte[]> objects, Map<String, Instant> modified) {
        this.objects = objects;
        this.modified = modified;
    }

    /** The same store for another user. */
    MemoryStore again() {
        return new MemoryStore(objects, modified);
    }

    /** Lets so many writes through; then whoever writes is as good as dead. */
    synchronized void killAfter(int number) {
        left = number;
    }

    private synchronized void asked() {
        if (away) {
            throw new FootholdException(ErrorCode.PEER_UNAVAILABLE, "the store is away");
        }
    }

    private synchronized void changed(String name, byte[] content) {
        asked();
        if (left == 0) {
            throw new FootholdException(ErrorCode.INTERNAL, "killed");
        }
        left--;
        if (content.length == 0) {
            objects.remove(name);
            return;
        }
        objects.put(name, content);
        modified.put(name, Instant.ofEpochSecond(writes++));
    }

    @Override
    public StoreUri home() {
        return StoreUri.parse("store", "s3://memory/runs");
    }

    @Override
    public void upload(String name, Path file, String sha256) {
        try {
            changed(name, Files.readAllBytes(file));
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, file + " cannot be read", e);
        }
    }

    @Override
    public void write(String name, byte[] content) {
        changed(name, content);
    }

    @Override
    public synchronized Optional<byte[]> read(String name) {
        asked();
        return Optional.ofNullable(objects.get(name));
    }

    @Override
    public void download(String name, Path file, String sha256) {
        byte[] content = read(name).orElseThrow(() -> new FootholdException(ErrorCode.NOT_FOUND, name));
        if (!Sha256.of(content).equals(sha256)) {
            throw new FootholdException(ErrorCode.INVALID_DATA, name + " is damaged or another one");
        }
        try {
            Files.createDirectories(file.getParent());
            Files.write(file, content);
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, file + " cannot be written", e);
        }
    }

    @Override
    public Path fetch(StoreUri uri, String sha256) {
        throw new UnsupportedOperationException("a learner fetches no policies");
    }

    @Override
    public synchronized List<Stored> list(String prefix) {
        asked();
        return objects.keySet().stream()
                .filter(name -> name.startsWith(prefix + "/"))
                .map(name -> new Stored(name, modified.get(name)))
                .toList();
    }

    @Override
    public void delete(Collection<String> names) {
        names.forEach(name -> changed(name, new byte[0]));
    }

    @Override
    public void forgetUnended(String prefix) {
        asked();
    }

    @Override
    public void check() {
        asked();
    }

    @Override
    public void close() {}
}
