package io.foothold.orchestrator.remote;

import io.foothold.core.settings.PromptSettings;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.Sampling;
import io.foothold.v1.ChatSettings;
import io.foothold.v1.ChatTurn;
import io.foothold.v1.Guided;
import io.foothold.v1.Reset;
import io.foothold.v1.Revision;
import io.foothold.v1.Root;
import io.foothold.v1.SamplingSettings;
import io.foothold.v1.StartState;
import java.util.Optional;

/** Start states and how tokens are drawn, in the words of the contracts. */
public final class RolloutMessages {
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
    public static StartState message(PromptedStart start) {
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
    public static SamplingSettings message(Sampling sampling) {
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
    public static Sampling sampling(SamplingSettings s) {
        return new Sampling(
                s.getTemperature(),
                s.getTopP(),
                s.getTopK(),
                s.getMaxTokens(),
                new Sampling.Thoughts(s.getThoughtDelimiter(), s.getMaxThoughtTokens(), s.getMaxThoughts()),
                s.getStopStringsList(),
                Optional.empty());
    }
}
