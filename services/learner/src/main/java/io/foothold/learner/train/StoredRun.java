package io.foothold.learner.train;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.policy.Disk;
import io.foothold.policy.FileContent;
import io.foothold.policy.Sha256;
import io.foothold.store.ArtefactStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * A run's policies and checkpoints in an object store, below {@code RUN/} as they lie in the run's directory. A policy version is one object
 * under its digest, sent when somebody is about to publish it. A checkpoint is sent beside the training, {@code state.json}, which names
 * the digests of the others, last; until it is there, the checkpoint is not. While the store is away training goes on with the directory
 * alone, the newest checkpoint waits, and what the store has is what {@link #checkpointed} says. Thread-safe.
 */
public final class StoredRun implements RunCopy {
    private static final Logger LOG = Logger.getLogger(StoredRun.class);
    private static final int ARTEFACTS_KEPT = 4;
    private static final Duration FIRST_PAUSE = Duration.ofMillis(200);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);
    private static final String STATE = "/" + CheckpointStore.STATE;

    private final ArtefactStore store;
    private final String run;
    private final Path home;
    private final int kept;
    private final Disk disk;
    /** Not monitors: what is done under them takes as long as the store. */
    private final ReentrantLock publishing = new ReentrantLock();

    private final ReentrantLock copying = new ReentrantLock();
    /** Names of checkpoints that the store lacks; of numbered ones the newest alone. */
    private final Set<String> waiting = new LinkedHashSet<>();
    /** Updates of the numbered checkpoints that the store has. */
    private final TreeSet<Long> there = new TreeSet<>();

    private @Nullable Thread copier;
    private boolean closed;

    /**
     * The copy of a run.
     *
     * @param run its id, which the store's names begin with
     * @param home directory of its files
     * @param kept numbered checkpoints that stay
     */
    public StoredRun(ArtefactStore store, String run, Path home, int kept, Disk disk) {
        this.store = store;
        this.run = run;
        this.home = home;
        this.kept = kept;
        this.disk = disk;
    }

    private Path checkpoints() {
        return home.resolve("checkpoints");
    }

    private String name(String checkpoint) {
        return run + "/checkpoints/" + checkpoint;
    }

    private String manifest(long update) {
        return run + "/manifests/" + update + ".json";
    }

    @Override
    public Optional<String> uri(Path path) {
        return Optional.of(store.home().resolve(run + "/" + path).toString());
    }

    @Override
    public synchronized long checkpointed(long own) {
        return there.isEmpty() ? 0 : there.last();
    }

    @Override
    public synchronized long oldestKept(long own) {
        return there.size() < kept
                ? 0
                : there.descendingSet().stream().skip(kept - 1L).findFirst().orElseThrow();
    }

    /**
     * Brings the newest checkpoint of the store when it is newer than those of the directory, whole and with the digests that it names.
     *
     * @throws FootholdException PEER_UNAVAILABLE when the store is away: what it has may be newer
     */
    @Override
    public void restore() {
        store.forgetUnended(run);
        Set<String> remote = new HashSet<>();
        String prefix = run + "/checkpoints/";
        store.list(run + "/checkpoints").stream()
                .map(o -> o.name().substring(prefix.length()))
                .filter(name -> name.endsWith(STATE))
                .forEach(name -> remote.add(name.substring(0, name.length() - STATE.length())));
        List<String> local = local();
        long own = numbers(local).stream().mapToLong(Long::longValue).max().orElse(-1);
        synchronized (this) {
            there.addAll(numbers(remote));
        }
        for (long update : numbers(remote).descendingSet()) {
            if (update <= own || brought(update)) {
                break;
            }
        }
        // What an earlier process wrote and could not send any more.
        if (own >= 0 && !remote.contains(Long.toString(own))) {
            written(Long.toString(own));
        }
        local.stream().filter(name -> !isNumber(name) && !sameState(name)).forEach(this::written);
    }

    private boolean sameState(String checkpoint) {
        try {
            byte[] own = Files.readAllBytes(checkpoints().resolve(checkpoint).resolve(CheckpointStore.STATE));
            return store.read(name(checkpoint) + STATE)
                    .filter(other -> Arrays.equals(own, other))
                    .isPresent();
        } catch (IOException e) {
            throw storage(checkpoints().resolve(checkpoint), e);
        }
    }

    private static boolean isNumber(String name) {
        return name.matches("\\d{1,18}");
    }

    private static TreeSet<Long> numbers(Iterable<String> names) {
        TreeSet<Long> out = new TreeSet<>();
        for (String name : names) {
            if (isNumber(name)) {
                out.add(Long.parseLong(name));
            }
        }
        return out;
    }

    /** Names of the directory's checkpoints. */
    private List<String> local() {
        if (!Files.isDirectory(checkpoints())) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(checkpoints())) {
            return all.filter(p -> Files.exists(p.resolve(CheckpointStore.STATE)))
                    .map(p -> p.getFileName().toString())
                    .filter(name -> !name.startsWith("."))
                    .toList();
        } catch (IOException e) {
            throw storage(checkpoints(), e);
        }
    }

    /** Beside the checkpoints, so that what was brought before a crash is not brought again; moved among them when it is whole. */
    private boolean brought(long update) {
        String name = name(Long.toString(update));
        Path part = home.resolve("fetched").resolve(Long.toString(update));
        Path state = part.resolve(CheckpointStore.STATE);
        try {
            Optional<byte[]> bytes = store.read(name + STATE);
            if (bytes.isEmpty()) {
                return false;
            }
            disk.createDirectories(part);
            disk.write(state, FileContent.of(bytes.get()));
            CheckpointStore.Stored stored = SealedJson.decode(state, CheckpointStore.Stored.class);
            for (Map.Entry<String, String> file : stored.sha256().entrySet()) {
                store.download(name + "/" + file.getKey(), inside(part, file.getKey()), file.getValue());
            }
            Optional<byte[]> manifest = store.read(manifest(update));
            if (manifest.isPresent()) {
                disk.replace(home.resolve("manifests").resolve(update + ".json"), FileContent.of(manifest.get()));
            }
            disk.force(part);
            disk.createDirectories(checkpoints());
            disk.move(part, checkpoints().resolve(Long.toString(update)));
            disk.force(checkpoints());
            LOG.infof("run %s: checkpoint %d was brought from %s", run, update, store.home());
            return true;
        } catch (FootholdException e) {
            if (e.code() != ErrorCode.INVALID_DATA && e.code() != ErrorCode.NOT_FOUND) {
                throw e;
            }
            LOG.warnf("run %s: checkpoint %d in %s is not whole: %s", run, update, store.home(), e.text());
            synchronized (this) {
                there.remove(update);
            }
            return false;
        } catch (IOException e) {
            throw storage(part, e);
        }
    }

    /** A file of a checkpoint; its name was written by a learner, but who may write there could have written another. */
    private static Path inside(Path directory, String name) {
        Path file = directory.resolve(name).normalize();
        if (!file.startsWith(directory) || file.equals(directory)) {
            throw new FootholdException(ErrorCode.INVALID_DATA, "a checkpoint has a file called '" + name + "'");
        }
        return file;
    }

    /** Sends a policy version, its adapters before it; one that the learner does not have any more is WRONG_STATE. */
    private void publish(String digest) {
        Path artefacts = home.resolve("artefacts");
        Path file = artefacts.resolve(digest + ".safetensors");
        publishing.lock();
        try {
            if (!digest.matches("[0-9a-f]{64}") || !Files.exists(file)) {
                throw new FootholdException(
                        ErrorCode.WRONG_STATE,
                        "run " + run + " has no policy version with the digest '" + digest + "'");
            }
            Path adapters = artefacts.resolve(digest + ".adapter");
            if (Files.isDirectory(adapters)) {
                try (Stream<Path> all = Files.list(adapters)) {
                    for (Path part : all.sorted().toList()) {
                        store.upload(
                                run + "/artefacts/" + digest + ".adapter/" + part.getFileName(), part, Sha256.of(part));
                    }
                }
            }
            store.upload(run + "/artefacts/" + digest + ".safetensors", file, digest);
            retireArtefacts(digest);
        } catch (IOException e) {
            throw storage(file, e);
        } finally {
            publishing.unlock();
        }
    }

    /** Servers that start late ask for the newest only. */
    private void retireArtefacts(String current) {
        List<ArtefactStore.Stored> all = store.list(run + "/artefacts");
        List<String> old = all.stream()
                .filter(o -> o.name().endsWith(".safetensors") && !o.name().contains(current))
                .sorted(Comparator.comparing(ArtefactStore.Stored::modified).reversed())
                .skip(ARTEFACTS_KEPT - 1L)
                .map(o -> o.name().substring(0, o.name().length() - ".safetensors".length()))
                .toList();
        old.forEach(stem -> store.delete(all.stream()
                .map(ArtefactStore.Stored::name)
                .filter(name -> name.startsWith(stem + "."))
                .toList()));
    }

    @Override
    public synchronized void written(String checkpoint) {
        if (isNumber(checkpoint)) {
            waiting.removeIf(StoredRun::isNumber);
        }
        waiting.add(checkpoint);
        if (copier == null && !closed) {
            copier = Thread.ofVirtual().name("checkpoints-" + run).start(this::copyBeside);
        }
    }

    /** Takes it: the same name may be written again while it is sent. */
    private synchronized Optional<String> take() {
        Optional<String> next = waiting.stream().findFirst();
        next.ifPresent(waiting::remove);
        return next;
    }

    private synchronized void putBack(String checkpoint) {
        if (!isNumber(checkpoint) || waiting.stream().noneMatch(StoredRun::isNumber)) {
            waiting.add(checkpoint);
        }
    }

    private synchronized boolean waits() {
        return !waiting.isEmpty();
    }

    /** Until everything is there; a store that is away is asked again and again, one that refuses is told when somebody waits. */
    private void copyBeside() {
        Duration pause = FIRST_PAUSE;
        while (true) {
            boolean refused = false;
            try {
                copyWaiting();
            } catch (FootholdException e) {
                refused = !e.code().retryable();
                if (refused || pause.equals(FIRST_PAUSE)) {
                    LOG.warnf("run %s: its checkpoint waits for the object store: %s", run, e.text());
                }
            }
            synchronized (this) {
                if (closed || refused || waiting.isEmpty()) {
                    copier = null;
                    return;
                }
            }
            try {
                Thread.sleep(pause);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
            pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause.multipliedBy(2);
        }
    }

    /**
     * Returns when the store has a policy version, or every checkpoint that was written before.
     *
     * @param digest of the policy version; empty for the checkpoints
     * @throws FootholdException as {@link ArtefactStore} says; it may be called again
     */
    public void await(String digest) {
        if (digest.isEmpty()) {
            copyWaiting();
        } else {
            publish(digest);
        }
    }

    private void copyWaiting() {
        copying.lock();
        try {
            for (Optional<String> next = take(); next.isPresent(); next = take()) {
                String checkpoint = next.get();
                boolean done = false;
                try {
                    copied(checkpoint);
                    done = true;
                } finally {
                    if (!done) {
                        putBack(checkpoint);
                    }
                }
            }
        } finally {
            copying.unlock();
        }
    }

    private void copied(String checkpoint) {
        Path directory = checkpoints().resolve(checkpoint);
        Path state = directory.resolve(CheckpointStore.STATE);
        String name = name(checkpoint);
        try {
            byte[] marker = Files.readAllBytes(state);
            CheckpointStore.Stored stored = SealedJson.decode(state, CheckpointStore.Stored.class);
            if (!isNumber(checkpoint)) {
                // What a label meant before is not whole any more once the first of its files is another.
                store.delete(List.of(name + STATE));
            }
            for (Map.Entry<String, String> file : stored.sha256().entrySet()) {
                store.upload(name + "/" + file.getKey(), directory.resolve(file.getKey()), file.getValue());
            }
            long update = stored.state().update();
            Path manifest = home.resolve("manifests").resolve(update + ".json");
            if (isNumber(checkpoint) && Files.exists(manifest)) {
                store.write(manifest(update), Files.readAllBytes(manifest));
            }
            store.write(name + STATE, marker);
            if (isNumber(checkpoint)) {
                synchronized (this) {
                    there.add(update);
                }
                retireCheckpoints();
            }
        } catch (IOException e) {
            gone(checkpoint, storage(directory, e));
        } catch (FootholdException e) {
            gone(checkpoint, e);
        }
    }

    /** One that the directory let go of meanwhile is not missed: a newer one is there, and waits. */
    private void gone(String checkpoint, FootholdException why) {
        if (Files.exists(checkpoints().resolve(checkpoint).resolve(CheckpointStore.STATE)) || !waits()) {
            throw why;
        }
    }

    private void retireCheckpoints() {
        long oldest = oldestKept(0);
        String prefix = run + "/checkpoints/";
        Set<String> markers = new LinkedHashSet<>();
        Set<String> files = new LinkedHashSet<>();
        for (ArtefactStore.Stored object : store.list(run + "/checkpoints")) {
            String checkpoint = object.name().substring(prefix.length()).replaceFirst("/.*", "");
            if (isNumber(checkpoint) && Long.parseLong(checkpoint) < oldest) {
                (object.name().equals(prefix + checkpoint + STATE) ? markers : files).add(object.name());
            }
        }
        List<String> manifests = new ArrayList<>();
        store.list(run + "/manifests").forEach(object -> {
            String number = object.name().replaceFirst(".*/", "").replace(".json", "");
            if (isNumber(number) && Long.parseLong(number) < oldest) {
                manifests.add(object.name());
            }
        });
        store.delete(markers);
        store.delete(files);
        store.delete(manifests);
        synchronized (this) {
            there.removeIf(update -> update < oldest);
        }
    }

    private static FootholdException storage(Path where, IOException e) {
        return new FootholdException(
                ErrorCode.STORAGE, where + ": " + Objects.requireNonNullElse(e.getMessage(), e.toString()), e);
    }

    /** Ends what is under way; what waits is sent when the run is opened again. */
    @Override
    public void close() {
        Thread running;
        synchronized (this) {
            closed = true;
            running = copier;
        }
        if (running == null) {
            return;
        }
        running.interrupt();
        try {
            // Two that write the same names would not harm what is read, but tell of each other's failures.
            if (!running.join(LONGEST_PAUSE)) {
                LOG.warnf("run %s: its checkpoint is still being sent", run);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
