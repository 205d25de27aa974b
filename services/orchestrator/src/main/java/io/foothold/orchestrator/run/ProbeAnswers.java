package io.foothold.orchestrator.run;

import io.foothold.v1.Probe;
import io.foothold.v1.ProbeOutcome;
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

    private final Map<Key, CompletableFuture<ProbeOutcome>> known = new ConcurrentHashMap<>();
    private final Function<Probe, CompletableFuture<ProbeOutcome>> sample;

    /**
     * Answers.
     *
     * @param sample starts the sampling of a probe
     */
    ProbeAnswers(Function<Probe, CompletableFuture<ProbeOutcome>> sample) {
        this.sample = sample;
    }

    /** The outcome under the probe's own id. */
    CompletableFuture<ProbeOutcome> answer(Probe probe) {
        Key key = new Key(
                probe.getStart().getProblemId(),
                probe.getStart().getGuided().getPrefixThoughts(),
                probe.getEarlierLooks());
        return known.computeIfAbsent(key, k -> sample.apply(probe))
                .thenApply(outcome ->
                        outcome.toBuilder().setProbeId(probe.getProbeId()).build());
    }
}
