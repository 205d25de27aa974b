package io.foothold.core.bandit;

import java.util.SplittableRandom;

/**
 * A problem of T thoughts with two choices each, every one by a logistic policy of its own at each node of the tree: 2^T − 1
 * parameters. Choice 0 everywhere is the oracle solution; one wrong path, choice 1 everywhere, is right by luck. Everything can
 * be enumerated: success, gradients, first errors.
 *
 * <p>A path is a bit set, first thought lowest. Nodes are numbered as in a heap: the root is 0, the children of n are 2n + 1 and
 * 2n + 2. Strict arithmetic: the same numbers on every machine.
 */
public final class TreeProblem {
    private final int thoughts;
    private final double[] logits;

    /**
     * A problem.
     *
     * @param logits log-odds of choice 0 at each node, shape [2^T − 1]
     */
    public TreeProblem(int thoughts, double[] logits) {
        if (thoughts < 1 || thoughts > 16 || logits.length != (1 << thoughts) - 1) {
            throw new IllegalArgumentException(
                    "need 1 to 16 thoughts and 2^T - 1 logits, got " + thoughts + " and " + logits.length);
        }
        this.thoughts = thoughts;
        this.logits = logits.clone();
    }

    /** Thoughts of a path. */
    public int thoughts() {
        return thoughts;
    }

    /** Number of parameters. */
    public int parameters() {
        return logits.length;
    }

    /** Whether a path is rewarded. */
    public boolean right(int path) {
        return path == 0 || path == (1 << thoughts) - 1;
    }

    /** One-based number of the first thought that is not the oracle's; 0 when all are. */
    public int firstError(int path) {
        return path == 0 ? 0 : Integer.numberOfTrailingZeros(path) + 1;
    }

    private static int child(int node, int choice) {
        return 2 * node + 1 + choice;
    }

    private double zero(int node) {
        return 1 / (1 + StrictMath.exp(-logits[node]));
    }

    /** The node after the first {@code given} thoughts of a path. */
    private int node(int path, int given) {
        int node = 0;
        for (int t = 0; t < given; t++) {
            node = child(node, path >> t & 1);
        }
        return node;
    }

    /** A path that keeps the first {@code given} thoughts of another. */
    public int sample(int path, int given, SplittableRandom random) {
        int out = path & ((1 << given) - 1);
        int node = node(path, given);
        for (int t = given; t < thoughts; t++) {
            int choice = random.nextDouble() < zero(node) ? 0 : 1;
            out |= choice << t;
            node = child(node, choice);
        }
        return out;
    }

    /** Adds {@code weight · ∇ log π} of the thoughts behind the first {@code given} to a gradient at an offset. */
    public void addScore(int path, int given, double weight, double[] gradient, int offset) {
        for (int t = given; t < thoughts; t++) {
            addScoreOf(path, t, weight, gradient, offset);
        }
    }

    /** Adds {@code weight · ∇ log π} of one thought, counted from 0, to a gradient at an offset. */
    void addScoreOf(int path, int thought, double weight, double[] gradient, int offset) {
        int node = node(path, thought);
        gradient[offset + node] += weight * ((path >> thought & 1) == 0 ? 1 - zero(node) : -zero(node));
    }

    /** Probability of one thought of a path, counted from 0, given those before it. */
    double choice(int path, int thought) {
        double zero = zero(node(path, thought));
        return (path >> thought & 1) == 0 ? zero : 1 - zero;
    }

    /** Probability of a path, given its first thoughts. */
    public double probability(int path, int given) {
        double out = 1;
        int node = node(path, given);
        for (int t = given; t < thoughts; t++) {
            int choice = path >> t & 1;
            out *= choice == 0 ? zero(node) : 1 - zero(node);
            node = child(node, choice);
        }
        return out;
    }

    /** Success from the state behind the first thoughts of a path. */
    public double success(int path, int given) {
        double out = 0;
        for (int rest = 0; rest < 1 << (thoughts - given); rest++) {
            int full = (path & ((1 << given) - 1)) | (rest << given);
            out += right(full) ? probability(full, given) : 0;
        }
        return out;
    }

    /** Adds {@code weight} times the gradient of {@link #success}, exactly. */
    public void addSuccessGradient(int path, int given, double weight, double[] gradient, int offset) {
        for (int rest = 0; rest < 1 << (thoughts - given); rest++) {
            int full = (path & ((1 << given) - 1)) | (rest << given);
            if (right(full)) {
                addScore(full, given, weight * probability(full, given), gradient, offset);
            }
        }
    }
}
