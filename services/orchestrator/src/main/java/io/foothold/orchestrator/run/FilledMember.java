package io.foothold.orchestrator.run;

import io.foothold.orchestrator.rollout.SampledRollout;
import io.foothold.orchestrator.rollout.TrainGroup;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A rollout that has a verdict and a reward, verified in the ledger.
 *
 * @param refines the answer that it refines and whose prompt it is trained under; null for a rollout of its own prompt
 */
record FilledMember(Judged judged, double reward, @Nullable SampledRollout refines) {
    SampledRollout rollout() {
        return Objects.requireNonNull(judged.rollout());
    }

    /**
     * As it is trained.
     *
     * @param teacher prompt under which the policy teaches it; empty without a teacher
     */
    TrainGroup.Member rewarded(List<Integer> teacher) {
        return new TrainGroup.Member(
                rollout(),
                reward,
                refines == null ? List.of() : refines.promptTokenIds(),
                teacher,
                List.copyOf(judged.rewards().values()));
    }
}
