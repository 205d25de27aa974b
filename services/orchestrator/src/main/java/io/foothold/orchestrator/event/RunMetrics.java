package io.foothold.orchestrator.event;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.contracts.metric.Metric;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/** What Prometheus is told of runs: counted from the events that everybody else sees too. Thread-safe. */
public final class RunMetrics implements Consumer<RunEvent> {
    private final MeterRegistry registry;
    private final LongSupplier nanoTime;
    private volatile long lastProgress;
    private volatile double staleness;

    /**
     * Registers what can be told without an event.
     *
     * @param underWay how many runs are under way
     */
    public RunMetrics(MeterRegistry registry, Supplier<Integer> underWay, LongSupplier nanoTime) {
        this.registry = registry;
        this.nanoTime = nanoTime;
        this.lastProgress = nanoTime.getAsLong();
        Metric.RUNS_UNDER_WAY.gauge(registry, underWay, Supplier::get);
        Metric.UPDATE_AGE.gauge(
                registry,
                this,
                m -> underWay.get() == 0 ? Double.NaN : (m.nanoTime.getAsLong() - m.lastProgress) / 1e9);
        Metric.STALENESS.gauge(registry, this, m -> m.staleness);
    }

    @Override
    public void accept(RunEvent event) {
        Metric.EVENTS.counter(registry, event.kind()).increment();
        JsonNode details = event.details();
        switch (event.kind()) {
            case "run_started" -> lastProgress = nanoTime.getAsLong();
            case "update_done" -> {
                lastProgress = nanoTime.getAsLong();
                staleness = details.path("staleness_max").asDouble();
                Metric.UPDATES.counter(registry).increment();
            }
            case "group_dropped" -> Metric.GROUPS_DROPPED.counter(registry).increment();
            case "service_lost" ->
                Metric.SERVICE_LOSSES
                        .counter(registry, details.path("service").asText().split(" ", 2)[0])
                        .increment();
            case "run_ended" ->
                Metric.RUNS_ENDED
                        .counter(registry, details.path("state").asText())
                        .increment();
            default -> {
                // Counted by its kind; it has no number of its own.
            }
        }
    }
}
