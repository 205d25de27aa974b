package io.foothold.learner.grpc;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.files.Roots;
import io.foothold.learner.config.LearnerConfig;
import io.foothold.v1.EstimatorSettings;
import io.foothold.v1.LearnerSettings;
import io.foothold.v1.LossSettings;
import io.foothold.v1.OpenRunRequest;
import io.foothold.v1.OptimizerSettings;
import io.foothold.v1.RunHolder;
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

                    @Override
                    public String torchPackage() {
                        return "services/learner/torch";
                    }
                },
                Roots.of(List.of(home)),
                new SimpleMeterRegistry());
        OpenRunRequest request = OpenRunRequest.newBuilder()
                .setRunId("r")
                .setBasePolicy(base)
                .setHolder(RunHolder.newBuilder().setToken("t"))
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

    @Test
    void aBaseThatAdaptersNameIsHeldToTheSameRoots() throws Exception {
        Path adapter = Files.createDirectories(home.resolve("adapter"));
        for (String base : List.of("/etc", "/not/there", "../../../../../../../../etc", home + "/link")) {
            Files.writeString(
                    adapter.resolve("adapter_config.json"), "{\"base_model_name_or_path\": \"" + base + "\"}");
            if (base.endsWith("link") && !Files.isSymbolicLink(home.resolve("link"))) {
                Files.createSymbolicLink(home.resolve("link"), Path.of("/etc"));
            }
            refused(adapter.toString(), "lies outside the directories");
        }
        Files.writeString(adapter.resolve("adapter_config.json"), "{\"base_model_name_or_path\": \"../none\"}");
        refused(adapter.toString(), "does not exist");
    }

    @Test
    void linksInABaseThatLeadOutAreRefused() throws Exception {
        Path base = Files.createDirectories(home.resolve("base"));
        for (String name : List.of("config.json", "model.safetensors", "tokenizer.json")) {
            Files.createSymbolicLink(base.resolve(name), Path.of("/etc/hostname"));
            refused(
                    base.toString(),
                    "the target of the link '" + base.toRealPath().resolve(name));
            Files.delete(base.resolve(name));
        }
    }
}
