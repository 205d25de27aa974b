package io.foothold.learner;

import io.foothold.policy.ModelConfig;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.v1.EstimatorSettings;
import io.foothold.v1.FinishReason;
import io.foothold.v1.LearnerSettings;
import io.foothold.v1.LossSettings;
import io.foothold.v1.OptimizerSettings;
import io.foothold.v1.RewardedRollout;
import io.foothold.v1.Rollout;
import io.foothold.v1.TrainGroup;
import java.nio.file.Path;
import java.util.List;

/** A run on a policy of some thousand parameters, with groups that need no sampler. */
public final class TinyRun {
    private TinyRun() {}

    /** Writes a policy of seeded random weights. */
    public static PolicyDirectory policy(Path directory) {
        ModelConfig config = ModelConfig.qwen3(38, 32, 64, 2, 4, 2, 8, 64).endingWith(List.of(1));
        return PolicyDirectory.write(directory, PolicyWeights.random(config, 7, 0.3), "{\"version\":\"1.0\"}");
    }

    /** Settings that learn something in every update. */
    public static LearnerSettings.Builder settings() {
        return LearnerSettings.newBuilder()
                .setEstimator(EstimatorSettings.newBuilder().setName("mean"))
                .setLoss(LossSettings.newBuilder().setAggregation("token_mean").setRatio("none"))
                .setOptimizer(OptimizerSettings.newBuilder()
                        .setLearningRate(0.01)
                        .setBeta1(0.9)
                        .setBeta2(0.95)
                        .setEpsilon(1e-8)
                        .setClipNorm(1)
                        .setSchedule("constant"))
                .setTemperature(1)
                .setEpochs(1)
                .setMicroBatchTokens(256)
                .setCheckpointEvery(2)
                .setCheckpointsKept(3)
                .setMaxLogProbDifference(1e9)
                .setSeed(1);
    }

    /** The only group of an update: two responses of which one is right. */
    public static TrainGroup group(String run, long update) {
        TrainGroup.Builder group = TrainGroup.newBuilder()
                .setRunId(run)
                .setUpdate(update)
                .setGroupsInUpdate(1)
                .setGroupId(run + "/g" + update);
        for (int i = 0; i < 2; i++) {
            Rollout.Builder rollout = Rollout.newBuilder()
                    .setId(run + "/g" + update + "/" + i)
                    .setFinishReason(FinishReason.FINISH_REASON_STOP);
            for (int t = 0; t < 4; t++) {
                rollout.addPromptTokenIds(2 + t);
            }
            for (int t = 0; t < 5; t++) {
                rollout.addTokenIds(2 + (int) ((update * 7 + i * 11 + t * 3) % 36))
                        .addLogProbs(-3)
                        .addPolicyVersions(update - 1);
            }
            group.addMembers(RewardedRollout.newBuilder().setRollout(rollout).setReward(i));
        }
        return group.build();
    }
}
