package io.foothold.contracts.metric;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Timer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * Every metric of Foothold's services. A service registers through these and through nothing else, so that each name has one meaning and
 * the operator's page, which is made of them, is whole. Quarkus' own metrics (HTTP, gRPC, JVM) are beside them.
 */
public enum Metric {
    /** See {@link #work}. */
    WORK_OPEN(
            "every service that has a queue",
            Kind.GAUGE,
            "foothold.work.open",
            "pieces of work that were taken and are not done",
            "service"),
    /** See {@link #work}. */
    WORK_OLDEST(
            "every service that has a queue",
            Kind.GAUGE,
            "foothold.work.oldest.seconds",
            "age of the oldest of them; scale on this",
            "service"),

    /** Runs that have a thread. */
    RUNS_UNDER_WAY("orchestrator", Kind.GAUGE, "foothold.runs.under.way", "runs under way"),
    /** By how a run ended. */
    RUNS_ENDED("orchestrator", Kind.COUNTER, "foothold.runs.ended", "runs that came to an end", "state"),
    /** Updates whose manifest is in the ledger. */
    UPDATES("orchestrator", Kind.COUNTER, "foothold.updates", "updates that were trained"),
    /** Of the run that was under way last. */
    UPDATE_AGE(
            "orchestrator",
            Kind.GAUGE,
            "foothold.update.age.seconds",
            "time since a run last began or trained an update; no number while no run is under way"),
    /** Of the last update. */
    STALENESS(
            "orchestrator",
            Kind.GAUGE,
            "foothold.staleness",
            "learner's version less the oldest that sampled a token, in the last update"),
    /** Counted once the ledger has the end. */
    ROLLOUTS("orchestrator", Kind.COUNTER, "foothold.rollouts", "rollouts by their end in the ledger", "end"),
    /** Places that could not be filled, and groups of them. */
    GROUPS_DROPPED("orchestrator", Kind.COUNTER, "foothold.groups.dropped", "groups that were dropped"),
    /** Waits for a service. */
    SERVICE_LOSSES(
            "orchestrator", Kind.COUNTER, "foothold.service.losses", "times that a run lost a service", "service"),
    /** Everything that the event stream has. */
    EVENTS("orchestrator", Kind.COUNTER, "foothold.events", "events of runs", "kind"),
    /** Repeated ones are counted again. */
    EVENTS_PUBLISHED(
            "orchestrator", Kind.COUNTER, "foothold.events.published", "events that arrived in Kafka or MLflow", "to"),
    /** What the outbox has. */
    EVENTS_WAITING(
            "orchestrator",
            Kind.GAUGE,
            "foothold.events.waiting",
            "events in the ledger that have not arrived in Kafka or MLflow, where one is configured",
            "to"),

    /** Sampled tokens. */
    SAMPLER_TOKENS("sampler", Kind.COUNTER, "foothold.sampler.tokens", "tokens that were sampled"),
    /** Rollouts that came. */
    SAMPLER_ROLLOUTS(
            "sampler",
            Kind.COUNTER,
            "foothold.sampler.rollouts",
            "rollouts that were sampled, by how they ended",
            "finish"),
    /** Rollouts that did not come. */
    SAMPLER_FAILURES(
            "sampler", Kind.COUNTER, "foothold.sampler.failures", "rollouts that could not be sampled", "code"),
    /** Servers that get work. */
    SERVERS_HEALTHY("sampler", Kind.GAUGE, "foothold.sampler.servers.healthy", "inference servers that get work"),

    /** Verdicts. */
    VERDICTS("verifier", Kind.COUNTER, "foothold.verdicts", "verdicts by their kind", "kind"),
    /** Time of a verdict. */
    VERIFICATION("verifier", Kind.TIMER, "foothold.verification", "time of a verdict, without its wait", "kind"),
    /** Wrong canaries. */
    CANARIES_WRONG(
            "verifier", Kind.GAUGE, "foothold.canaries.wrong", "canaries that come out wrong; not ready above 0"),

    /** Localizations. */
    LOCALIZATIONS(
            "localizer",
            Kind.COUNTER,
            "foothold.localizations",
            "localizations by mode and what came of them",
            "mode",
            "outcome"),

    /** Draws of start states. */
    DRAWS("augmentation", Kind.TIMER, "foothold.augmentation.draws", "time of drawing an update's start states"),

    /** Updates with their length. */
    LEARNER_UPDATE("learner", Kind.TIMER, "foothold.learner.update", "time of an update"),
    /** One gauge a number of the manifest; see {@link #of}. */
    UPDATE_NUMBERS(
            "learner",
            Kind.GAUGE,
            "foothold.update.*",
            "a number of the last update, as its event update_done has them"),

