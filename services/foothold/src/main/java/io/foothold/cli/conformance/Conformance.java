package io.foothold.cli.conformance;

import java.net.URI;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an inference server must do to serve a policy, asked over the wire: every RPC, the codes and texts of wrong requests, flags,
 * many requests on a stream, cancellation, deadlines, the tensor contract. One suite for our policy server and for a real
 * tritonserver; its texts are those that tritonserver 2.51 gave. Blocking; one thread.
 */
public final class Conformance implements AutoCloseable {
    /** How a case came out. */
    public enum Outcome {
        /** As demanded. */
        PASSED("ok"),
        /** Otherwise. */
        FAILED("FAILED"),
        /** Not asked of this server, for the reason given. */
        DIFFERS("differs on purpose"),
        /** Not run against this server: it would break it. */
        KNOWN_DEFECT("known defect");

        private final String label;

        Outcome(String label) {
            this.label = label;
        }
    }

    /** One line of the table. */
    public record Result(String name, Outcome outcome, String detail) {
        @Override
        public String toString() {
            return String.format("%-18s %s%s", outcome.label, name, detail.isEmpty() ? "" : ": " + detail);
        }
    }

    private final Peer peer;
    private final @Nullable URI metrics;

    /**
     * A suite.
     *
     * @param metrics where the server shows its metrics; null leaves their cases out
     * @param secret that the server's control operations need; empty leaves its cases out
     */
    public Conformance(String target, String model, @Nullable URI metrics, String secret) {
        this.peer = new Peer(target, model, secret);
        this.metrics = metrics;
    }

    /** Runs every case. */
    public List<Result> run() {
        Checks checks = new Checks();
        new ServerCases(peer, checks).run();
        new RequestCases(peer, checks).run();
        new StreamCases(peer, checks).run();
        new ContractCases(peer, checks).run();
        new RepositoryCases(peer, checks).run();
        if (metrics != null) {
            new MetricsCases(peer, checks, metrics).run();
        }
        if (!peer.secret().isEmpty()) {
            new SecretCases(peer, checks).run();
        }
        return checks.results();
    }

    @Override
    public void close() {
        peer.close();
    }
}
