package io.foothold.orchestrator.remote;

import io.foothold.contracts.flow.CreditedStream;
import io.foothold.contracts.flow.MessageLimit;
import io.foothold.contracts.flow.Replicas;
import io.foothold.contracts.flow.StreamLimits;
import io.foothold.contracts.flow.StreamShape;
import io.foothold.v1.MutinyVerifierServiceGrpc;
import io.foothold.v1.VerifyRequest;
import io.foothold.v1.VerifyResponse;
import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The streams to the standard verifier and to those that run files name, for all runs. Thread-safe. */
final class VerifierStreams implements AutoCloseable {
    private final StreamLimits limits;
    private final Own own;
    private final String standardName;
    private final CreditedStream<VerifyRequest, VerifyResponse> standard;
    private final Map<String, OwnVerifier> owned = new ConcurrentHashMap<>();

    /**
     * Streams.
     *
     * @param standardName of the standard verifier, with its address
     * @param own those that run files name
     * @param verdict how long the standard verifier may take
     */
    VerifierStreams(String standardName, Replicas replicas, StreamLimits limits, Own own, Duration verdict) {
        this.limits = limits;
        this.own = own;
        this.standardName = standardName;
        this.standard = stream(standardName, replicas, verdict);
    }

    /**
     * Verifiers that run files name.
     *
     * @param allowed which may be asked
     * @param verdict how long one may take
     */
    record Own(OwnVerifiers allowed, Duration verdict) {}

    /** As {@link Verifier#named}. */
    PeerAddress named(String key, String address) {
        return own.allowed().named(key, address);
    }

    /**
     * The stream to a verifier.
     *
     * @param address of one of one's own, looked at once more; empty for the standard one
     */
    CreditedStream<VerifyRequest, VerifyResponse> at(String address) {
        if (address.isEmpty()) {
            return standard;
        }
        String target = own.allowed().named("verifier", address).toString();
        return owned.computeIfAbsent(target, OwnVerifier::new).stream;
    }

    /** How people know a verifier. */
    String name(String address) {
        return address.isEmpty() ? standardName : "verifier at " + address;
    }

    private CreditedStream<VerifyRequest, VerifyResponse> stream(String name, Replicas replicas, Duration answer) {
        return replicas.stream(
                name,
                StreamShape.of(
                        c -> VerifyRequest.newBuilder().setCredit(c).build(),
                        VerifyResponse::getCredit,
                        r -> r.getResult().getRolloutId()),
                channel -> MutinyVerifierServiceGrpc.newMutinyStub(channel)::verify,
                limits.withAnswer(answer));
    }

    /** A verifier that a run file names. */
    private final class OwnVerifier {
        private final ManagedChannel channel;
        private final CreditedStream<VerifyRequest, VerifyResponse> stream;

        OwnVerifier(String target) {
            this.channel = MessageLimit.channel(target).build();
            this.stream = stream(name(target), Replicas.only(target, channel), own.verdict());
        }

        void close() {
            stream.close();
            channel.shutdownNow();
        }
    }

    @Override
    public void close() {
        standard.close();
        owned.values().forEach(OwnVerifier::close);
    }
}
