package io.foothold.orchestrator.remote;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.start.StartState;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.SampledRollout;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.v1.FinishReason;
import io.foothold.v1.Rollout;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class RolloutMessagesTest {
    private static Rollout.Builder whole() {
        return Rollout.newBuilder()
                .setId("r")
                .setGroupId("g")
                .addAllPromptTokenIds(List.of(1, 2))
                .addAllPrefixTokenIds(List.of(3))
                .addAllTokenIds(List.of(4, 5, 6))
                .addAllLogProbs(List.of(-0.5f, 0f, -2f))
                .addAllPolicyVersions(List.of(7L, 7L, 8L))
                .addAllThoughtEnds(List.of(2, 4))
                .setFinishReason(FinishReason.FINISH_REASON_STOP)
                .setText("a;𝔸;b")
                .addAllThoughtTextEnds(List.of(2, 4))
                .setOpensInThought(true)
                .setPolicyDigest("d");
    }

    /** Nothing that a message may hold is left out, whatever is added to it. */
    @Test
    void everyFieldOfARolloutIsSetHere() {
        assertThat(whole().build().getAllFields())
                .hasSameSizeAs(Rollout.getDescriptor().getFields());
    }

    @ParameterizedTest
    @EnumSource(names = "UNRECOGNIZED", mode = EnumSource.Mode.EXCLUDE)
    void aRolloutComesBackToTheByte(FinishReason reason) {
        Rollout message = whole().setFinishReason(reason).build();
        assertThat(RolloutMessages.message(RolloutMessages.rollout(message)).toByteArray())
                .isEqualTo(message.toByteArray());
    }

    @Test
    void aReasonThatIsNewIsNoneThatIsKnown() {
        SampledRollout rollout =
                RolloutMessages.rollout(whole().setFinishReasonValue(99).build());
        assertThat(rollout.truncated()).isFalse();
        assertThat(rollout.tokens().finish()).isEqualTo(io.foothold.orchestrator.rollout.FinishReason.UNKNOWN);
    }

    @Test
    void tokensThatCameAreNotCopied() {
        Rollout message = whole().build();
        SampledRollout rollout = RolloutMessages.rollout(message);
        assertThat(rollout.tokens().ids()).isSameAs(message.getTokenIdsList());
        assertThat(rollout.tokens().logProbs()).isSameAs(message.getLogProbsList());
        assertThat(rollout.promptTokenIds()).isSameAs(message.getPromptTokenIdsList());
    }

    @Test
    void thoughtsAreCutByCodePointsAndWhatIsBehindTheLastIsNone() {
        SampledRollout rollout = RolloutMessages.rollout(whole().build());
        assertThat(rollout.thoughts()).containsExactly("a;", "𝔸;");
        assertThat(rollout.responseTokenIds()).containsExactly(3, 4, 5, 6);
    }

    static Stream<StartState> origins() {
        return Stream.of(
                new StartState.Root("p"),
                new StartState.Guided("p", 3),
                new StartState.Reset("p", "seed", 2, 5),
                new StartState.Revision("p", "answer", ""));
    }

    @ParameterizedTest
    @MethodSource("origins")
    void aStartComesBack(StartState origin) {
        PromptedStart start = new PromptedStart(origin, "prompt", List.of(1), List.of(2, 3), 9, "trace");
        assertThat(RolloutMessages.start(RolloutMessages.message(start))).isEqualTo(start);
    }

    @Test
    void aGroupComesBackToTheByte() {
        io.foothold.v1.TrainGroup message = io.foothold.v1.TrainGroup.newBuilder()
                .setRunId("run")
                .setUpdate(3)
                .setIndex(1)
                .setGroupsInUpdate(2)
                .setGroupId("g")
                .setTrace("t")
                .addMembers(io.foothold.v1.RewardedRollout.newBuilder()
                        .setRollout(whole())
                        .setReward(0.25)
                        .addAllTrainedPromptTokenIds(List.of(8, 9)))
                .addMembers(io.foothold.v1.RewardedRollout.newBuilder().setRollout(whole().setId("s")))
                .build();
        assertThat(message.getAllFields())
                .hasSameSizeAs(message.getDescriptorForType().getFields());
        TrainGroup group = BatchMessages.group(message);
        assertThat(BatchMessages.message(group).toByteArray()).isEqualTo(message.toByteArray());
    }
}
