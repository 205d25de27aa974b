package io.foothold.verifier.grpc;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedService;
import io.foothold.contracts.metric.Metric;
import io.foothold.contracts.trace.Trace;
import io.foothold.contracts.triton.ServerAddress;
import io.foothold.core.verdict.Verdict;
import io.foothold.v1.VerifyResponse;
import io.foothold.v1.VerifyWork;
import io.foothold.verifier.chat.ChatJudge;
import io.foothold.verifier.chat.ChatJudges;
import io.foothold.verifier.code.CodeVerifier.Judgement;
import io.foothold.verifier.function.FunctionCall;
import io.foothold.verifier.function.RewardFunction;
import io.foothold.verifier.triton.RewardModel;
import io.foothold.verifier.triton.RewardModels;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jboss.logging.Logger;

/** Work that a function of the user judges, or a model that he names. Thread-safe. */
final class ScorerWork implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(ScorerWork.class);

    private final Scorers scorers;
    private final MeterRegistry metrics;

    ScorerWork(Scorers scorers, MeterRegistry metrics) {
        this.scorers = scorers;
        this.metrics = metrics;
    }

    /** Whether work is of this sort. */
    static boolean is(VerifyWork work) {
        return work.hasFunction() || work.hasJudge() || work.hasRewardModel();
    }

    /** Starts it; what is returned takes it back. */
    Runnable start(VerifyWork work, CreditedService.Results<VerifyResponse> results) {
        long start = System.nanoTime();
        try {
            Consumer<Verdict> told = verdict -> tell(work, verdict, (System.nanoTime() - start) / 1000, results);
            if (work.hasJudge()) {
                return judged(work, told);
            }
            if (work.hasRewardModel()) {
                return scored(work, told);
            }
            var asked = work.getFunction();
            RewardFunction function = new RewardFunction(
                    asked.getFile(),
                    asked.getName(),
                    asked.getSource(),
                    asked.getSha256(),
                    new RewardFunction.Limits(asked.getNetwork(), asked.getSeconds(), asked.getMemoryMb() << 20),
                    asked.getPassScore());
            return scorers.functions()
                    .judge(
                            function,
                            new FunctionCall(problem(work), VerifierGrpc.response(work), told, work.getGoldOnly()));
        } catch (Throwable t) {
            // Whatever it is: who asked waits for a verdict.
            FootholdException failure = FailureLog.told(LOG, "rollout " + work.getRolloutId(), t);
            tell(work, Verdict.verifierError(failure.text()), 0, results);
            return () -> {};
        }
    }

    private Runnable judged(VerifyWork work, Consumer<Verdict> told) {
        var asked = work.getJudge();
        ChatJudge judge = new ChatJudge(
                asked.getUrl(),
                asked.getModel(),
                ChatJudge.Question.of(asked.getPrompt(), asked.getPattern(), asked.getBest(), asked.getPassScore()),
                new ChatJudge.Calls(
                        asked.getMaxTokens(),
                        Duration.ofNanos((long) (asked.getSeconds() * 1e9)),
                        asked.getAttempts(),
                        asked.getPerMinute()));
        if (work.getGoldOnly()) {
            scorers.judges().check(judge);
            told.accept(new Verdict(Verdict.Kind.ABSTAIN, 0, "", judge.toString()));
            return () -> {};
        }
        return scorers.judges()
                .judge(
                        judge,
                        new ChatJudges.Case(
                                work.getProblem().getStatement(), work.getGold(), VerifierGrpc.response(work)),
                        told);
    }

    private Runnable scored(VerifyWork work, Consumer<Verdict> told) {
        var asked = work.getRewardModel();
        RewardModel.Scale scale =
                switch (asked.getScale()) {
                    case SCORE_SCALE_NONE -> new RewardModel.Scale.None();
                    case SCORE_SCALE_RANGE -> new RewardModel.Scale.Range(asked.getLow(), asked.getHigh());
                    case SCORE_SCALE_SIGMOID -> new RewardModel.Scale.Sigmoid();
                    case SCORE_SCALE_UNSPECIFIED, UNRECOGNIZED ->
                        throw new FootholdException(
                                ErrorCode.INVALID_INPUT,
                                "the scale of a reward model is not known: " + asked.getScaleValue());
                };
        RewardModel model = new RewardModel(
                ServerAddress.of(asked.getServer()),
                asked.getModel(),
                asked.getVersion(),
                new RewardModel.Tensors(
                        asked.getInputsList().stream()
                                .map(i -> new RewardModel.Input(i.getName(), i.getText()))
                                .toList(),
                        asked.getOutput()),
                scale,
                new RewardModel.Calls(
                        Duration.ofNanos((long) (asked.getSeconds() * 1e9)), asked.getAttempts(), asked.getMaxBatch()));
        if (work.getGoldOnly()) {
            return scorers.models().check(model, told);
        }
        return scorers.models()
                .judge(
                        model,
                        asked.getPassScore(),
                        new RewardModels.Case(
                                work.getProblem().getStatement(), work.getGold(), VerifierGrpc.response(work)),
                        told);
    }

    /** What the function is given, by name. */
    private static Map<String, String> problem(VerifyWork work) {
        Map<String, String> out = new LinkedHashMap<>();
        out.put("id", work.getProblem().getId());
        out.put("statement", work.getProblem().getStatement());
        out.put(
                "kind",
                work.getKind().name().substring("PROBLEM_KIND_".length()).toLowerCase(Locale.ROOT));
        out.put("answer", work.getGold());
        out.put("source", work.getProblem().getSource());
        out.put("split", work.getProblem().getSplit());
        return out;
    }

    private void tell(VerifyWork work, Verdict verdict, long micros, CreditedService.Results<VerifyResponse> results) {
        if (!work.getGoldOnly()) {
            Metric.VERDICTS.counter(metrics, verdict.kind().name()).increment();
            Metric.VERIFICATION.timer(metrics, work.getKind().name()).record(micros, TimeUnit.MICROSECONDS);
        }
        try (Trace.Part part = Trace.follow("verify", work.getTrace()).with("rollout", work.getRolloutId())) {
            part.with("verdict", verdict.kind().name());
        }
        results.emit(VerifierGrpc.response(work.getRolloutId(), new Judgement(verdict, List.of()), micros));
        results.done();
    }

    @Override
    public void close() {
        scorers.close();
    }
}
