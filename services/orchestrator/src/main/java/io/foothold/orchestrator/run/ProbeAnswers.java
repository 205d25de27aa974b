package io.foothold.orchestrator.run;

import io.foothold.core.stats.SetStatistics;
import io.foothold.orchestrator.remote.Augmentation.Probe;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * Answers to the probes of mining and search, each sampled once however often it is asked for: a service that was started again asks
 * from the beginning, also for what is still under way. Thread-safe.
 */
final class ProbeAnswers {
    private record Key(String problemId, int prefixThoughts, int earlierLooks) {}

    private final Map<Key, CompletableFuture<SetStatistics.Count>> known = new ConcurrentHashMap<>();
    private final Function<Probe, CompletableFuture<SetStatistics.Count>> sample;

    /**
     * Answers.
     *
     * @param sample starts the sampling of a probe
     */
    ProbeAnswers(Function<Probe, CompletableFuture<SetStatistics.Count>> sample) {
        this.sample = sample;
    }

    /** The outcome of a probe, or the one that is being made. */
    CompletableFuture<SetStatistics.Count> answer(Probe probe) {
        Key key = new Key(probe.start().problemId(), probe.start().prefixThoughts(), probe.earlierLooks());
        return known.computeIfAbsent(key, k -> sample.apply(probe));
    }
}
