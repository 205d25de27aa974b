package io.foothold.orchestrator.remote;

import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.v1.RewardedRollout;

/** Groups of an update in the words of the contracts, as the learner gets them and the ledger keeps them. */
public final class BatchMessages {
    private BatchMessages() {}

    /** A group as a message. */
    public static io.foothold.v1.TrainGroup message(TrainGroup group) {
        io.foothold.v1.TrainGroup.Builder out = io.foothold.v1.TrainGroup.newBuilder()
                .setRunId(group.runId())
                .setUpdate(group.update())
                .setIndex(group.index())
                .setGroupsInUpdate(group.groupsInUpdate())
                .setGroupId(group.id())
                .setTrace(group.trace());
        for (TrainGroup.Member m : group.members()) {
            out.addMembers(RewardedRollout.newBuilder()
                    .setRollout(RolloutMessages.message(m.rollout()))
                    .setReward(m.reward())
                    .addAllTrainedPromptTokenIds(m.trainedPromptTokenIds())
                    .addAllTeacherPromptTokenIds(m.teacherPromptTokenIds())
                    .addAllRewards(m.rewards()));
        }
        return out.build();
    }

    /** A group that was stored. */
    public static TrainGroup group(io.foothold.v1.TrainGroup g) {
        return new TrainGroup(
                g.getRunId(),
                g.getUpdate(),
                g.getIndex(),
                g.getGroupsInUpdate(),
                g.getGroupId(),
                g.getTrace(),
                g.getMembersList().stream()
                        .map(m -> new TrainGroup.Member(
                                RolloutMessages.rollout(m.getRollout()),
                                m.getReward(),
                                m.getTrainedPromptTokenIdsList(),
                                m.getTeacherPromptTokenIdsList(),
                                m.getRewardsList()))
                        .toList());
    }
}
