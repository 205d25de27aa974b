package io.foothold.orchestrator.run;

import io.foothold.v1.RewardedRollout;
import io.foothold.v1.Rollout;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A rollout that has a verdict and a reward, verified in the ledger.
 *
 * @param refines the answer that it refines and whose prompt it is trained under; null for a rollout of its own prompt
 */
record FilledMember(Judged judged, double reward, @Nullable Rollout refines) {
    Rollout rollout() {
        return Objects.requireNonNull(judged.rollout());
    }

    RewardedRollout rewarded() {
        RewardedRollout.Builder out =
                RewardedRollout.newBuilder().setRollout(rollout()).setReward(reward);
        if (refines != null) {
            out.addAllTrainedPromptTokenIds(refines.getPromptTokenIdsList());
        }
        return out.build();
    }
}
