package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.trace.Trace;
import io.foothold.core.method.Localization;
import io.foothold.core.method.Question;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.problem.Problem;
import io.foothold.orchestrator.remote.ItemFailures;
import io.foothold.orchestrator.remote.Patience;
import io.foothold.orchestrator.remote.RolloutMessages;
import io.foothold.orchestrator.remote.Services;
import io.foothold.v1.LocalizeWork;
import io.foothold.v1.LocalizerMode;
import io.foothold.v1.Questions;
import io.foothold.v1.Rollout;
import java.util.List;
import java.util.OptionalInt;

/** Asks the localizer, and the policy what the localizer wants to know of it. Blocks its caller. Thread-safe. */
final class Localizing {
    private final RunSpec spec;
    private final Services services;
    private final GroupRunner groups;

    Localizing(RunSpec spec, Services services, GroupRunner groups) {
        this.spec = spec;
        this.services = services;
        this.groups = groups;
    }

    /**
     * The first wrong thought of a rollout.
     *
     * @param groupId of the group that continues it, without the mark of this incarnation
     * @param policy which may answer questions
     * @throws FootholdException when the run was asked to stop, or a service that it needs was away for longer than it waits: that says
     *     nothing about the rollout, and a run that goes on later has it localized then
     */
    Localization localize(Question question, Rollout rollout, String groupId, PolicyVersion policy) {
        try {
            return found(asked(question, rollout, groupId, policy));
        } catch (RuntimeException e) {
            groups.checkStopped();
            FootholdException failure = FootholdException.of(e);
            if (Patience.away(failure)) {
                throw failure;
            }
            return new Localization.Failed(failure, false);
        }
    }

    private static Localization found(io.foothold.v1.Localization found) {
        return switch (found.getOutcomeCase()) {
            case STEP ->
                new Localization.Step(
                        found.getStep(),
                        found.hasComparison()
                                ? OptionalInt.of(found.getComparison().getFirstError())
                                : OptionalInt.empty(),
                        found.getComparison().getEffectiveDeviation());
            case NO_ERROR -> new Localization.NoError();
            case UNPARSEABLE -> new Localization.Unparseable(found.getUnparseable());
            case FAILED -> {
                FootholdException failure = ItemFailures.failure(found.getFailed());
                yield new Localization.Failed(failure, !failure.code().retryable());
            }
            case QUESTIONS, OUTCOME_NOT_SET ->
                throw new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE, "the localizer named nothing after its answers came");
        };
    }

    private io.foothold.v1.Localization asked(
            Question question, Rollout rollout, String groupId, PolicyVersion policy) {
        Problem problem = groups.problem(question.rollout().start().problemId());
        LocalizeWork.Builder work = spec.localization()
                .setRolloutId(rollout.getId())
                .setTrace(Trace.current())
                .addAllThoughts(Responses.thoughts(rollout))
                .setSeed(question.seeds().split("localizer").nonNegative())
                .setProblem(problem.statement())
                .addAllResponseTokenIds(Responses.tokens(rollout))
                .addAllThoughtEnds(rollout.getThoughtEndsList());
        if (spec.settings().resets().localizing().compareWithOracle()
                || work.getMode() == LocalizerMode.LOCALIZER_MODE_ORACLE) {
            work.addAllOracleThoughts(problem.oracleThoughts());
        }
        if (question.random()) {
            work.setMode(LocalizerMode.LOCALIZER_MODE_RANDOM);
        }
        io.foothold.v1.Localization found =
                services.localizer().localize(work.build()).join();
        if (!found.hasQuestions()) {
            return found;
        }
        Questions questions = found.getQuestions();
        List<Rollout> answers = groups.answers(
                groupId + "/q",
                questions.getStartsList().stream()
                        .map(s -> RolloutMessages.start(s, problem.id()).withTrace(work.getTrace()))
                        .toList(),
                spec.conversing(RolloutMessages.sampling(questions.getSettings())),
                question.seeds().split("questions"),
                policy);
        return services.localizer()
                .localize(work.addAllAnswers(answers).build())
                .join();
    }
}
