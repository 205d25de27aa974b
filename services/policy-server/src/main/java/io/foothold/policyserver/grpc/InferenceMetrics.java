package io.foothold.policyserver.grpc;

import io.foothold.policyserver.serving.ModelHost;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/**
 * What Prometheus is told of the model, under the names that a tritonserver with our policy model has: Triton's counts of requests
 * and the policy's own numbers. Triton's are gauges here, because a Prometheus counter would end in {@code _total}. Thread-safe.
 */
final class InferenceMetrics {
    private final LongAdder answered = new LongAdder();
    private final LongAdder broken = new LongAdder();

    /**
     * Registers everything.
     *
     * @param host may throw while no model is served: numbers are NaN then
     */
    InferenceMetrics(MeterRegistry registry, String model, Supplier<ModelHost> host) {
        Tags tags = Tags.of("model", model, "version", "1");
        count(registry, "nv.inference.request.success", tags, answered);
        for (String reason : new String[] {"REJECTED", "CANCELED", "OTHER"}) {
            count(registry, "nv.inference.request.failure", tags.and("reason", reason), new LongAdder());
        }
        count(registry, "nv.inference.request.failure", tags.and("reason", "BACKEND"), broken);
        count(registry, "nv.inference.count", tags, answered);
        count(registry, "nv.inference.exec.count", tags, answered);
        gauge(registry, "foothold.policy.version", tags, host, ModelHost.Status::version);
        gauge(registry, "foothold.policy.pause.seconds", tags, host, s -> s.lastPauseMicros() / 1e6);
        gauge(registry, "foothold.requests.running", tags, host, ModelHost.Status::running);
        gauge(registry, "foothold.requests.waiting", tags, host, ModelHost.Status::waiting);
        FunctionCounter.builder("foothold.generated.tokens", host, h -> of(h, ModelHost.Status::tokens))
                .tags(tags)
                .register(registry);
    }

    private static void count(MeterRegistry registry, String name, Tags tags, LongAdder value) {
        Gauge.builder(name, value, LongAdder::sum)
                .tags(tags)
                .strongReference(true)
                .register(registry);
    }

    private static void gauge(
            MeterRegistry registry,
            String name,
            Tags tags,
            Supplier<ModelHost> host,
            ToDoubleFunction<ModelHost.Status> value) {
        Gauge.builder(name, host, h -> of(h, value))
                .tags(tags)
                .strongReference(true)
                .register(registry);
    }

    private static double of(Supplier<ModelHost> host, ToDoubleFunction<ModelHost.Status> value) {
        try {
            return value.applyAsDouble(host.get().status());
        } catch (RuntimeException e) {
            return Double.NaN;
        }
    }

    /** A request had its answer, a refusal included, as Triton counts them. */
    void answered() {
        answered.increment();
    }

    /** A request broke in the model. */
    void broken() {
        broken.increment();
    }

    /** Requests that had their answer. */
    long answers() {
        return answered.sum();
    }

    /** Requests that broke. */
    long failures() {
        return broken.sum();
    }
}
