package io.foothold.augmentation.grpc;

import io.foothold.augmentation.problems.ProblemSets;
import io.foothold.contracts.draw.ProblemSetDigest;
import io.foothold.contracts.files.Roots;
import io.foothold.core.problem.Problem;
import io.foothold.v1.GeneratedFamily;
import io.foothold.v1.ProblemSource;
import java.util.IdentityHashMap;
import java.util.Map;

/** Problem sets that requests name, each loaded once, and their digests. Thread-safe. */
final class LoadedProblems {
    private static final int SETS_REMEMBERED = 32;

    private final ProblemSets sets = new ProblemSets();
    private final IdentityHashMap<Map<String, Problem>, String> digests = new IdentityHashMap<>();
    private final Roots roots;

    /** Those of files below these roots. */
    LoadedProblems(Roots roots) {
        this.roots = roots;
    }

    /** A set; blocks while it is read. */
    Map<String, Problem> of(ProblemSource source) {
        return sets.load(
                switch (source.getSourceCase()) {
                    case GENERATED -> {
                        GeneratedFamily g = source.getGenerated();
                        yield new ProblemSets.Source.Generated(
                                g.getFamily(), g.getLevel(), g.getCount(), g.getSeed(), g.getSplit());
                    }
                    case JSONL_PATH ->
                        new ProblemSets.Source.Jsonl(
                                roots.regularFile("problem file", source.getJsonlPath()),
                                source.getSegmenter().isEmpty() ? "line" : source.getSegmenter(),
                                source.getThoughtDelimiter());
                    case SOURCE_NOT_SET ->
                        throw ProblemMessages.invalid("the problem source is missing (generated or jsonl)");
                });
    }

    /** The digest of a loaded set; computed once for each. */
    String digest(Map<String, Problem> problems) {
        synchronized (digests) {
            if (digests.size() > SETS_REMEMBERED) {
                digests.clear();
            }
            return digests.computeIfAbsent(
                    problems,
                    set -> ProblemSetDigest.of(() ->
                            set.values().stream().map(ProblemMessages::proto).iterator()));
        }
    }
}
