package io.foothold.verifier.grpc;

import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedService;
import io.foothold.contracts.flow.ReadableMessages;
import io.foothold.contracts.log.LogIds;
import io.foothold.contracts.metric.Metric;
import io.foothold.contracts.trace.Trace;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Thinking;
import io.foothold.core.verdict.Verdict;
import io.foothold.v1.CodeTest;
import io.foothold.v1.MutinyVerifierServiceGrpc;
import io.foothold.v1.VerdictKind;
import io.foothold.v1.VerifyRequest;
import io.foothold.v1.VerifyResponse;
import io.foothold.v1.VerifyResult;
import io.foothold.v1.VerifyWork;
import io.foothold.verifier.answer.Grading;
import io.foothold.verifier.answer.Judge;
import io.foothold.verifier.chat.ChatJudges;
import io.foothold.verifier.code.CodeVerifier;
import io.foothold.verifier.code.CodeVerifier.Judgement;
import io.foothold.verifier.code.Sandbox;
import io.foothold.verifier.config.VerifierConfig;
import io.foothold.verifier.function.RewardFunctions;
import io.foothold.verifier.triton.RewardModels;
import io.grpc.ServerServiceDefinition;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.grpc.GrpcService;
import io.smallrye.mutiny.Multi;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;

/** Verification over a credited stream. */
@GrpcService
public final class VerifierGrpc extends MutinyVerifierServiceGrpc.VerifierServiceImplBase {
    private static final Logger LOG = Logger.getLogger(VerifierGrpc.class);

    private final CreditedService<VerifyRequest, VerifyResponse> service;
    private final ExecutorService answers;
    private final ExecutorService programs;
    private final Judge judge;
    private final ScorerWork scorers;
    private final MeterRegistry metrics;

    /** The service as it is configured. */
    @Inject
    public VerifierGrpc(VerifierConfig config, MeterRegistry metrics) {
        this(
                config.window(),
                config.threads(),
                config.code().threads(),
                new Judge(new CodeVerifier(
                        new Sandbox(new Sandbox.Tools(
                                config.code().bubblewrap(), config.code().python())),
                        (long) config.code().outputKb() << 10)),
                scorers(config),
                metrics);
    }

    private static Scorers scorers(VerifierConfig config) {
        return new Scorers(
                new RewardFunctions(new RewardFunctions.Setup(
                        config.functions().allowed(),
                        config.code().bubblewrap(),
                        config.python(),
                        config.functions().processes(),
                        (long) config.code().outputKb() << 10)),
                new ChatJudges(new ChatJudges.Setup(
                        config.judge().urls().orElse(List.of()),
                        config.judge().apiKey(),
                        config.judge().parallel(),
                        config.judge().cached())),
                new RewardModels(new RewardModels.Setup(
                        config.rewardModel().servers().orElse(List.of()),
                        config.rewardModel().authorities(),
                        config.rewardModel().parallel())));
    }

    /**
     * The service with its threads.
     *
     * @param window responses of one stream that may be under way
     * @param threads that judge answers
     * @param programThreads that run programs
     * @param scorers of run files
     */
    public VerifierGrpc(
            int window, int threads, int programThreads, Judge judge, Scorers scorers, MeterRegistry metrics) {
        this.metrics = metrics;
        this.scorers = new ScorerWork(scorers, metrics);
        this.judge = judge;
        this.answers = pool("verifier-", threads);
        this.programs = pool("programs-", programThreads);
        this.service = new CreditedService<>(
                "verification",
                CreditedService.Shape.of(
                        VerifyRequest::getCredit,
                        c -> VerifyResponse.newBuilder().setCredit(c).build(),
                        VerifierGrpc::failed),
                window,
                (request, results) -> {
                    if (ScorerWork.is(request.getWork())) {
                        return this.scorers.start(request.getWork(), results);
                    }
                    boolean program = request.getWork().getKind() == io.foothold.v1.ProblemKind.PROBLEM_KIND_CODE;
                    var task = (program ? programs : answers).submit(() -> {
                        String rollout = request.getWork().getRolloutId();
                        try (LogIds ids = LogIds.ofRollout(rollout);
                                Trace.Part part = Trace.follow(
                                                "verify", request.getWork().getTrace())
                                        .with("rollout", rollout)) {
                            results.emit(verdict(request, part));
                        }
                        results.done();
                    });
                    return () -> task.cancel(false);
                });
        Metric.work(metrics, "verifier", service.work());
    }

