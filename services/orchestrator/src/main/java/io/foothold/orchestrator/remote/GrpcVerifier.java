package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.verdict.Verdict;
import io.foothold.v1.VerifyRequest;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Verifiers behind connections, as one run sees them. */
final class GrpcVerifier implements Verifier {
    private final Calls calls;
    private final VerifierStreams verifiers;

    GrpcVerifier(Calls calls, VerifierStreams verifiers) {
        this.calls = calls;
        this.verifiers = verifiers;
    }

    @Override
    public PeerAddress named(String key, String address) {
        return verifiers.named(key, address);
    }

    @Override
    public CompletableFuture<Verdict> verify(Work work, String verifier) {
        String key = work.rolloutId();
        var stream = verifiers.at(verifier);
        String name = verifiers.name(verifier);
        return calls.ask(
                        stream,
                        VerifyRequest.newBuilder()
                                .setWork(ProblemMessages.work(work))
                                .build(),
                        List.of(key),
                        r -> {})
                .handle((byKey, failure) -> {
                    if (failure == null) {
                        return ProblemMessages.verdict(Verdicts.checked(
                                name, Calls.need(byKey, key).getResult().getVerdict()));
                    }
                    FootholdException own = FootholdException.of(failure);
                    if (own.code() == ErrorCode.DEADLINE) {
                        return ProblemMessages.verdict(Verdicts.late(own.text()));
                    }
                    throw own;
                });
    }
}
