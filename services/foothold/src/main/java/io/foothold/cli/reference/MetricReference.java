package io.foothold.cli.reference;

import io.foothold.contracts.metric.Metric;
import java.util.Locale;

/** The table of metrics. */
final class MetricReference {
    private MetricReference() {}

    static String markdown() {
        StringBuilder out = new StringBuilder("""
                Prometheus reads them at `/q/metrics` of a service's management port. A timer has `_count`, `_sum`, `_max` and the quantiles 0.5
                and 0.99. What Quarkus tells of HTTP, gRPC and the JVM is beside them.

                | service | metric | kind | tags | what it is |
                |---|---|---|---|---|
                """);
        for (Metric metric : Metric.values()) {
            out.append("| %s | `%s` | %s | %s | %s |\n"
                    .formatted(
                            metric.service(),
                            metric.prometheus(),
                            metric.kind().name().toLowerCase(Locale.ROOT),
                            String.join(", ", metric.tags()),
                            References.cell(metric.meaning())));
        }
        return out.toString();
    }
}
