package io.foothold.orchestrator.remote;

import io.foothold.contracts.draw.ProblemSetDigest;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.settings.JudgeSettings;
import io.foothold.core.settings.RewardFunctionSettings;
import io.foothold.core.settings.RewardModelSettings;
import io.foothold.core.verdict.Turn;
import io.foothold.core.verdict.Verdict;
import io.foothold.v1.ChatJudge;
import io.foothold.v1.FunctionProblem;
import io.foothold.v1.RewardFunction;
import io.foothold.v1.RewardModel;
import io.foothold.v1.RewardModelInput;
import io.foothold.v1.ScoreScale;
import io.foothold.v1.VerifyWork;
import java.util.List;

/** Problems and verdicts in the words of the contracts. */
public final class ProblemMessages {
    private static final String KIND = "PROBLEM_KIND_";

    private ProblemMessages() {}

    static Problem problem(io.foothold.v1.Problem p) {
        return new Problem(
                p.getId(),
                p.getStatement(),
                kind(p),
                p.getAnswer(),
                p.getOracleThoughtsList(),
                p.getSource(),
                p.getSplit(),
                p.getMaxTokens());
    }

    private static ProblemKind kind(io.foothold.v1.Problem p) {
        return switch (p.getKind()) {
            case PROBLEM_KIND_MATH,
                    PROBLEM_KIND_CHOICE,
                    PROBLEM_KIND_NUMERIC,
                    PROBLEM_KIND_TEXT,
                    PROBLEM_KIND_EXACT,
                    PROBLEM_KIND_COUNTDOWN,
                    PROBLEM_KIND_CODE -> ProblemKind.valueOf(p.getKind().name().substring(KIND.length()));
            case PROBLEM_KIND_UNSPECIFIED, UNRECOGNIZED ->
                throw new FootholdException(
                        ErrorCode.INVALID_DATA,
                        "problem '" + p.getId() + "' came with the unknown kind " + p.getKindValue());
        };
    }

    /** A kind in the words of the contracts. */
    public static io.foothold.v1.ProblemKind message(ProblemKind kind) {
        return io.foothold.v1.ProblemKind.valueOf(KIND + kind.name());
    }

    private static io.foothold.v1.Problem message(Problem p) {
        return io.foothold.v1.Problem.newBuilder()
                .setId(p.id())
                .setStatement(p.statement())
                .setKind(message(p.kind()))
                .setAnswer(p.answer())
                .addAllOracleThoughts(p.oracleThoughts())
                .setSource(p.source())
                .setSplit(p.split())
                .setMaxTokens(p.maxTokens())
                .build();
    }

    /** A problem's content. No map and no unknown field is in it: its bytes are the same wherever it is written. */
    public static byte[] content(Problem problem) {
        return message(problem).toByteArray();
    }

    /** See {@link ProblemSetDigest#of}. */
    public static String digest(List<Problem> problems) {
        return ProblemSetDigest.of(
                () -> problems.stream().map(ProblemMessages::message).iterator());
    }

    static Verdict verdict(io.foothold.v1.Verdict v) {
        return new Verdict(
                Verdict.Kind.valueOf(v.getKind().name().substring("VERDICT_KIND_".length())),
                v.getScore(),
                v.getCandidate(),
                v.getRule());
    }

    /** Nobody who judges should have to know how a model ends its turn, unless that is what is compared. */
    private static String judged(Verifier.Work work) {
        boolean compared = work.problem().kind() == ProblemKind.EXACT
                && !(work.scorer().orElse(null) instanceof Verifier.RewardModel);
        return compared ? work.response() : Turn.of(work.response());
    }

    static VerifyWork work(Verifier.Work work) {
        Problem problem = work.problem();
        VerifyWork.Builder out = VerifyWork.newBuilder();
        work.scorer().ifPresent(scorer -> {
            switch (scorer) {
                case Verifier.RewardFunction function -> out.setFunction(message(function));
                case Verifier.ChatJudge judge -> out.setJudge(message(judge));
                case Verifier.RewardModel model -> out.setRewardModel(message(model));
            }
            out.setProblem(FunctionProblem.newBuilder()
                    .setId(problem.id())
                    .setStatement(problem.statement())
                    .setSource(problem.source())
                    .setSplit(problem.split()));
        });
        return out.setRolloutId(work.rolloutId())
                .setKind(message(problem.kind()))
                .setGold(problem.answer())
                .setResponse(judged(work))
                .setResponseOpensInThought(work.opensInThought())
                .setOptions(work.options())
                .setGoldOnly(work.goldOnly())
                .setTrace(work.trace())
                .build();
    }

    private static ChatJudge message(Verifier.ChatJudge judge) {
        JudgeSettings settings = judge.settings();
        return ChatJudge.newBuilder()
                .setUrl(settings.url())
                .setModel(settings.model())
                .setPrompt(settings.prompt())
                .setPattern(settings.pattern())
                .setBest(settings.best())
                .setPassScore(judge.passScore())
                .setMaxTokens(settings.maxTokens())
                .setSeconds(settings.seconds())
                .setAttempts(settings.attempts())
                .setPerMinute(settings.perMinute())
                .build();
    }

    private static RewardModel message(Verifier.RewardModel model) {
        RewardModelSettings settings = model.settings();
        RewardModel.Builder out = RewardModel.newBuilder()
                .setServer(settings.server())
                .setModel(settings.model())
                .setVersion(settings.version())
                .setOutput(settings.tensors().outputTensor())
                .setScale(ScoreScale.valueOf(
                        "SCORE_SCALE_" + settings.scaling().scale().name()))
                .setLow(settings.scaling().low())
                .setHigh(settings.scaling().high())
                .setPassScore(model.passScore())
                .setSeconds(settings.seconds())
                .setAttempts(settings.attempts())
                .setMaxBatch(settings.maxBatch());
        settings.tensors()
                .inputs()
                .forEach((name, text) -> out.addInputs(
                        RewardModelInput.newBuilder().setName(name).setText(text)));
        return out.build();
    }

    private static RewardFunction message(Verifier.RewardFunction function) {
        RewardFunctionSettings settings = function.settings();
        return RewardFunction.newBuilder()
                .setFile(settings.file())
                .setName(settings.name())
                .setSource(settings.pythonSource())
                .setSha256(function.sha256())
                .setNetwork(settings.pythonNetwork())
                .setSeconds(settings.pythonSeconds())
                .setMemoryMb(settings.pythonMemoryMb())
                .setPassScore(settings.passScore())
                .build();
    }
}
