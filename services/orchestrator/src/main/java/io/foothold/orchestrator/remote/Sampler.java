package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.SampledRollout;
import io.foothold.orchestrator.rollout.Sampling;
import io.foothold.orchestrator.update.Artefact;
import io.foothold.orchestrator.update.ServerState;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** Whoever turns start states into rollouts, and the inference servers behind it, as a run sees them. Thread-safe. */
public interface Sampler {
    /**
     * A rollout that was reserved in the ledger before it is sampled.
     *
     * @param rolloutId also the id of the request at the inference server, so that a retry is harmless
     * @param seed of its sampling noise, not negative
     */
    record Reservation(String rolloutId, long seed) {}

    /**
     * Which policy may sample.
     *
     * @param exactly whether no other may; else every later one of the run may too
     */
    record Wanted(PolicyVersion policy, boolean exactly) {}

    /**
     * Rollouts of one group.
     *
     * @param reservations one a rollout
     * @param frozen whether the servers sample that keep their policy and are never published to
     */
    record Work(
            String groupId,
            PromptedStart start,
            Sampling sampling,
            List<Reservation> reservations,
            Wanted wanted,
            boolean frozen) {
        /** Copies. */
        public Work {
            reservations = List.copyOf(reservations);
        }
    }

    /** What a sampler says of a rollout. */
    sealed interface Answer {}

    /** It was sampled. */
    record Came(SampledRollout rollout) implements Answer {}

    /** It will not come. */
    record Failed(String rolloutId, FootholdException failure) implements Answer {}

    /**
     * Samples a group; completes when every reservation has a rollout or a failure.
     *
     * @param onEach told of every rollout and failure as it comes, before the future completes; must not block
     */
    CompletableFuture<Void> sample(Work work, Consumer<Answer> onEach);

    /**
     * Switches every inference server to a policy version.
     *
     * @return for how long the servers drew no tokens
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} when another publisher holds the servers
     */
    Duration publish(Artefact artefact, Holder publisher);

    /** Says again what was published; not repeated when the sampler is away, as it is said again anyway. */
    void publishedStill(Artefact artefact, Holder publisher);

    /**
     * Lets another publisher have the inference servers, also when the run was asked to stop. Does not wait long: what is not let go of runs
     * out by itself.
     */
    void release(Holder publisher);

    /** Has prompts encoded that will be sampled soon drawn from like this; not repeated, as it only saves time. */
    void preparePrompts(List<String> prompts, Sampling sampling);

    /** How many tokens each of these prompts has, drawn from like this. */
    List<Integer> countTokens(List<String> prompts, Sampling sampling);

    /** The tokens of each of these prompts, drawn from like this. */
    List<List<Integer>> tokens(List<String> prompts, Sampling sampling);

    /** The state of the inference servers. */
    List<ServerState> servers();
}
