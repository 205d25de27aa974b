package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.trace.Trace;
import io.foothold.core.method.Localization;
import io.foothold.core.method.Question;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.problem.Problem;
import io.foothold.orchestrator.remote.Localizer;
import io.foothold.orchestrator.remote.Patience;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.rollout.SampledRollout;
import java.util.List;

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
    Localization localize(Question question, SampledRollout rollout, String groupId, PolicyVersion policy) {
        try {
            return asked(question, rollout, groupId, policy);
        } catch (RuntimeException e) {
            groups.checkStopped();
            FootholdException failure = FootholdException.of(e);
            if (Patience.away(failure)) {
                throw failure;
            }
            return new Localization.Failed(failure, false);
        }
    }

    private Localization asked(Question question, SampledRollout rollout, String groupId, PolicyVersion policy) {
        Problem problem = groups.problem(question.rollout().start().problemId());
        Localizer.Manner manner = spec.localization();
        boolean withOracle = spec.comparesWithOracle() || manner.mode() == Localizer.Mode.ORACLE;
        Localizer.Work work = new Localizer.Work(
                rollout,
                question.random() ? manner.with(Localizer.Mode.RANDOM) : manner,
                problem,
                withOracle,
                question.seeds().split("localizer").nonNegative(),
                List.of(),
                Trace.current());
        return switch (services.localizer().localize(work).join()) {
            case Localizer.Found found -> found.localization();
            case Localizer.Questions questions ->
                afterAnswers(work.with(groups.answers(
                        groupId + "/q",
                        questions.starts(),
                        spec.conversing(questions.sampling()),
                        question.seeds().split("questions"),
                        policy)));
        };
    }

    private Localization afterAnswers(Localizer.Work answered) {
        return switch (services.localizer().localize(answered).join()) {
            case Localizer.Found found -> found.localization();
            case Localizer.Questions again ->
                throw new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE, "the localizer named nothing after its answers came");
        };
    }
}
