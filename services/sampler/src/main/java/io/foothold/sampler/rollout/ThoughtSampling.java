package io.foothold.sampler.rollout;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.atomic.AtomicBoolean;

/** The rollouts of a group, each thought by thought on a thread of its own; one that fails leaves its neighbours alone. */
final class ThoughtSampling {
    private final GroupWork work;
    private final RolloutSampler.Sink sink;
    private final Engines engines;
    private final ExecutorService threads;
    private final Set<GroupSampling> running = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean cancelled = new AtomicBoolean();

    ThoughtSampling(GroupWork work, RolloutSampler.Sink sink, Engines engines, ExecutorService threads) {
        this.work = work;
        this.sink = sink;
        this.engines = engines;
        this.threads = threads;
    }

    void cancel() {
        cancelled.set(true);
        running.forEach(GroupSampling::cancel);
    }

    void run() {
        List<CompletableFuture<Void>> chains = work.reservations().stream()
                .map(r -> CompletableFuture.runAsync(() -> chain(r), threads))
                .toList();
        chains.forEach(CompletableFuture::join);
        if (!cancelled.get()) {
            sink.done();
        }
    }

    private void chain(GroupWork.Reservation reservation) {
        try {
            int[] prompt = engines.promptTokens(work);
            byte[][] vocabulary = engines.vocabulary(engines.choose(), work);
            SampledRollout rollout = new Thoughtwise(work, reservation, prompt, vocabulary).sample(this::thought);
            tell(() -> sink.sampled(rollout));
        } catch (Throwable t) {
            // Whatever it is: somebody waits for the rollout.
            tell(() -> sink.failed(reservation.rolloutId(), FootholdException.of(t)));
        }
    }

    private synchronized void tell(Runnable what) {
        if (!cancelled.get()) {
            what.run();
        }
    }

    /** Samples one thought, asked for again like any rollout. */
    private SampledRollout thought(GroupWork single) {
        CompletableFuture<SampledRollout> answer = new CompletableFuture<>();
        GroupSampling group = new GroupSampling(
                single,
                new RolloutSampler.Sink() {
                    @Override
                    public void sampled(SampledRollout rollout) {
                        answer.complete(rollout);
                    }

                    @Override
                    public void failed(String rolloutId, FootholdException failure) {
                        answer.completeExceptionally(failure);
                    }

                    @Override
                    public void done() {}
                },
                engines);
        running.add(group);
        try {
            if (cancelled.get()) {
                group.cancel();
            }
            group.run();
            answer.completeExceptionally(new FootholdException(ErrorCode.CANCELLED, "the caller went away"));
            return answer.join();
        } finally {
            running.remove(group);
        }
    }
}
