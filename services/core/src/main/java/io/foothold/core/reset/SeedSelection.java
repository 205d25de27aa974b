package io.foothold.core.reset;

import java.util.ArrayList;
import java.util.List;

/**
 * Which fresh rollouts of one problem become seeds and which the base group: a pure decision procedure. Ask {@link #next()} how
 * many to draw, tell {@link #record} what they were, until {@link #next()} is 0; then {@link #result()}.
 *
 * <p>Drawing one by one, as the authors' code does, or in these batches gives the same rollouts their places: a batch is never
 * larger than what one-by-one drawing would still need at least.
 */
public final class SeedSelection {

    /** What a fresh rollout was. */
    public enum Draw {
        /** The answer is right. */
        RIGHT,
        /** The answer is wrong and there are thoughts to reset to. */
        WRONG,
        /** The answer is wrong and there is no thought; it can be in a base group with its reward, but is no seed. */
        WRONG_WITHOUT_THOUGHTS
    }

    /**
     * The places of the draws, by index in the order drawn.
     *
     * @param base members of the base group, or of the plain group when there are no seeds; empty for none
     * @param seeds failed rollouts to localize; under {@link ResetSplit.SeedRule#PAPER} they may be in {@code base} too
     */
    public record Result(List<Integer> base, List<Integer> seeds) {
        /** Whether a draw is trained on. */
        public boolean trains(int draw) {
            return base.contains(draw);
        }
    }

    private final ResetSplit split;
    private final List<Draw> draws = new ArrayList<>();
    private boolean plain;

    /** A selection for one problem. */
    public SeedSelection(ResetSplit split) {
        this.split = split;
    }

    /** How many fresh rollouts to draw now; 0 when the selection is made. */
    public int next() {
        if (draws.isEmpty()) {
            return split.firstDraws();
        }
        if (plain) {
            return Math.max(0, split.trained() - draws.size());
        }
        int missingSeeds = split.seeds() - seeds().size();
        int missingBase = split.rule() == ResetSplit.SeedRule.PAPER ? 0 : Math.max(0, split.baseRollouts() - others());
        int missing = missingSeeds + missingBase;
        if (missing == 0) {
            return 0;
        }
        if (draws.size() >= split.mostDraws()) {
            plain = missingSeeds > 0 && split.withoutSeeds() == ResetSplit.WithoutSeeds.PLAIN;
            return plain ? Math.max(0, split.trained() - draws.size()) : 0;
        }
        return Math.min(missing, split.mostDraws() - draws.size());
    }

    /** Takes what the draws were that {@link #next()} asked for. */
    public void record(List<Draw> drawn) {
        int asked = next();
        if (drawn.size() != asked || asked == 0) {
            throw new IllegalStateException("asked for " + asked + " draws, told of " + drawn.size());
        }
        draws.addAll(drawn);
    }

    /** The places. */
    public Result result() {
        if (next() != 0) {
            throw new IllegalStateException("the selection is not made");
        }
        List<Integer> seeds = seeds();
        if (seeds.size() < split.seeds()) {
            return new Result(plain ? plainGroup(seeds) : range(draws.size()), List.of());
        }
        if (split.rule() == ResetSplit.SeedRule.PAPER) {
            return new Result(range(split.baseRollouts()), seeds);
        }
        return new Result(
                range(draws.size()).stream()
                        .filter(i -> !seeds.contains(i))
                        .limit(split.baseRollouts())
                        .toList(),
                seeds);
    }

    /** The authors' code keeps the failures that it found; independent draws would not look at them. */
    private List<Integer> plainGroup(List<Integer> seeds) {
        List<Integer> order = new ArrayList<>(split.rule() == ResetSplit.SeedRule.PAPER ? List.of() : seeds);
        range(draws.size()).stream().filter(i -> !order.contains(i)).forEach(order::add);
        return order.stream().limit(split.trained()).sorted().toList();
    }

    /** Failures among the draws that were made to find one; those that fill a plain group come too late. */
    private List<Integer> seeds() {
        return range(Math.min(draws.size(), split.mostDraws())).stream()
                .filter(i -> draws.get(i) == Draw.WRONG)
                .limit(split.seeds())
                .toList();
    }

    private int others() {
        return draws.size() - seeds().size();
    }

    private static List<Integer> range(int n) {
        return java.util.stream.IntStream.range(0, n).boxed().toList();
    }
}
