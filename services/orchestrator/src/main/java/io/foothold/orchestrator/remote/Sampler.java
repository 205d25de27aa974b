package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.rollout.Sampling;
import io.foothold.orchestrator.update.Artefact;
import io.foothold.orchestrator.update.ServerState;
import io.foothold.v1.SampleResponse;
import io.foothold.v1.SampleWork;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** Whoever turns start states into rollouts, and the inference servers behind it, as a run sees them. Thread-safe. */
public interface Sampler {
    /**
     * Samples a group; completes when every reservation has a rollout or a failure.
     *
     * @param onEach told of every rollout and failure as it comes, before the future completes; must not block
     */
    CompletableFuture<Void> sample(SampleWork work, Consumer<SampleResponse> onEach);

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
