package io.foothold.core.loss;

/** What a {@link PolicyLoss} says of one rollout, summed up token by token. Owned by one thread. */
public final class Objective {
    private final double[] slopes;
    private double value;

    /** Nothing yet. */
    public Objective(int tokens) {
        this.slopes = new double[tokens];
    }

    /** Adds to the value alone. */
    public void add(double more) {
        value += more;
    }

    /** Adds to the derivative by a token's log-prob alone. */
    public void addSlope(int token, double slope) {
        slopes[token] += slope;
    }

    /**
     * Adds what a token is worth.
     *
     * @param worth weight included
     * @param slope its derivative by the token's log-prob, weight included
     */
    public void add(int token, double worth, double slope) {
        value += worth;
        slopes[token] += slope;
    }

    /** The sum. */
    public double value() {
        return value;
    }

    /** Derivative by each token's log-prob, shape [tokens]; not copied. */
    public double[] slopes() {
        return slopes;
    }
}
