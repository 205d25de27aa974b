package io.foothold.cli;

import io.foothold.contracts.flow.CreditedService;
import io.foothold.v1.MutinyVerifierServiceGrpc;
import io.foothold.v1.Verdict;
import io.foothold.v1.VerdictKind;
import io.foothold.v1.VerifyRequest;
import io.foothold.v1.VerifyResponse;
import io.foothold.v1.VerifyResult;
import io.foothold.v1.VerifyWork;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.smallrye.mutiny.Multi;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** A verifier of one's own on a free port of loopback that says what a test scripts; closing it ends its server. */
final class ScriptedVerifier implements AutoCloseable {
    static final Verdict PASS = Verdict.newBuilder()
            .setKind(VerdictKind.VERDICT_KIND_PASS)
            .setScore(1)
            .build();

    private final Server server;

    /**
     * Begins to serve.
     *
     * @param script gives the verdict of each request, gold answers too; empty to never answer it; several threads at a time
     */
    ScriptedVerifier(Function<VerifyWork, Optional<Verdict>> script) throws IOException {
        CreditedService<VerifyRequest, VerifyResponse> verifier = new CreditedService<>(
                "verification",
                CreditedService.Shape.of(
                        VerifyRequest::getCredit,
                        c -> VerifyResponse.newBuilder().setCredit(c).build(),
                        (request, failure) -> List.of()),
                64,
                (request, results) -> {
                    VerifyWork work = request.getWork();
                    script.apply(work).ifPresent(verdict -> {
                        results.emit(VerifyResponse.newBuilder()
                                .setResult(VerifyResult.newBuilder()
                                        .setRolloutId(work.getRolloutId())
                                        .setVerdict(verdict))
                                .build());
                        results.done();
                    });
                    return () -> {};
                });
        server = ServerBuilder.forPort(0)
                .addService(new MutinyVerifierServiceGrpc.VerifierServiceImplBase() {
                    @Override
                    public Multi<VerifyResponse> verify(Multi<VerifyRequest> request) {
                        return verifier.serve(request);
                    }
                })
                .build()
                .start();
    }

    /** Host and port, as a run file names it. */
    String address() {
        return "127.0.0.1:" + server.getPort();
    }

    @Override
    public void close() {
        server.shutdownNow();
    }
}