    /** Policy version that samples. */
    POLICY_VERSION(
            "policy-server", Kind.GAUGE, "foothold.policy.version", "policy version that samples", "model", "version"),
    /** Pause of the last weight change. */
    POLICY_PAUSE(
            "policy-server",
            Kind.GAUGE,
            "foothold.policy.pause.seconds",
            "how long the last weight change held sampling",
            "model",
            "version"),
    /** Sequences under way. */
    REQUESTS_RUNNING(
            "policy-server", Kind.GAUGE, "foothold.requests.running", "sequences under way", "model", "version"),
    /** Queue. */
    REQUESTS_WAITING(
            "policy-server",
            Kind.GAUGE,
            "foothold.requests.waiting",
            "requests that wait for a slot",
            "model",
            "version"),
    /** Sampled tokens. */
    GENERATED_TOKENS(
            "policy-server", Kind.COUNTER, "foothold.generated.tokens", "tokens that were sampled", "model", "version"),
    /** As Triton counts. */
    INFERENCE_SUCCESS(
            "policy-server",
            Kind.GAUGE,
            "nv.inference.request.success",
            "requests that were answered, as Triton counts them",
            "model",
            "version"),
    /** As Triton counts. */
    INFERENCE_FAILURE(
            "policy-server",
            Kind.GAUGE,
            "nv.inference.request.failure",
            "requests that failed, as Triton counts them",
            "model",
            "version",
            "reason"),
    /** As Triton counts. */
    INFERENCE_COUNT(
            "policy-server", Kind.GAUGE, "nv.inference.count", "inferences, as Triton counts them", "model", "version"),
    /** As Triton counts. */
    INFERENCE_EXECUTIONS(
            "policy-server",
            Kind.GAUGE,
            "nv.inference.exec.count",
            "executions, as Triton counts them",
            "model",
            "version");

    /** What sort of number it is. */
    public enum Kind {
        /** Only grows. */
        COUNTER("_total"),
        /** A number of now. */
        GAUGE(""),
        /** Times: count, sum, the longest of late, and percentiles where they are kept. */
        TIMER("_seconds");

        private final String suffix;

        Kind(String suffix) {
            this.suffix = suffix;
        }
    }

    private final String service;
    private final Kind kind;
    private final String meter;
    private final String meaning;
    private final List<String> tags;

    Metric(String service, Kind kind, String meter, String meaning, String... tags) {
        this.service = service;
        this.kind = kind;
        this.meter = meter;
        this.meaning = meaning;
        this.tags = List.of(tags);
    }

    /** Who tells it. */
    public String service() {
        return service;
    }

    /** What sort of number it is. */
    public Kind kind() {
        return kind;
    }

    /** What it counts or measures. */
    public String meaning() {
        return meaning;
    }

    /** Names of its tags, in order. */
    public List<String> tags() {
        return tags;
    }

    /** Its name at the Prometheus endpoint. */
    public String prometheus() {
        return meter.replace('.', '_') + kind.suffix;
    }

    /**
     * Its counter.
     *
     * @param values of its tags, in order
     */
    public Counter counter(MeterRegistry registry, String... values) {
        check(Kind.COUNTER);
        return Counter.builder(meter).description(meaning).tags(labels(values)).register(registry);
    }

    /** Registers its counter, whose number is kept elsewhere. */
    public <T> void counter(MeterRegistry registry, T of, ToDoubleFunction<T> value, String... values) {
        check(Kind.COUNTER);
        FunctionCounter.builder(meter, of, value)
                .description(meaning)
                .tags(labels(values))
                .register(registry);
    }

    /** Its timer, with the median and the 99th percentile. */
    public Timer timer(MeterRegistry registry, String... values) {
        check(Kind.TIMER);
        return Timer.builder(meter)
                .description(meaning)
                .tags(labels(values))
                .publishPercentiles(0.5, 0.99)
                .register(registry);
    }

    /** Registers its gauge, which keeps what it reads. */
    public <T> void gauge(MeterRegistry registry, T of, ToDoubleFunction<T> value, String... values) {
        check(Kind.GAUGE);
        gauge(registry, meter, of, value, labels(values));
    }

    /** Registers one gauge of a family whose name ends in a star. */
    public <T> void of(String member, MeterRegistry registry, T of, ToDoubleFunction<T> value) {
        if (!meter.endsWith("*")) {
            throw new IllegalStateException(this + " is no family");
        }
        gauge(registry, meter.substring(0, meter.length() - 1) + member, of, value, labels());
    }

    /** Registers how much work is open and how old the oldest of it is. */
    public static void work(MeterRegistry registry, String service, OpenWork work) {
        WORK_OPEN.gauge(registry, work, OpenWork::count, service);
        WORK_OLDEST.gauge(registry, work, w -> w.oldest().toNanos() / 1e9, service);
    }

    private <T> void gauge(MeterRegistry registry, String name, T of, ToDoubleFunction<T> value, List<Tag> labels) {
        Gauge.builder(name, of, value)
                .description(meaning)
                .tags(labels)
                .strongReference(true)
                .register(registry);
    }

    private List<Tag> labels(String... values) {
        if (values.length != tags.size()) {
            throw new IllegalArgumentException(this + " has the tags " + tags + ", got values " + List.of(values));
        }
        List<Tag> out = new ArrayList<>();
        for (int i = 0; i < values.length; i++) {
            out.add(Tag.of(tags.get(i), values[i]));
        }
        return out;
    }

    private void check(Kind wanted) {
        if (kind != wanted) {
            throw new IllegalStateException(this + " is a " + kind + ", not a " + wanted);
        }
    }
}
