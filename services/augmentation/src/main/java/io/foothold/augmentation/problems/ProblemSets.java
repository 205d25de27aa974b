package io.foothold.augmentation.problems;

import io.foothold.augmentation.dial.Dial;
import io.foothold.augmentation.dial.JumpDial;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.Segmenter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Loads problem sets and remembers the last few; the same source always gives the same problems. Thread-safe. */
public final class ProblemSets {
    private static final int REMEMBERED = 16;
    private static final List<String> FAMILIES = List.of("dial", "dial-jumps", "dial-traced", "dial-restating");

    /** Where problems come from. */
    public sealed interface Source {
        /** A generated family. */
        record Generated(String family, String level, int count, long seed, String split) implements Source {}

        /** A JSONL file; solutions that are one text are cut by the named segmenter. */
        record Jsonl(String path, String segmenter, String delimiter, long modified) implements Source {}
    }

    private final Map<Source, Map<String, Problem>> loaded = new LinkedHashMap<>();

    /** The problems of a source by id, in order. */
    public synchronized Map<String, Problem> load(Source source) {
        Map<String, Problem> known = loaded.get(source);
        if (known == null) {
            known = new LinkedHashMap<>();
            for (Problem problem : read(source)) {
                known.put(problem.id(), problem);
            }
            if (loaded.size() >= REMEMBERED) {
                loaded.remove(loaded.keySet().iterator().next());
            }
            loaded.put(source, known);
        }
        return known;
    }

    private static List<Problem> read(Source source) {
        try {
            return switch (source) {
                case Source.Generated g -> {
                    if (g.count() < 1 || g.count() > 1_000_000) {
                        throw new FootholdException(
                                ErrorCode.INVALID_INPUT, "count must be 1..1000000, got " + g.count());
                    }
                    yield switch (g.family()) {
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
                case Source.Jsonl j ->
                    JsonlProblems.read(Path.of(j.path()), Segmenter.named(j.segmenter(), j.delimiter()));
            };
        } catch (IllegalArgumentException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, e.getMessage(), e);
        }
    }

    private static List<Problem> jumps(Source.Generated g, int restated, JumpDial.Claim claim) {
        return JumpDial.problems(JumpDial.Level.named(g.level()), g.count(), g.seed(), g.split(), restated, claim);
    }
}
