package io.foothold.sampler.rollout;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.log.LogIds;
import io.foothold.contracts.trace.Trace;
import io.foothold.sampler.triton.EndpointWatch;
import io.foothold.sampler.triton.Servers;
import io.foothold.sampler.triton.TritonEndpoint;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Samples groups: one stream a group at the healthy endpoint with the least work, a rollout that did not come asked for again
 * with the same seed, at another endpoint if there is one. A rollout is emitted once or failed once, never both. Each group
 * runs on a virtual thread of its own. Thread-safe.
 */
public final class RolloutSampler implements AutoCloseable {
    /**
     * Limits.
     *
     * @param deadline time one attempt at a group may take
     * @param attempts times a rollout is asked for
     * @param backoff pause before the second attempt; doubles
     * @param probeEvery time between two probes of each server
     * @param patience longest wait for a server to come back while all are away
     */
    public record Limits(Duration deadline, int attempts, Duration backoff, Duration probeEvery, Duration patience) {}

    /** Where results go; called by one thread at a time. */
    public interface Sink {
        /** A finished rollout. */
        void sampled(SampledRollout rollout);

        /** A rollout that will not come. */
        void failed(String rolloutId, FootholdException failure);

        /** Every rollout of the group was sampled or failed. */
        void done();
    }

    private final Engines engines;
    private final ExecutorService threads = Trace.carrying(Executors.newVirtualThreadPerTaskExecutor());
    /** A sampler over these servers; closes them with itself. */
    public RolloutSampler(Servers servers, Limits limits) {
        this.engines = new Engines(servers, limits);
    }

    /** Who publishes to them and knows which are well. */
    public EndpointWatch watch() {
        return engines.watch();
    }

    /** The inference servers that are there. */
    public List<TritonEndpoint> endpoints() {
        return engines.now();
    }

    /** Starts a group that no trace follows; the returned action gives it up. */
    public Runnable sample(GroupWork work, Sink sink) {
        return sample(work, "", sink);
    }

    /**
     * Starts a group; the returned action gives it up.
     *
     * @param trace the trace that it belongs to, see {@link Trace}; empty where nothing is traced
     */
    public Runnable sample(GroupWork work, String trace, Sink sink) {
        if (engines.draining()) {
            throw new FootholdException(ErrorCode.DRAINING, "the sampler is shutting down");
        }
        if (work.settings().thoughtwise()) {
            ThoughtSampling thoughts = new ThoughtSampling(work, sink, engines, threads);
            threads.execute(() -> of(work, trace, thoughts::run));
            return thoughts::cancel;
        }
        GroupSampling group = new GroupSampling(work, sink, engines);
        threads.execute(() -> of(work, trace, group::run));
        return group::cancel;
    }

    private static void of(GroupWork work, String trace, Runnable sampling) {
        try (LogIds ids = LogIds.ofGroup(work.groupId());
                Trace.Part part = Trace.follow("sample", trace)
                        .with("group", work.groupId())
                        .with("rollouts", work.reservations().size())) {
            part.during(() -> {
                sampling.run();
                return true;
            });
        }
    }

    /**
     * Encodes prompts that will be sampled soon; groups with one of them find its token ids here. Blocks its caller.
     *
     * @param chat see {@link TritonEndpoint.Prompt}
     * @return the tokens of each
     * @throws FootholdException when the inference server does not encode them
     */
    public List<int[]> prepare(List<String> texts, String chat) {
        List<CompletableFuture<int[]>> encoding = texts.stream()
                .map(text -> CompletableFuture.supplyAsync(
                        () -> engines.promptTokens(new TritonEndpoint.Prompt(text, chat)), threads))
                .toList();
        try {
            return encoding.stream().map(CompletableFuture::join).toList();
        } catch (CompletionException e) {
            throw FootholdException.of(e);
        }
    }

    /** Takes no further work, waits for what is under way but not for servers that are away, then closes the endpoints. */
    @Override
    public void close() {
        engines.drain();
        threads.close();
        engines.close();
    }
}
