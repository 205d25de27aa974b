package io.foothold.orchestrator.run;

import io.foothold.orchestrator.remote.StopSignal;
import io.foothold.orchestrator.runfile.Methods;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;

/**
 * What the updates of a run are made with.
 *
 * @param threads what is done beside the loop, a thread a piece
 */
record RunParts(
        RunSpec spec,
        StopSignal stop,
        RunLog log,
        RunClock clock,
        Places places,
        Updates updates,
        Policies policies,
        Executor threads) {

    /**
     * What places are filled with.
     *
     * @param named how they are filled
     * @param trainingTokens what training has cost so far in sampled tokens, over all processes of the run
     */
    record Places(GroupRunner groups, MethodRunner methods, Methods named, LongSupplier trainingTokens) {}

    /** What updates are made by. */
    record Updates(Training training, LearnerLink learner) {}

    /** What policies are published by. */
    record Policies(PolicyPublisher publisher, Publication publication) {}
}
