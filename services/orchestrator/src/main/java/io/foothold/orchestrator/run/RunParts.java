package io.foothold.orchestrator.run;

import io.foothold.orchestrator.remote.StopSignal;
import io.foothold.orchestrator.runfile.Methods;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;

/**
 * What the updates of a run are made with.
 *
 * @param trainingTokens what training has cost so far in sampled tokens, over all processes of the run
 * @param threads what is done beside the loop, a thread a piece
 */
record RunParts(
        RunSpec spec,
        StopSignal stop,
        RunLog log,
        RunClock clock,
        GroupRunner groups,
        MethodRunner methods,
        Methods named,
        Training training,
        LearnerLink learner,
        PolicyPublisher publisher,
        Publication publication,
        LongSupplier trainingTokens,
        Executor threads) {}
