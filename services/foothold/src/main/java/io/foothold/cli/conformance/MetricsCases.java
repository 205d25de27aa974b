package io.foothold.cli.conformance;

import static io.foothold.cli.conformance.Checks.equal;
import static io.foothold.cli.conformance.Peer.ids;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.util.List;
import java.util.Map;

/** The names of metrics that dashboards and scalers rely on. */
final class MetricsCases {
    private final Peer peer;
    private final Checks checks;
    private final URI where;

    MetricsCases(Peer peer, Checks checks, URI where) {
        this.peer = peer;
        this.checks = checks;
        this.where = where;
    }

    void run() {
        Map<String, String> labels = Map.of("model", peer.model(), "version", "1");
        for (String name : List.of(
                "nv_inference_request_success",
                "nv_inference_count",
                "nv_inference_exec_count",
                "foothold_policy_version",
                "foothold_policy_pause_seconds",
                "foothold_requests_running",
                "foothold_requests_waiting",
                "foothold_generated_tokens_total")) {
            checks.check("metrics: " + name, () -> number(where, name, labels));
        }
        for (String reason : List.of("REJECTED", "CANCELED", "BACKEND", "OTHER")) {
            checks.check(
                    "metrics: nv_inference_request_failure, " + reason,
                    () -> number(
                            where,
                            "nv_inference_request_failure",
                            Map.of("model", peer.model(), "version", "1", "reason", reason)));
        }
        checks.check("metrics: one request counts once, with its tokens", () -> {
            peer.idle();
            double requests = number(where, "nv_inference_request_success", labels);
            double tokens = number(where, "foothold_generated_tokens_total", labels);
            equal(8, ids(peer.stream(List.of(peer.every("m", 8, 4))).of("m")).length, "tokens");
            grows(where, "foothold_generated_tokens_total", labels, tokens + 8);
            grows(where, "nv_inference_request_success", labels, requests + 1);
            grows(where, "foothold_requests_running", labels, 0);
        });
        checks.check(
                "metrics: the version is that of the status",
                () -> equal(
                        new ObjectMapper()
                                .readTree(peer.status())
                                .path("version")
                                .asLong(-1),
                        (long) number(where, "foothold_policy_version", labels),
                        "version"));
    }

    private static double number(URI where, String name, Map<String, String> labels) throws Exception {
        Double value = PrometheusText.fetch(where).value(name, labels);
        if (value == null) {
            throw new Checks.Wrong(name + labels + " is not among the metrics at " + where);
        }
        return value;
    }

    /** Metrics may follow a little later: waits for a value. */
    private static void grows(URI where, String name, Map<String, String> labels, double expected) throws Exception {
        double found = 0;
        for (int i = 0; i < 40; i++) {
            found = number(where, name, labels);
            if (found == expected) {
                return;
            }
            Thread.sleep(50);
        }
        throw new Checks.Wrong(name + ": expected " + expected + ", got " + found);
    }
}
