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
    private final Duration ownVerdict;
    private final String standardName;
    private final CreditedStream<VerifyRequest, VerifyResponse> standard;
    private final Map<String, OwnVerifier> owned = new ConcurrentHashMap<>();

    /**
     * Streams.
     *
     * @param standardName of the standard verifier, with its address
     * @param verdict how long the standard verifier may take
     * @param ownVerdict the same of one that a run file names
     */
    VerifierStreams(
            String standardName, Replicas replicas, StreamLimits limits, Duration verdict, Duration ownVerdict) {
        this.limits = limits;
        this.ownVerdict = ownVerdict;
        this.standardName = standardName;
        this.standard = stream(standardName, replicas, verdict);
    }

    /**
     * The stream to a verifier.
     *
     * @param address of one of one's own; empty for the standard one
     */
    CreditedStream<VerifyRequest, VerifyResponse> at(String address) {
        return address.isEmpty() ? standard : owned.computeIfAbsent(address, OwnVerifier::new).stream;
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
            this.stream = stream(name(target), Replicas.only(target, channel), ownVerdict);
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
