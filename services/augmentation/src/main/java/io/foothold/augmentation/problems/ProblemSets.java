package io.foothold.augmentation.problems;

import io.foothold.augmentation.dial.Dial;
import io.foothold.augmentation.dial.JumpDial;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.Segmenter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Loads problem sets and remembers the last few; the same source always gives the same problems. Thread-safe: a set is read once for
 * all who ask for it, and nobody waits for another set. Blocks on the file system, so it is not for I/O threads.
 */
public final class ProblemSets {
    private static final int REMEMBERED = 16;
    private static final List<String> FAMILIES = List.of("add", "dial", "dial-jumps", "dial-traced", "dial-restating");

    /** Where problems come from. */
    public sealed interface Source {
        /** A generated family. */
        record Generated(String family, String level, int count, long seed, String split) implements Source {}

        /** A JSONL file; solutions that are one text are cut by the named segmenter. */
        record Jsonl(Path file, String segmenter, String delimiter) implements Source {}
    }

    /** A source as it was at a time: a file that was changed is read again. */
    private record Version(Source source, long modified, long size) {}

    private final Map<Version, CompletableFuture<Map<String, Problem>>> loaded = new LinkedHashMap<>();

    /** The problems of a source by id, in order. */
    public Map<String, Problem> load(Source source) {
        Version version = version(source);
        CompletableFuture<Map<String, Problem>> mine = new CompletableFuture<>();
        CompletableFuture<Map<String, Problem>> set;
        synchronized (loaded) {
            set = loaded.computeIfAbsent(version, v -> mine);
            if (loaded.size() > REMEMBERED) {
                loaded.remove(loaded.keySet().iterator().next());
            }
        }
        if (set == mine) {
            try {
                Map<String, Problem> problems = new LinkedHashMap<>();
                read(source).forEach(problem -> problems.put(problem.id(), problem));
                mine.complete(problems);
            } catch (RuntimeException e) {
                forget(version, mine);
                mine.completeExceptionally(e);
                throw e;
            } catch (Error e) {
                forget(version, mine);
                mine.completeExceptionally(e);
                throw e;
            }
        }
        try {
            return set.join();
        } catch (CompletionException e) {
            FootholdException failure = FootholdException.of(e);
            if (failure.code() == ErrorCode.CANCELLED) {
                // Another caller's deadline, not ours: asked again, the set is read again.
                throw new FootholdException(ErrorCode.DEADLINE, failure.text(), failure);
            }
            throw failure;
        }
    }

    private void forget(Version version, CompletableFuture<Map<String, Problem>> set) {
        synchronized (loaded) {
            loaded.remove(version, set);
        }
    }

    private static Version version(Source source) {
        return switch (source) {
            case Source.Generated g -> new Version(g, 0, 0);
            case Source.Jsonl j -> {
                try {
                    BasicFileAttributes now = Files.readAttributes(j.file(), BasicFileAttributes.class);
                    yield new Version(j, now.lastModifiedTime().toMillis(), now.size());
                } catch (NoSuchFileException e) {
                    throw new FootholdException(ErrorCode.NOT_FOUND, "problem file " + j.file() + " does not exist", e);
                } catch (IOException e) {
                    throw new FootholdException(
                            ErrorCode.INVALID_DATA, "problem file " + j.file() + " cannot be looked at", e);
                }
            }
        };
    }

    private static List<Problem> read(Source source) {
        try {
            return switch (source) {
                case Source.Generated g -> generated(g);
                case Source.Jsonl j -> JsonlProblems.read(j.file(), Segmenter.named(j.segmenter(), j.delimiter()));
            };
        } catch (IllegalArgumentException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, e.getMessage(), e);
        }
    }

    private static List<Problem> generated(Source.Generated g) {
        if (g.count() < 1 || g.count() > 1_000_000) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, "count must be 1..1000000, got " + g.count());
        }
        return switch (g.family()) {
            case "add" -> Addition.problems(Addition.Level.named(g.level()), g.count(), g.seed(), g.split());
            case "dial" -> Dial.problems(Dial.Level.named(g.level()), g.count(), g.seed(), g.split());
            case "dial-jumps" -> jumps(g, 0, JumpDial.Claim.LAST_MARK);
            case "dial-traced" -> jumps(g, 0, JumpDial.Claim.EVERY_MARK);
            case "dial-restating" -> jumps(g, JumpDial.MOVES, JumpDial.Claim.LAST_MARK);
            default ->
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "unknown family '" + g.family() + "'" + Nearest.hint(g.family(), FAMILIES));
        };
    }

    private static List<Problem> jumps(Source.Generated g, int restated, JumpDial.Claim claim) {
        return JumpDial.problems(JumpDial.Level.named(g.level()), g.count(), g.seed(), g.split(), restated, claim);
    }
}
