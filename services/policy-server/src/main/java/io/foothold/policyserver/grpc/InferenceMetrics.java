package io.foothold.policyserver.grpc;

import io.foothold.contracts.metric.Metric;
import io.foothold.contracts.metric.OpenWork;
import io.foothold.policyserver.serving.EngineStatus;
import io.foothold.policyserver.serving.ModelHost;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/**
 * What Prometheus is told of the model, under the names that a tritonserver with our policy model has: Triton's counts of requests
 * and the policy's own numbers. Triton's are gauges here, because a Prometheus counter would end in {@code _total}. Thread-safe.
 */
final class InferenceMetrics {
    /** Of the model, the only one that there is. */
    private static final String VERSION = "1";

    private final OpenWork requests = new OpenWork();
    private final LongAdder answered = new LongAdder();
    private final LongAdder broken = new LongAdder();

    /**
     * Registers everything.
     *
     * @param host may throw while no model is served: numbers are NaN then
     */
    InferenceMetrics(MeterRegistry registry, String model, Supplier<ModelHost> host) {
        Metric.INFERENCE_SUCCESS.gauge(registry, answered, LongAdder::sum, model, VERSION);
        for (String reason : new String[] {"REJECTED", "CANCELED", "OTHER"}) {
            Metric.INFERENCE_FAILURE.gauge(registry, new LongAdder(), LongAdder::sum, model, VERSION, reason);
        }
        Metric.INFERENCE_FAILURE.gauge(registry, broken, LongAdder::sum, model, VERSION, "BACKEND");
        Metric.INFERENCE_COUNT.gauge(registry, answered, LongAdder::sum, model, VERSION);
        Metric.INFERENCE_EXECUTIONS.gauge(registry, answered, LongAdder::sum, model, VERSION);
        Metric.POLICY_VERSION.gauge(registry, host, h -> of(h, EngineStatus::version), model, VERSION);
        Metric.POLICY_PAUSE.gauge(registry, host, h -> of(h, s -> s.lastPauseMicros() / 1e6), model, VERSION);
        Metric.REQUESTS_RUNNING.gauge(registry, host, h -> of(h, EngineStatus::running), model, VERSION);
        Metric.REQUESTS_WAITING.gauge(registry, host, h -> of(h, EngineStatus::waiting), model, VERSION);
        Metric.GENERATED_TOKENS.counter(registry, host, h -> of(h, EngineStatus::tokens), model, VERSION);
        Metric.work(registry, "policy-server", requests);
    }

    private static double of(Supplier<ModelHost> host, ToDoubleFunction<EngineStatus> value) {
        try {
            return value.applyAsDouble(host.get().status());
        } catch (RuntimeException e) {
            return Double.NaN;
        }
    }

    /** Requests for tokens that are not answered. */
    OpenWork requests() {
        return requests;
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
