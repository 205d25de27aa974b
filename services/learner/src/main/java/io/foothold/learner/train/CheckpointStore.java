package io.foothold.learner.train;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.names.Name;
import io.foothold.policy.Disk;
import io.foothold.policy.FileContent;
import io.foothold.policy.PolicyException;
import io.foothold.policy.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jboss.logging.Logger;

/**
 * The checkpoints of a run: {@code UPDATE/} and {@code LABEL/}, each with {@code state.json}, which holds the SHA-256 of every
 * other file and of itself. A checkpoint is there whole or not at all, also after a crash or a loss of power: it is written and
 * forced to disk under a name that begins with a dot, then moved. Those that are to go are moved to such a name first. Owned by one
 * thread.
 */
final class CheckpointStore {
    private static final Logger LOG = Logger.getLogger(CheckpointStore.class);
    static final String STATE = "state.json";
    private static final String PART = ".part-";
    private static final String OLD = ".old-";
    private static final String GONE = ".gone-";

    /**
     * What a checkpoint says of itself.
     *
     * @param update the last update in the weights
     * @param version the policy version of the weights
     * @param optimizerSteps steps of the optimizer
     * @param settings the run's settings in canonical text
     */
    record State(long update, long version, long optimizerSteps, String settings) {}

    /** {@code state.json}: the state, and SHA-256 by path of the other files. */
    record Stored(State state, Map<String, String> sha256) {}

    /** A checkpoint whose files are as they were written. */
    record Checkpoint(Path directory, State state) {}

    /**
     * Where a run can go on.
     *
     * @param checkpoint the newest whole checkpoint; empty for the base policy
     * @param damaged newer ones that were passed over, each with its files and what is wrong with them
     */
    record Found(Optional<Checkpoint> checkpoint, List<String> damaged) {}

    /** Writes part of a checkpoint by itself. */
    @FunctionalInterface
    interface Part {
        /** Files that are written already. */
        Part NONE = (directory, disk) -> Map.of();

        /** Writes into a directory that is there, forced to disk; gives SHA-256 of each file by its path in the directory. */
        Map<String, String> write(Path directory, Disk disk) throws IOException;
    }

    private final Path directory;
    private final int kept;
    private final Disk disk;
    private final Set<Path> damaged = new HashSet<>();

    /**
     * The store in a directory, which need not exist.
     *
     * @param kept numbered checkpoints that stay
     */
    CheckpointStore(Path directory, int kept, Disk disk) {
        this.directory = directory;
        this.kept = kept;
        this.disk = disk;
    }

    /** Finishes or takes back what a crash left half done. */
    void recover() {
        try {
            for (Path p : entries()) {
                String name = p.getFileName().toString();
                if (name.startsWith(OLD)) {
                    Path place = directory.resolve(name.substring(OLD.length()));
                    if (Files.exists(place)) {
                        deleteTree(p);
                    } else {
                        disk.move(p, place);
                        disk.force(directory);
                    }
                } else if (name.startsWith(PART) || name.startsWith(GONE)) {
                    deleteTree(p);
                }
            }
        } catch (IOException e) {
            throw storage("cannot tidy up " + directory, e);
        }
    }

    /**
     * Writes a checkpoint, then lets go of numbered ones that are more than are kept.
     *
     * @param label keeps it apart from retention; empty for an ordinary one, under its update's number
     * @param files by path
     * @param more writes the rest into the checkpoint's directory
     */
    void write(String label, State state, Map<String, FileContent> files, Part more) {
        Path target = label.isEmpty() ? directory.resolve(Long.toString(state.update())) : labelled(label);
        Path part = directory.resolve(PART + target.getFileName());
        Path old = directory.resolve(OLD + target.getFileName());
        try {
            deleteTree(part);
            disk.createDirectories(part);
            Map<String, String> digests = new TreeMap<>(written(part, files, disk));
            digests.putAll(more.write(part, disk));
            Set<Path> directories = new TreeSet<>(Comparator.reverseOrder());
            digests.keySet().forEach(name -> directories.add(parentOf(part.resolve(name))));
            disk.write(part.resolve(STATE), FileContent.of(SealedJson.encode(new Stored(state, digests))));
            directories.add(part);
            for (Path p : directories) {
                disk.force(p);
            }
            if (Files.exists(target)) {
                disk.move(target, old);
            }
            disk.move(part, target);
            disk.force(directory);
            damaged.remove(target);
            deleteTree(old);
            retire();
        } catch (IOException | PolicyException e) {
            throw storage("cannot write checkpoint " + target, e);
        }
    }

    /**
     * Writes files into a directory and forces them to disk.
     *
     * @return SHA-256 by path
     */
    static Map<String, String> written(Path directory, Map<String, FileContent> files, Disk disk) throws IOException {
        Map<String, String> digests = new TreeMap<>();
        for (Map.Entry<String, FileContent> file : files.entrySet()) {
            Path path = directory.resolve(file.getKey());
            disk.createDirectories(parentOf(path));
            digests.put(file.getKey(), disk.write(path, file.getValue()));
        }
        return digests;
    }

    private static Path parentOf(Path file) {
        return Objects.requireNonNull(file.getParent(), "a file has a directory");
    }

