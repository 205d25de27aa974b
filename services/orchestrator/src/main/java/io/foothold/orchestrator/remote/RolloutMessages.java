package io.foothold.orchestrator.remote;

import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.settings.PromptSettings;
import io.foothold.orchestrator.rollout.FinishReason;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.SampledRollout;
import io.foothold.orchestrator.rollout.Sampling;
import io.foothold.v1.ChatSettings;
import io.foothold.v1.ChatTurn;
import io.foothold.v1.Guided;
import io.foothold.v1.PolicyName;
import io.foothold.v1.Reservation;
import io.foothold.v1.Reset;
import io.foothold.v1.Revision;
import io.foothold.v1.Rollout;
import io.foothold.v1.Root;
import io.foothold.v1.SampleResponse;
import io.foothold.v1.SampleWork;
import io.foothold.v1.SamplingSettings;
import io.foothold.v1.StartState;
import java.util.Optional;

/** Start states, how tokens are drawn, and rollouts, in the words of the contracts. */
final class RolloutMessages {
    private RolloutMessages() {}

    static PromptedStart start(StartState s) {
        return start(s, s.getProblemId());
    }

    /**
     * A start state that came.
     *
     * @param problemId the problem's, whatever the message says
     */
    public static PromptedStart start(StartState s, String problemId) {
        return new PromptedStart(
                origin(s, problemId),
                s.getPrompt(),
                s.getPromptTokenIdsList(),
                s.getPrefixTokenIdsList(),
                s.getMaxTokens(),
                s.getTrace());
    }

    private static io.foothold.core.start.StartState origin(StartState s, String problemId) {
        return switch (s.getOriginCase()) {
            case ROOT, ORIGIN_NOT_SET -> new io.foothold.core.start.StartState.Root(problemId);
            case GUIDED ->
                new io.foothold.core.start.StartState.Guided(
                        problemId, s.getGuided().getPrefixThoughts());
            case RESET ->
                new io.foothold.core.start.StartState.Reset(
                        problemId,
                        s.getReset().getRolloutId(),
                        s.getReset().getThought(),
                        s.getReset().getTokens());
            case REVISION ->
                new io.foothold.core.start.StartState.Revision(
                        problemId,
                        s.getRevision().getRolloutId(),
                        s.getRevision().getInstruction());
        };
    }

    /** A start state as a sampler is told it; a revision's instruction is in its prompt already. */
    static StartState message(PromptedStart start) {
        StartState.Builder out = StartState.newBuilder()
                .setProblemId(start.problemId())
                .setPrompt(start.prompt())
                .addAllPromptTokenIds(start.promptTokenIds())
                .addAllPrefixTokenIds(start.prefixTokenIds())
                .setMaxTokens(start.maxTokens())
                .setTrace(start.trace());
        switch (start.origin()) {
            case io.foothold.core.start.StartState.Root r -> out.setRoot(Root.getDefaultInstance());
            case io.foothold.core.start.StartState.Guided g ->
                out.setGuided(Guided.newBuilder().setPrefixThoughts(g.prefixThoughts()));
            case io.foothold.core.start.StartState.Reset r ->
                out.setReset(Reset.newBuilder()
                        .setRolloutId(r.rolloutId())
                        .setThought(r.thought())
                        .setTokens(r.givenTokens()));
            case io.foothold.core.start.StartState.Revision r ->
                out.setRevision(Revision.newBuilder().setRolloutId(r.rolloutId()));
        }
        return out.build();
    }

    /** How tokens are drawn. */
    static SamplingSettings message(Sampling sampling) {
        SamplingSettings.Builder out = SamplingSettings.newBuilder()
                .setTemperature(sampling.temperature())
                .setTopP(sampling.topP())
                .setTopK(sampling.topK())
                .setMaxTokens(sampling.maxTokens())
                .setThoughtDelimiter(sampling.thoughts().delimiter())
                .setMaxThoughtTokens(sampling.thoughts().maxTokens())
                .setMaxThoughts(sampling.thoughts().maxCount())
                .addAllStopStrings(sampling.stopStrings());
        sampling.chat().ifPresent(chat -> out.setChat(message(chat)));
        return out.build();
    }

