package io.foothold.orchestrator.rollout;

import java.util.List;

/**
 * A complete group of an update, as the learner gets it and the ledger keeps it.
 *
 * @param update that it belongs to, from 1
 * @param index its place in the update, from 0
 * @param groupsInUpdate how many groups the update has
 * @param id opaque
 * @param trace that what follows is part of; empty for none
 * @param members in their order
 */
public record TrainGroup(
        String runId, long update, int index, int groupsInUpdate, String id, String trace, List<Member> members) {

    /**
     * A rollout with its reward.
     *
     * @param trainedPromptTokenIds the prompt that it is trained under where that is another than its own; else empty
     * @param teacherPromptTokenIds the prompt under which the policy teaches it; empty without a teacher
     * @param rewards one each of the run's several rewards; empty where it has one
     */
    public record Member(
            SampledRollout rollout,
            double reward,
            List<Integer> trainedPromptTokenIds,
            List<Integer> teacherPromptTokenIds,
            List<Double> rewards) {
        /** One without a teacher, with one reward. */
        public Member(SampledRollout rollout, double reward, List<Integer> trainedPromptTokenIds) {
            this(rollout, reward, trainedPromptTokenIds, List.of(), List.of());
        }
    }

    /** Copies the list of members. */
    public TrainGroup {
        members = List.copyOf(members);
    }
}