    @Override
    public ServerServiceDefinition bindService() {
        return ReadableMessages.of(super.bindService());
    }

    @Override
    public Multi<VerifyResponse> verify(Multi<VerifyRequest> request) {
        return service.serve(request);
    }

    private static ExecutorService pool(String name, int threads) {
        return Executors.newFixedThreadPool(
                threads, Thread.ofPlatform().daemon().name(name, 0).factory());
    }

    private VerifyResponse verdict(VerifyRequest request, Trace.Part part) {
        try {
            VerifyResponse judged = judge(request.getWork());
            part.with("verdict", judged.getResult().getVerdict().getKind().name());
            return judged;
        } catch (Throwable t) {
            // Whatever it is: who asked waits for a verdict.
            FootholdException failure =
                    FailureLog.told(LOG, "rollout " + request.getWork().getRolloutId(), t);
            part.failed(failure);
            return failed(request, failure).get(0);
        }
    }

    private VerifyResponse judge(VerifyWork work) {
        long start = System.nanoTime();
        Judgement judgement;
        try {
            judgement = work.getGoldOnly()
                    ? new Judgement(gold(work), List.of())
                    : judge.judge(kind(work), work.getGold(), response(work), Grading.TRAINING.with(work.getOptions()));
        } catch (FootholdException e) {
            judgement = new Judgement(Verdict.verifierError(e.text()), List.of());
        } catch (Throwable t) {
            // Whatever it is, such as a stack that is full: who asked waits for a verdict.
            LOG.errorf(t, "rollout %s: verification failed", work.getRolloutId());
            judgement = new Judgement(
                    Verdict.verifierError(t.getClass().getSimpleName() + ": " + t.getMessage()), List.of());
        }
        String verdict = judgement.verdict().kind().name();
        long micros = (System.nanoTime() - start) / 1000;
        if (!work.getGoldOnly()) {
            Metric.VERDICTS.counter(metrics, verdict).increment();
            Metric.VERIFICATION.timer(metrics, work.getKind().name()).record(micros, TimeUnit.MICROSECONDS);
        }
        return response(work.getRolloutId(), judgement, micros);
    }

    static String response(VerifyWork work) {
        return work.getResponseOpensInThought() ? Thinking.continued(work.getResponse()) : work.getResponse();
    }

    private Verdict gold(VerifyWork work) {
        Grading.TRAINING.with(work.getOptions());
        return judge.fault(kind(work), work.getGold())
                .map(Verdict::verifierError)
                .orElseGet(() -> new Verdict(Verdict.Kind.ABSTAIN, 0, "", "gold answer sound"));
    }

    private static ProblemKind kind(VerifyWork work) {
        return switch (work.getKind()) {
            case PROBLEM_KIND_MATH -> ProblemKind.MATH;
            case PROBLEM_KIND_CHOICE -> ProblemKind.CHOICE;
            case PROBLEM_KIND_NUMERIC -> ProblemKind.NUMERIC;
            case PROBLEM_KIND_TEXT -> ProblemKind.TEXT;
            case PROBLEM_KIND_EXACT -> ProblemKind.EXACT;
            case PROBLEM_KIND_COUNTDOWN -> ProblemKind.COUNTDOWN;
            case PROBLEM_KIND_CODE -> ProblemKind.CODE;
            case PROBLEM_KIND_UNSPECIFIED, UNRECOGNIZED ->
                throw new IllegalArgumentException("problem kind is missing");
        };
    }

    static VerifyResponse response(String rolloutId, Judgement judgement, long micros) {
        Verdict verdict = judgement.verdict();
        return VerifyResponse.newBuilder()
                .setResult(VerifyResult.newBuilder()
                        .setRolloutId(rolloutId)
                        .setMicros(micros)
                        .addAllTests(judgement.tests().stream()
                                .map(t -> CodeTest.newBuilder()
                                        .setStatus(t.status().name().toLowerCase(Locale.ROOT))
                                        .setMillis(t.millis())
                                        .setDetail(t.detail())
                                        .build())
                                .toList())
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
        service.stop();
        answers.shutdownNow();
        programs.shutdownNow();
        scorers.close();
    }

    private static List<VerifyResponse> failed(VerifyRequest work, FootholdException failure) {
        return List.of(response(
                work.getWork().getRolloutId(), new Judgement(Verdict.verifierError(failure.text()), List.of()), 0));
    }
}
