package io.foothold.orchestrator.run;

/**
 * Wall time of a place's resets, seconds; of its slowest seed where there are several.
 *
 * @param rounds of drawing
 * @param draw all rounds
 * @param localize questions to the policy included
 * @param suffixes sampling and verification
 */
record ResetTimes(int rounds, double draw, double localize, double suffixes) {
    /** Everything, in units of one round of drawing: how many chains one after the other it took. */
    double chains() {
        return rounds == 0 ? 0 : (draw + localize + suffixes) / (draw / rounds);
    }
}