    /** The place of a checkpoint with a label: right below the others, and none that retention would take for its own. */
    private Path labelled(String label) {
        Name name = Name.of("label", label);
        if (label.chars().allMatch(Character::isDigit)) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "label '" + label + "' must have something besides digits: a number is an update's own checkpoint");
        }
        return name.below(directory);
    }

    /** Lets go of the oldest. A damaged one is worth nothing: it goes with those that are older than what stays. */
    private void retire() throws IOException {
        long oldest = oldestKept();
        for (Path p : numbered()) {
            if (update(p) < oldest) {
                Path gone = directory.resolve(GONE + p.getFileName());
                deleteTree(gone);
                disk.move(p, gone);
                disk.force(directory);
                deleteTree(gone);
            }
        }
    }

    /**
     * The update that the run can still go on from when all newer checkpoints are lost: whatever is needed to do the later ones
     * again must stay. 0, the base policy, as long as fewer checkpoints are there than are kept.
     */
    long oldestKept() {
        List<Path> whole = numbered().stream().filter(p -> !damaged.contains(p)).toList();
        return whole.size() < kept ? 0 : update(whole.get(whole.size() - kept));
    }

    /**
     * The newest checkpoint whose files are all as they were written.
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} with the differing lines when it was made with other settings;
     *     {@link ErrorCode#INVALID_DATA} naming the files when every checkpoint is damaged and the run cannot begin again at its base
     */
    Found newest(String settings) {
        List<String> problems = new ArrayList<>();
        for (Path p : numbered().reversed()) {
            List<String> wrong = new ArrayList<>();
            Optional<Stored> stored = verified(p, wrong);
            if (stored.isPresent()) {
                State state = stored.get().state();
                if (!state.settings().equals(settings)) {
                    throw new FootholdException(
                            ErrorCode.CONFLICT,
                            "the run's configuration changed since checkpoint " + p + ": "
                                    + difference(state.settings(), settings));
                }
                problems.forEach(text -> LOG.warnf("%s; going on from %s", text, p));
                return new Found(Optional.of(new Checkpoint(p, state)), problems);
            }
            damaged.add(p);
            problems.add("checkpoint " + p + " is damaged: " + String.join("; ", wrong));
        }
        if (problems.size() >= kept) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    "no checkpoint of the run is whole, put back one from a copy: " + String.join("; ", problems));
        }
        problems.forEach(text -> LOG.warnf("%s; going on from the base policy", text));
        return new Found(Optional.empty(), problems);
    }

    /** What a checkpoint holds if its files are whole; else what is wrong is added to the list. */
    private static Optional<Stored> verified(Path checkpoint, List<String> wrong) {
        Stored stored;
        try {
            stored = SealedJson.decode(checkpoint.resolve(STATE), Stored.class);
        } catch (FootholdException e) {
            wrong.add(e.text());
            return Optional.empty();
        }
        wrong.addAll(wrong(checkpoint, stored.sha256(), STATE));
        return wrong.isEmpty() ? Optional.of(stored) : Optional.empty();
    }

    /**
     * What is wrong with files in a directory; empty for nothing.
     *
     * @param sha256 as they were written, by path
     * @param record the file that says so
     */
    static List<String> wrong(Path directory, Map<String, String> sha256, String record) {
        List<String> wrong = new ArrayList<>();
        sha256.forEach((name, expected) -> {
            Path file = directory.resolve(name);
            try {
                String found = Files.exists(file) ? Sha256.of(file) : "";
                if (!found.equals(expected)) {
                    wrong.add(name + (found.isEmpty() ? " is missing" : " has SHA-256 " + found) + ", " + record
                            + " says " + expected);
                }
            } catch (IOException e) {
                wrong.add(name + " cannot be read: " + e);
            }
        });
        return wrong;
    }

    private List<Path> entries() throws IOException {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(directory)) {
            return all.sorted().toList();
        }
    }

    /** Checkpoints of updates, oldest first. */
    private List<Path> numbered() {
        try {
            return entries().stream()
                    .filter(p -> p.getFileName().toString().matches("\\d{1,18}"))
                    .sorted(Comparator.comparingLong(CheckpointStore::update))
                    .toList();
        } catch (IOException e) {
            throw storage("cannot list " + directory, e);
        }
    }

    private static long update(Path checkpoint) {
        return Long.parseLong(checkpoint.getFileName().toString());
    }

    static String difference(String before, String after) {
        List<String> a = before.lines().toList();
        List<String> b = after.lines().toList();
        List<String> out = new ArrayList<>();
        a.stream().filter(l -> !b.contains(l)).forEach(l -> out.add("was '" + l.strip() + "'"));
        b.stream().filter(l -> !a.contains(l)).forEach(l -> out.add("is '" + l.strip() + "'"));
        return String.join(", ", out);
    }

    private void deleteTree(Path path) throws IOException {
        if (!Files.exists(path)) {
            return;
        }
        try (Stream<Path> all = Files.walk(path)) {
            for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
                disk.delete(p);
            }
        }
    }

    private static FootholdException storage(String what, Exception e) {
        return new FootholdException(ErrorCode.STORAGE, what + ": " + e.getMessage(), e);
    }
}
