package io.foothold.learner.grpc;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.files.Roots;
import io.foothold.learner.config.LearnerConfig;
import io.foothold.v1.EstimatorSettings;
import io.foothold.v1.LearnerSettings;
import io.foothold.v1.LossSettings;
import io.foothold.v1.OpenRunRequest;
import io.foothold.v1.OptimizerSettings;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run's base policy is a path of the caller: it stays below the roots. */
class BasePolicyPathTest {
    @TempDir
    Path home;

    private void refused(String base, String words) {
        LearnerGrpc learner = new LearnerGrpc(
                new LearnerConfig() {
                    @Override
                    public String home() {
                        return home.resolve("runs").toString();
                    }

                    @Override
                    public int window() {
                        return 16;
                    }
                },
                Roots.of(List.of(home)),
                new SimpleMeterRegistry());
        OpenRunRequest request = OpenRunRequest.newBuilder()
                .setRunId("r")
                .setBasePolicy(base)
                .setSettings(LearnerSettings.newBuilder()
                        .setEstimator(EstimatorSettings.newBuilder().setName("mean"))
                        .setLoss(LossSettings.newBuilder()
                                .setAggregation("token_mean")
                                .setRatio("none"))
                        .setOptimizer(OptimizerSettings.newBuilder()
                                .setSchedule("constant")
                                .setLearningRate(1)
                                .setFinalShare(1)
                                .setTotalSteps(1))
                        .setGroupsPerStep(1)
                        .setEpochs(1)
                        .setTemperature(1)
                        .setMicroBatchTokens(64)
                        .setCheckpointEvery(1)
                        .setCheckpointsKept(1))
                .build();
        assertThatThrownBy(() -> learner.openRun(request).await().indefinitely())
                .as(base)
                .hasMessageContaining(words);
        learner.stop();
    }

    @Test
    void aBasePolicyOutsideTheRootsIsRefusedWhetherItIsThereOrNot() throws Exception {
        refused("/etc", "base policy '/etc' lies outside");
        refused("/not/there", "base policy '/not/there' lies outside");
        Files.createSymbolicLink(home.resolve("link"), Path.of("/etc"));
        refused(home + "/link", "lies outside");
        refused(home + "/none", "does not exist");
    }
}
