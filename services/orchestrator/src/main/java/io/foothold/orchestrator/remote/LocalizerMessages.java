package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.v1.Localization;
import io.foothold.v1.LocalizeWork;
import io.foothold.v1.LocalizerMode;
import io.foothold.v1.LocalizerPrompt;
import java.util.OptionalInt;

/** What a localizer is asked and what it says, in the words of the contracts. */
final class LocalizerMessages {
    private LocalizerMessages() {}

    static LocalizeWork work(Localizer.Work work) {
        Localizer.Manner manner = work.manner();
        LocalizeWork.Builder out = LocalizeWork.newBuilder()
                .setRolloutId(work.rollout().id())
                .setMode(LocalizerMode.valueOf("LOCALIZER_MODE_" + manner.mode().name()))
                .addAllThoughts(work.rollout().thoughts())
                .setSeed(work.seed())
                .setEarlyThought(manner.earlyThought())
                .setProblem(work.problem().statement())
                .setPrompt(LocalizerPrompt.newBuilder()
                        .setTemplate(manner.wording().template())
                        .setTemperature(manner.wording().temperature())
                        .setMaxTokens(manner.wording().maxTokens())
                        .setClaimTokens(manner.wording().claimTokens()))
                .addAllResponseTokenIds(work.rollout().responseTokenIds())
                .addAllThoughtEnds(work.rollout().response().thoughtEnds())
                .setThoughtDelimiter(manner.thoughtDelimiter())
                .setNoise(manner.noise())
                .setTrace(work.trace());
        if (work.withOracle()) {
            out.addAllOracleThoughts(work.problem().oracleThoughts());
        }
        work.answers().forEach(a -> out.addAnswers(RolloutMessages.message(a)));
        return out.build();
    }

    /**
     * What a localizer said.
     *
     * @throws FootholdException {@link ErrorCode#PEER_UNAVAILABLE} when it said nothing
     */
    static Localizer.Answer answer(Localization found, Localizer.Work work) {
        return switch (found.getOutcomeCase()) {
            case STEP ->
                new Localizer.Found(new io.foothold.core.method.Localization.Step(
                        found.getStep(),
                        found.hasComparison()
                                ? OptionalInt.of(found.getComparison().getFirstError())
                                : OptionalInt.empty(),
                        found.getComparison().getEffectiveDeviation()));
            case NO_ERROR -> new Localizer.Found(new io.foothold.core.method.Localization.NoError());
            case UNPARSEABLE ->
                new Localizer.Found(new io.foothold.core.method.Localization.Unparseable(found.getUnparseable()));
            case FAILED -> {
                FootholdException failure = ItemFailures.failure(found.getFailed());
                yield new Localizer.Found(new io.foothold.core.method.Localization.Failed(
                        failure, !failure.code().retryable()));
            }
            case QUESTIONS ->
                new Localizer.Questions(
                        found.getQuestions().getStartsList().stream()
                                .map(s -> RolloutMessages.start(
                                                s, work.problem().id())
                                        .withTrace(work.trace()))
                                .toList(),
                        RolloutMessages.sampling(found.getQuestions().getSettings()));
            case OUTCOME_NOT_SET ->
                throw new FootholdException(ErrorCode.PEER_UNAVAILABLE, "the localizer named nothing");
        };
    }
}
