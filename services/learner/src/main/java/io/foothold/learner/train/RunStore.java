package io.foothold.learner.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.names.Name;
import io.foothold.policy.LoraAdapter;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A run's files: {@code artefacts/DIGEST.safetensors}, {@code checkpoints/UPDATE/} (a Hugging Face directory with the moments
 * beside the weights and, when adapters are trained, {@code adapter/} in PEFT's format), {@code manifests/UPDATE.json}. A checkpoint is there whole or not at all.
 */
public final class RunStore {
    private static final int ARTEFACTS_KEPT = 4;
    private static final String STATE = "state.json";
    /** A directory in PEFT's format, beside the merged weights. */
    private static final String ADAPTER = "adapter";

    private static final String MOMENTS = "moments.safetensors";

    /** A policy version's file. */
    public record Artefact(String name, String digest) {}

    /** What a checkpoint says of itself. */
    record State(long update, long version, long optimizerSteps, String settings) {}

    /** A checkpoint that was read. */
    record Checkpoint(Path directory, long update, long version, long optimizerSteps) {
        Path moments() {
            return directory.resolve(MOMENTS);
        }
    }

    private final Path home;
    private final PolicyDirectory base;
    private final ObjectMapper mapper = new ObjectMapper();

    RunStore(Path home, PolicyDirectory base) {
        this.home = home;
        this.base = base;
    }

    Path artefactFile(String name) {
        return home.resolve("artefacts").resolve(name);
    }

    /** Writes an artefact under its digest; an existing one stays as it is. Old ones go, the newest few stay. */
    Artefact writeArtefact(PolicyWeights weights) {
        byte[] bytes = weights.encode();
        String digest = PolicyWeights.digestOf(bytes);
        String name = digest + ".safetensors";
        Path file = artefactFile(name);
        try {
            Files.createDirectories(file.getParent());
            if (Files.exists(file)) {
                Files.setLastModifiedTime(file, java.nio.file.attribute.FileTime.from(java.time.Instant.now()));
            } else {
                // Not forced to disk: checkpoints are the durable copy, and a torn file has the wrong digest.
                Path part = file.resolveSibling(name + ".part");
                Files.write(part, bytes);
                Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
            }
            try (Stream<Path> all = Files.list(file.getParent())) {
                all.filter(p -> p.toString().endsWith(".safetensors"))
                        .sorted(Comparator.comparing((Path p) -> p.toFile().lastModified())
                                .reversed())
                        .skip(ARTEFACTS_KEPT)
                        .filter(p -> !p.equals(file))
                        .forEach(RunStore::deleteTree);
            }
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot write artefact " + file + ": " + e.getMessage(), e);
        }
        return new Artefact(name, digest);
    }

    void writeManifest(Manifest manifest) {
        write(home.resolve("manifests").resolve(manifest.update() + ".json"), manifest);
    }

    Optional<Manifest> readManifest(long update) {
        Path file = home.resolve("manifests").resolve(update + ".json");
        return Files.exists(file) ? Optional.of(read(file, Manifest.class)) : Optional.empty();
    }

    void writeCheckpoint(
            String label, State state, PolicyWeights weights, byte[] moments, Optional<LoraAdapter> adapter, int kept) {
        Path all = home.resolve("checkpoints");
        Path target = label.isEmpty() ? all.resolve(Long.toString(state.update())) : labelled(all, label);
        // No name begins with a dot, so no checkpoint of another label is met.
        Path part = all.resolve(".part-" + target.getFileName());
        try {
            deleteTree(part);
            PolicyDirectory.write(part, weights, base.tokenizerJson());
            base.copyTokenizerFiles(part);
            PolicyWeights.writeDurably(part.resolve(MOMENTS), moments);
            adapter.ifPresent(a -> a.write(part.resolve(ADAPTER), base.base()));
            write(part.resolve(STATE), state);
            Path old = all.resolve(".old-" + target.getFileName());
            deleteTree(old);
            if (Files.exists(target)) {
                Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
            }
            Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
            deleteTree(old);
            List<Path> numbered = numbered(all);
            for (int i = 0; i < numbered.size() - kept; i++) {
                deleteTree(numbered.get(i));
            }
        } catch (IOException | RuntimeException e) {
            throw new FootholdException(
                    ErrorCode.STORAGE, "cannot write checkpoint " + target + ": " + e.getMessage(), e);
        }
    }

    /** The place of a checkpoint with a label: right below the others, and none that retention would take for its own. */
    private static Path labelled(Path all, String label) {
        Name name = Name.of("label", label);
        if (label.chars().allMatch(Character::isDigit)) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "label '" + label + "' must have something besides digits: a number is an update's own checkpoint");
        }
        return name.below(all);
    }

    /**
     * The newest whole checkpoint.
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} with the differing lines when it was made with other settings
     */
    Optional<Checkpoint> newest(String settings) {
        List<Path> all = numbered(home.resolve("checkpoints"));
        if (all.isEmpty()) {
            return Optional.empty();
        }
        Path newest = all.get(all.size() - 1);
        State state = read(newest.resolve(STATE), State.class);
        if (!state.settings().equals(settings)) {
            throw new FootholdException(
                    ErrorCode.CONFLICT,
                    "the run's configuration changed since checkpoint " + newest + ": "
                            + difference(state.settings(), settings));
        }
        return Optional.of(new Checkpoint(newest, state.update(), state.version(), state.optimizerSteps()));
    }

    /** The adapters of a checkpoint. */
    LoraAdapter readAdapter(Checkpoint checkpoint) {
        return LoraAdapter.read(base.config(), checkpoint.directory().resolve(ADAPTER));
    }

    private static List<Path> numbered(Path directory) {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(directory)) {
            return all.filter(p -> p.getFileName().toString().matches("\\d+"))
                    .filter(p -> Files.exists(p.resolve(STATE)))
                    .sorted(Comparator.comparingLong(
                            p -> Long.parseLong(p.getFileName().toString())))
                    .toList();
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot list " + directory + ": " + e.getMessage(), e);
        }
    }

    static String difference(String before, String after) {
        List<String> a = before.lines().toList();
        List<String> b = after.lines().toList();
        List<String> out = new ArrayList<>();
        a.stream().filter(l -> !b.contains(l)).forEach(l -> out.add("was '" + l.strip() + "'"));
        b.stream().filter(l -> !a.contains(l)).forEach(l -> out.add("is '" + l.strip() + "'"));
        return String.join(", ", out);
    }

    private void write(Path file, Object value) {
        try {
            PolicyWeights.writeDurably(file, mapper.writeValueAsBytes(value));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    private <T> T read(Path file, Class<T> type) {
        try {
            return mapper.readValue(Files.readAllBytes(file), type);
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.INVALID_DATA, file + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static void deleteTree(Path path) {
        if (!Files.exists(path)) {
            return;
        }
        try (Stream<Path> all = Files.walk(path)) {
            for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(p);
            }
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot delete " + path + ": " + e.getMessage(), e);
        }
    }
}