    static ChatSettings message(Sampling.Chat chat) {
        ChatSettings.Builder out = ChatSettings.newBuilder()
                .setSystem(chat.system())
                .setAnswerSeparator(chat.answerSeparator())
                .putAllOptions(chat.options());
        for (PromptSettings.Turn turn : chat.turns()) {
            out.addTurns(ChatTurn.newBuilder().setUser(turn.user()).setAssistant(turn.assistant()));
        }
        return out.build();
    }

    /** How an answer to a question is drawn that somebody asks of the policy. */
    static Sampling sampling(SamplingSettings s) {
        return new Sampling(
                s.getTemperature(),
                s.getTopP(),
                s.getTopK(),
                s.getMaxTokens(),
                new Sampling.Thoughts(s.getThoughtDelimiter(), s.getMaxThoughtTokens(), s.getMaxThoughts()),
                s.getStopStringsList(),
                Optional.empty());
    }

    static SampleWork message(Sampler.Work work) {
        PolicyVersion policy = work.wanted().policy();
        SampleWork.Builder out = SampleWork.newBuilder()
                .setGroupId(work.groupId())
                .setStart(message(work.start()))
                .setSettings(message(work.sampling()))
                .setMinPolicyVersion(policy.number())
                .setFrozen(work.frozen());
        for (Sampler.Reservation r : work.reservations()) {
            out.addReservations(
                    Reservation.newBuilder().setRolloutId(r.rolloutId()).setSeed(r.seed()));
        }
        if (work.wanted().exactly()) {
            out.setPolicy(PolicyName.newBuilder().setVersion(policy.number()).setDigest(policy.digest()));
        }
        return out.build();
    }

    static Sampler.Answer answer(SampleResponse response) {
        return response.hasFailed()
                ? new Sampler.Failed(
                        response.getFailed().getRolloutId(),
                        ItemFailures.failure(response.getFailed().getFailure()))
                : new Sampler.Came(rollout(response.getRollout()));
    }

    /** A rollout that came or was stored; it takes over the message's lists, which nobody can change. */
    static SampledRollout rollout(Rollout r) {
        return new SampledRollout(
                r.getId(),
                r.getGroupId(),
                r.getPromptTokenIdsList(),
                r.getPrefixTokenIdsList(),
                new SampledRollout.Tokens(
                        r.getTokenIdsList(),
                        r.getLogProbsList(),
                        r.getPolicyVersionsList(),
                        r.getPolicyDigest(),
                        switch (r.getFinishReason()) {
                            case FINISH_REASON_STOP -> FinishReason.STOP;
                            case FINISH_REASON_STOP_STRING -> FinishReason.STOP_STRING;
                            case FINISH_REASON_LENGTH -> FinishReason.LENGTH;
                            case FINISH_REASON_ABORT -> FinishReason.ABORT;
                            case FINISH_REASON_UNSPECIFIED, UNRECOGNIZED -> FinishReason.UNKNOWN;
                        }),
                new SampledRollout.Response(
                        r.getText(), r.getThoughtEndsList(), r.getThoughtTextEndsList(), r.getOpensInThought()));
    }

    /** A rollout as learner and localizer get it and the ledger keeps it; lists that came in a message are copied as arrays. */
    static Rollout message(SampledRollout r) {
        return Rollout.newBuilder()
                .setId(r.id())
                .setGroupId(r.groupId())
                .addAllPromptTokenIds(r.promptTokenIds())
                .addAllPrefixTokenIds(r.prefixTokenIds())
                .addAllTokenIds(r.tokens().ids())
                .addAllLogProbs(r.tokens().logProbs())
                .addAllPolicyVersions(r.tokens().policyVersions())
                .addAllThoughtEnds(r.response().thoughtEnds())
                .setFinishReason(
                        switch (r.tokens().finish()) {
                            case UNKNOWN -> io.foothold.v1.FinishReason.FINISH_REASON_UNSPECIFIED;
                            case STOP -> io.foothold.v1.FinishReason.FINISH_REASON_STOP;
                            case STOP_STRING -> io.foothold.v1.FinishReason.FINISH_REASON_STOP_STRING;
                            case LENGTH -> io.foothold.v1.FinishReason.FINISH_REASON_LENGTH;
                            case ABORT -> io.foothold.v1.FinishReason.FINISH_REASON_ABORT;
                        })
                .setText(r.response().text())
                .addAllThoughtTextEnds(r.response().thoughtTextEnds())
                .setOpensInThought(r.response().opensInThought())
                .setPolicyDigest(r.tokens().policyDigest())
                .build();
    }
}
