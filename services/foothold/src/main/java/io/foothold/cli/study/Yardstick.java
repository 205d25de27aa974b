package io.foothold.cli.study;

import java.util.OptionalDouble;

/**
 * What the arms of a study are compared by.
 *
 * @param baseline name of the arm whose curve stands in every figure of its base
 * @param set name of the evaluation set
 * @param cost what arms are charged with
 * @param threshold pass@1 from which on a run has taken off
 * @param window evaluations whose mean tells take-off, an odd number
 */
record Yardstick(String baseline, String set, Cost cost, double threshold, int window) {
    /** What it cost a run to take off; empty where it did not. */
    OptionalDouble takeOff(Outcome outcome) {
        return outcome.costTo(threshold, set, cost, window);
    }

    /** What a run has cost as a whole. */
    double spent(Outcome outcome) {
        return cost.at(outcome, outcome.end(set));
    }
}
