package io.foothold.core.search;

import io.foothold.core.random.Seeds;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.OptionalInt;

/**
 * The search for i*(x): the shortest prefix of an oracle solution from which the base policy gets at least {@code minPasses}
 * of its samples right (POPE, arXiv 2601.18779). A pure decision procedure: ask {@link #next()} which length to try, tell
 * {@link #record} what came of it, until {@link #result()} is there.
 *
 * <p>Lengths count thoughts and stay below the number of thoughts. When no length works, {@link Fallback} says which one is
 * taken.
 */
public final class PrefixSearch {

    /** In what order lengths are tried. */
    public enum Mode {
        /** Every length from 0 upwards: the definition itself. */
        ASCENDING,
        /** Bisection; right when success grows with the prefix, an approximation otherwise. */
        BISECT,
        /** 0, ¼, ½ and ¾ of the solution only: an approximation from above. */
        SUBSAMPLE
    }

    /** What is taken when no length works. */
    public enum Fallback {
        /** A random length below a quarter of the solution: the paper's. Of a short solution that is nothing at all. */
        SHORT,
        /** The longest length that was tried. */
        LONGEST
    }

    /**
     * What was found.
     *
     * @param prefixThoughts i*(x)
     * @param fallback true when nothing worked and the length is that of the fall-back
     */
    public record Result(int prefixThoughts, boolean fallback) {}

    private final Mode mode;
    private final int thoughts;
    private final int longest;
    private final Fallback fallback;
    private final int minPasses;
    private final Seeds seed;
    private final Deque<Integer> candidates = new ArrayDeque<>();
    private int low;
    private int high;
    private OptionalInt found = OptionalInt.empty();
    private boolean exhausted;

    /**
     * A search.
     *
     * @param thoughts thoughts of the oracle solution, at least 1
     * @param longest longest length that may be shown, below {@code thoughts}
     * @param minPasses passes that make a length good; 1 in the paper
     * @param fallback what is taken when nothing works
     * @param seed decides a fall-back that is drawn
     */
    public PrefixSearch(Mode mode, int thoughts, int longest, int minPasses, Fallback fallback, Seeds seed) {
        if (thoughts < 1 || longest < 0 || longest >= thoughts || minPasses < 1) {
            throw new IllegalArgumentException("need thoughts >= 1, 0 <= longest < thoughts, minPasses >= 1: "
                    + thoughts + ", " + longest + ", " + minPasses);
        }
        this.mode = mode;
        this.thoughts = thoughts;
        this.longest = longest;
        this.fallback = fallback;
        this.minPasses = minPasses;
        this.seed = seed;
        switch (mode) {
            case ASCENDING -> {
                for (int i = 0; i <= longest; i++) {
                    candidates.add(i);
                }
            }
            case SUBSAMPLE -> {
                for (int q = 0; q < 4; q++) {
                    int i = q * thoughts / 4;
                    if (i <= longest && !candidates.contains(i)) {
                        candidates.add(i);
                    }
                }
            }
            case BISECT -> {
                low = 0;
                high = longest + 1;
            }
        }
    }

    /** The longest length that a search with these arguments of the constructor can ask for. */
    public static int longestAsked(Mode mode, int thoughts, int longest) {
        return switch (mode) {
            case ASCENDING, BISECT -> longest;
            case SUBSAMPLE -> {
                int most = 0;
                for (int q = 0; q < 4; q++) {
                    int i = q * thoughts / 4;
                    most = i <= longest ? Math.max(most, i) : most;
                }
                yield most;
            }
        };
    }

    /** The length to try, or empty when the search is over. */
    public OptionalInt next() {
        if (exhausted) {
            return OptionalInt.empty();
        }
        if (mode == Mode.BISECT) {
            return OptionalInt.of((low + high) / 2);
        }
        Integer next = candidates.peek();
        return next == null ? OptionalInt.empty() : OptionalInt.of(next);
    }

    /** Takes the outcome of the length that {@link #next()} gave. */
    public void record(int length, int passes) {
        OptionalInt asked = next();
        if (asked.isEmpty() || asked.getAsInt() != length) {
            throw new IllegalStateException("asked for " + asked + ", told of " + length);
        }
        boolean good = passes >= minPasses;
        if (good) {
            found = OptionalInt.of(length);
        }
        if (mode == Mode.BISECT) {
            if (good) {
                high = length;
            } else {
                low = length + 1;
            }
            exhausted = low >= high;
        } else {
            candidates.poll();
            exhausted = good || candidates.isEmpty();
        }
    }

    /** Whether the search is over. */
    public boolean done() {
        return exhausted;
    }

    /** What was found. */
    public Result result() {
        if (!exhausted) {
            throw new IllegalStateException("the search is not over");
        }
        if (found.isPresent()) {
            return new Result(found.getAsInt(), false);
        }
        int length =
                switch (fallback) {
                    case SHORT -> seed.generator().nextInt(Math.max(1, thoughts / 4));
                    case LONGEST -> longestAsked(mode, thoughts, longest);
                };
        return new Result(length, true);
    }
}
