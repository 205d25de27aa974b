package io.foothold.learner.train;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.policy.Disk;
import io.foothold.policy.FileContent;
import io.foothold.policy.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jboss.logging.Logger;

/**
 * What a run tells others of its updates: {@code artefacts/DIGEST.safetensors}, the weights of a policy version, beside it {@code
 * DIGEST.adapter}, the same as adapters in PEFT's layout where those are trained, and {@code manifests/UPDATE.json}. Owned by one thread.
 */
public final class RunStore {
    private static final Logger LOG = Logger.getLogger(RunStore.class);
    private static final int ARTEFACTS_KEPT = 4;
    private static final String SUFFIX = ".safetensors";
    private static final String ADAPTER_SUFFIX = ".adapter";
    /** The files of adapters, in the order in which they are digested. */
    private static final List<String> ADAPTER_FILES = List.of("adapter_config.json", "adapter_model.safetensors");

    /** Writes a policy's weights. */
    @FunctionalInterface
    interface Weights {
        /** Writes a file that is not there, forced to disk; gives its SHA-256. */
        String write(Path file, Disk disk) throws IOException;
    }

    /** Writes a policy's adapters. */
    @FunctionalInterface
    interface Adapters {
        /** Writes the two files into a directory that is there; false when there are no adapters. */
        boolean write(Path directory, Disk disk) throws IOException;
    }

    /**
     * A policy version's adapters.
     *
     * @param directory where they lie
     * @param digest SHA-256 of configuration and weights one after the other, hexadecimal
     */
    public record Adapter(Path directory, String digest) {}

    /** A policy version's file. */
    public record Artefact(String name, String digest) {}

    private final Path home;
    private final Path artefacts;
    private final Path manifests;
    private final Disk disk;
    private final RunCopy copy;

    /** The files of a run that has no copy elsewhere. */
    public RunStore(Path home, Disk disk) {
        this(home, disk, RunCopy.NONE);
    }

    /**
     * The files of a run.
     *
     * @param home directory of this run's files
     * @param copy where they go too
     */
    public RunStore(Path home, Disk disk, RunCopy copy) {
        this.home = home;
        this.artefacts = home.resolve("artefacts");
        this.manifests = home.resolve("manifests");
        this.disk = disk;
        this.copy = copy;
    }

    CheckpointStore checkpoints(int kept) {
        return new CheckpointStore(home.resolve("checkpoints"), kept, disk);
    }

    RunCopy copy() {
        return copy;
    }

    Path artefactFile(String name) {
        return artefacts.resolve(name);
    }

    /** The address of an artefact, or of a directory of adapters, for those who fetch it. */
    public String uri(Path artefact) {
        return copy.uri(home.toAbsolutePath().relativize(artefact.toAbsolutePath()))
                .orElseGet(() -> artefact.toUri().toString());
    }

    /** The address of an artefact, for those who fetch it. */
    public String uri(String artefact) {
        return uri(artefactFile(artefact));
    }

    /** An artefact that has the digest it should have. */
    FileContent whole(String name, String digest) {
        Path file = artefactFile(name);
        try {
            if (!Sha256.of(file).equals(digest)) {
                throw new FootholdException(
                        ErrorCode.INVALID_DATA, "artefact " + file + " is damaged: its digest is not " + digest);
            }
            return FileContent.of(file);
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * Writes an artefact under its digest. One that is there stays if its bytes are right and is written again if they are not:
     * whoever has the weights need not trust a file. Old ones go, the newest few stay.
     */
    Artefact writeArtefact(Weights weights, Adapters adapters) {
        Path part = artefacts.resolve("weights.part");
        try {
            disk.createDirectories(artefacts);
            Files.deleteIfExists(part);
            String digest = weights.write(part, disk);
            String name = digest + SUFFIX;
            Path file = artefactFile(name);
            boolean there = Files.exists(file);
            boolean whole = there && Sha256.of(file).equals(digest);
            if (whole) {
                disk.delete(part);
                Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
            } else {
                if (there) {
                    LOG.warnf("artefact %s was damaged and is written again", file);
                }
                disk.move(part, file);
                disk.force(artefacts);
            }
            writeAdapters(adapters, file);
            for (Path old : newestFirst().stream().skip(ARTEFACTS_KEPT).toList()) {
                if (!old.equals(file)) {
                    disk.delete(old);
                    deleteAdapters(adapterOf(old));
                }
            }
            return new Artefact(name, digest);
        } catch (IOException e) {
            throw new FootholdException(
                    ErrorCode.STORAGE, "cannot write an artefact in " + artefacts + ": " + e.getMessage(), e);
        }
    }

    private void writeAdapters(Adapters adapters, Path artefact) throws IOException {
        Path part = artefacts.resolve("adapter.part");
        deleteAdapters(part);
        disk.createDirectories(part);
        if (!adapters.write(part, disk)) {
            disk.delete(part);
            return;
        }
        disk.force(part);
        Path directory = adapterOf(artefact);
        deleteAdapters(directory);
        disk.move(part, directory);
        disk.force(artefacts);
    }

    private void deleteAdapters(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        for (String name : ADAPTER_FILES) {
            Files.deleteIfExists(directory.resolve(name));
        }
        disk.delete(directory);
    }

    private static Path adapterOf(Path artefact) {
        String name = artefact.getFileName().toString();
        return artefact.resolveSibling(name.substring(0, name.length() - SUFFIX.length()) + ADAPTER_SUFFIX);
    }

    /** The adapters beside an artefact; empty when there are none, or none any more. */
    Optional<Adapter> adapter(String artefact) {
        Path directory = adapterOf(artefactFile(artefact)).toAbsolutePath();
        if (!Files.isDirectory(directory)) {
            return Optional.empty();
        }
        try {
            return Optional.of(new Adapter(directory, Sha256.of(sink -> {
                for (String name : ADAPTER_FILES) {
                    FileContent.of(directory.resolve(name)).writeTo(sink);
                }
            })));
        } catch (IOException e) {
            throw new FootholdException(
                    ErrorCode.STORAGE, "cannot read the adapters in " + directory + ": " + e.getMessage(), e);
        }
    }

    private List<Path> newestFirst() throws IOException {
        try (Stream<Path> all = Files.list(artefacts)) {
            return all.filter(p -> p.toString().endsWith(SUFFIX))
                    .sorted(Comparator.comparing((Path p) -> p.toFile().lastModified())
                            .reversed())
                    .toList();
        }
    }

    /** Writes what an update did: the commit point of training. */
    void writeManifest(Manifest manifest) {
        Path file = manifestFile(manifest.update());
        try {
            disk.replace(file, FileContent.of(SealedJson.encode(manifest)));
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    /**
     * What an update did, if it is known.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_DATA} when the file is not as it was written
     */
    Optional<Manifest> readManifest(long update) {
        Path file = manifestFile(update);
        return Files.exists(file) ? Optional.of(SealedJson.decode(file, Manifest.class)) : Optional.empty();
    }

    private Path manifestFile(long update) {
        return manifests.resolve(update + ".json");
    }
}
