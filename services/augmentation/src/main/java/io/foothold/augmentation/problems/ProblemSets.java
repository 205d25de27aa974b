package io.foothold.augmentation.problems;

import io.foothold.augmentation.dial.Dial;
import io.foothold.augmentation.dial.JumpDial;
import io.foothold.augmentation.dial.TwoDials;
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
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Loads problem sets and remembers the last few; the same source always gives the same problems. Thread-safe: a set is read once for
 * all who ask for it, on a thread of its own, and who asks for another set does not wait for it. Blocks, so it is not for I/O threads.
 */
public final class ProblemSets {
    private static final int REMEMBERED = 16;
    private static final int READERS = 4;
    /** The generated families. */
    public static final List<String> FAMILIES =
            List.of("add", "dial", "dial-jumps", "dial-traced", "dial-restating", "two-dials", "two-dials-terse");

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
    private final Function<Source, List<Problem>> reader;
    private final ThreadPoolExecutor readers;

    /** Sets as their sources say, none read yet. */
    public ProblemSets() {
        this(ProblemSets::read);
    }

    /**
     * Sets that are read in another way.
     *
     * @param reader gives the problems of a source; may block
     */
    ProblemSets(Function<Source, List<Problem>> reader) {
        this.reader = reader;
        this.readers = new ThreadPoolExecutor(
                READERS,
                READERS,
                1,
                TimeUnit.MINUTES,
                new LinkedBlockingQueue<>(),
                Thread.ofPlatform().daemon().name("sets-", 0).factory());
        readers.allowCoreThreadTimeOut(true);
    }

    /**
     * The problems of a source by id, in order. Reading goes on when whoever asked for it is interrupted, so that a set which takes longer
     * than anybody waits is there for those who ask again.
     *
     * @throws FootholdException CANCELLED when the thread is interrupted while it waits
     */
    public Map<String, Problem> load(Source source) {
        try {
            return reading(source, version(source)).get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.CANCELLED, "a problem set is not waited for any more", e);
        } catch (ExecutionException e) {
            throw FootholdException.of(e);
        }
    }

    private CompletableFuture<Map<String, Problem>> reading(Source source, Version version) {
        synchronized (loaded) {
            CompletableFuture<Map<String, Problem>> known = loaded.get(version);
            if (known != null) {
                return known;
            }
            CompletableFuture<Map<String, Problem>> set = new CompletableFuture<>();
            readers.execute(() -> {
                try {
                    set.complete(byId(reader.apply(source)));
                } catch (Throwable e) {
                    // First forgotten: whoever hears of it may ask again.
                    forget(version, set);
                    set.completeExceptionally(e);
                }
            });
            loaded.put(version, set);
            if (loaded.size() > REMEMBERED) {
                // Never one that is being read: those who ask for it again would begin anew.
                loaded.entrySet().stream()
                        .filter(e -> e.getValue().isDone())
                        .findFirst()
                        .ifPresent(eldest -> loaded.remove(eldest.getKey()));
            }
            return set;
        }
    }

    private static Map<String, Problem> byId(List<Problem> problems) {
        Map<String, Problem> out = new LinkedHashMap<>();
        problems.forEach(problem -> out.put(problem.id(), problem));
        return out;
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
            case "two-dials" -> TwoDials.problems(g.level(), g.count(), g.seed(), g.split(), TwoDials.Oracle.OWN);
            case "two-dials-terse" ->
                TwoDials.problems(g.level(), g.count(), g.seed(), g.split(), TwoDials.Oracle.TERSE);
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
