package io.foothold.verifier.grpc;

import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedService;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Verdict;
import io.foothold.v1.VerdictKind;
import io.foothold.v1.VerifierService;
import io.foothold.v1.VerifyRequest;
import io.foothold.v1.VerifyResponse;
import io.foothold.v1.VerifyResult;
import io.foothold.v1.VerifyWork;
import io.foothold.verifier.answer.AnswerVerifier;
import io.foothold.verifier.config.VerifierConfig;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.grpc.GrpcService;
import io.smallrye.mutiny.Multi;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Verification over a credited stream. */
@GrpcService
public final class VerifierGrpc implements VerifierService {
    private final CreditedService<VerifyRequest, VerifyResponse> service;
    private final ExecutorService pool;
    private final MeterRegistry metrics;

    /** The service with its threads. */
    @Inject
    public VerifierGrpc(VerifierConfig config, MeterRegistry metrics) {
        this.metrics = metrics;
        this.pool = Executors.newFixedThreadPool(
                config.threads(),
                Thread.ofPlatform().daemon().name("verifier-", 0).factory());
        this.service = new CreditedService<>(
                CreditedService.Shape.of(
                        VerifyRequest::getCredit,
                        c -> VerifyResponse.newBuilder().setCredit(c).build(),
                        VerifierGrpc::failed),
                config.window(),
                (request, results) -> {
                    var task = pool.submit(() -> {
                        results.emit(judge(request.getWork()));
                        results.done();
                    });
                    return () -> task.cancel(false);
                });
    }

    @Override
    public Multi<VerifyResponse> verify(Multi<VerifyRequest> request) {
        return service.serve(request);
    }

    private VerifyResponse judge(VerifyWork work) {
        long start = System.nanoTime();
        Verdict verdict;
        try {
            verdict = AnswerVerifier.verify(kind(work), work.getGold(), work.getResponse());
        } catch (RuntimeException e) {
            verdict = Verdict.verifierError(e.getClass().getSimpleName() + ": " + e.getMessage());
        }
        metrics.counter("foothold.verdicts", "kind", verdict.kind().name()).increment();
        return response(work.getRolloutId(), verdict, (System.nanoTime() - start) / 1000);
    }

    private static ProblemKind kind(VerifyWork work) {
        return switch (work.getKind()) {
            case PROBLEM_KIND_MATH -> ProblemKind.MATH;
            case PROBLEM_KIND_CHOICE -> ProblemKind.CHOICE;
            case PROBLEM_KIND_NUMERIC -> ProblemKind.NUMERIC;
            case PROBLEM_KIND_TEXT -> ProblemKind.TEXT;
            case PROBLEM_KIND_EXACT -> ProblemKind.EXACT;
            case PROBLEM_KIND_COUNTDOWN -> ProblemKind.COUNTDOWN;
            case PROBLEM_KIND_UNSPECIFIED, UNRECOGNIZED ->
                throw new IllegalArgumentException("problem kind is missing");
        };
    }

    private static VerifyResponse response(String rolloutId, Verdict verdict, long micros) {
        return VerifyResponse.newBuilder()
                .setResult(VerifyResult.newBuilder()
                        .setRolloutId(rolloutId)
                        .setMicros(micros)
                        .setVerdict(io.foothold.v1.Verdict.newBuilder()
                                .setKind(VerdictKind.valueOf(
                                        "VERDICT_KIND_" + verdict.kind().name()))
                                .setScore(verdict.score())
                                .setCandidate(verdict.candidate())
                                .setRule(verdict.rule())))
                .build();
    }

    @PreDestroy
    void stop() {
        pool.shutdownNow();
    }

    private static List<VerifyResponse> failed(VerifyRequest work, FootholdException failure) {
        return List.of(response(work.getWork().getRolloutId(), Verdict.verifierError(failure.text()), 0));
    }
}
