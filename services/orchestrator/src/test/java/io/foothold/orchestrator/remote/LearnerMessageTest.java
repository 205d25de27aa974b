package io.foothold.orchestrator.remote;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.settings.RunSettings;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.v1.DistillationSettings;
import io.foothold.v1.LearnerSettings;
import io.foothold.v1.MismatchSettings;
import io.foothold.v1.OpenRunRequest;
import io.foothold.v1.PromptedSolution;
import io.foothold.v1.SftSettings;
import java.util.List;
import org.junit.jupiter.api.Test;

class LearnerMessageTest {
    private static final String FILE = """
            method: pope-dial
            policy: {base: p}
            problems:
              train: {jsonl: 'a: b.jsonl'}
              evaluate: {e: {jsonl: e.jsonl}}
            prompts: {guided: "{problem}{prefix}"}
            optimizer: {learning_rate: 3.0e-07}
            """;

    private static RunFile file(String... overrides) {
        return RunFile.resolve("r.yaml", FILE, List.of(overrides));
    }

    private static LearnerSettings settings(String... overrides) {
        return new LearnerMessage(file(overrides).settings())
                .open("r", List.of())
                .getSettings();
    }

    @Test
    void aResumedRunIsOpenedWithTheSameBytes() {
        RunSettings first =
                file("loss.mismatch.rule=mask", "optimizer.lora.rank=4").settings();
        RunSettings resumed = RunFile.restore(
                        file("loss.mismatch.rule=mask", "optimizer.lora.rank=4").stored())
                .settings();
        assertThat(new LearnerMessage(resumed).open("r", List.of()).toByteArray())
                .isEqualTo(new LearnerMessage(first).open("r", List.of()).toByteArray());
    }

    @Test
    void aMismatchRuleGoesToTheLearnerAndNoneLeavesItsSettingsAsTheyWere() {
        assertThat(settings().getLoss().hasMismatch()).isFalse();
        assertThat(settings("loss.mismatch.rule=truncate").getLoss().getMismatch())
                .isEqualTo(MismatchSettings.newBuilder()
                        .setRule("truncate")
                        .setLevel("token")
                        .setCap(2)
                        .setLow(0.5)
                        .setHigh(5)
                        .build());
        assertThat(settings("loss.mismatch.rule=mask", "loss.mismatch.level=geometric_mean", "loss.mismatch.low=0.25")
                        .getLoss()
                        .getMismatch())
                .satisfies(m -> assertThat(m.getLevel()).isEqualTo("geometric_mean"))
                .satisfies(m -> assertThat(m.getLow()).isEqualTo(0.25));
    }

    /** A run that evaluates only has the settings of one that trains, and gives nothing to imitate. */
    @Test
    void fineTuningIsAskedForWhereThereIsSomethingToImitateAndLeavesOtherRunsTheirBytes() {
        PromptedSolution solution = PromptedSolution.newBuilder()
                .addPromptTokenIds(1)
                .addSolutionTokenIds(2)
                .build();
        LearnerMessage asked =
                new LearnerMessage(file("sft.epochs=5", "sft.solutions_per_step=16", "sft.learning_rate=3e-4")
                        .settings());
        OpenRunRequest request = asked.open("r", List.of(solution));
        assertThat(request.getSettings().getSft())
                .isEqualTo(SftSettings.newBuilder()
                        .setEpochs(5)
                        .setSolutionsPerStep(16)
                        .setLearningRate(3e-4)
                        .build());
        assertThat(request.getSolutionsList()).containsExactly(solution);
        assertThat(asked.open("r", List.of()).getSettings()).isEqualTo(settings());
        assertThat(new LearnerMessage(file().settings())
                        .open("r", List.of(solution))
                        .getSettings()
                        .hasSft())
                .isFalse();
    }

    /** Losses without a ratio do not look at it; what an earlier version said of it is said again. */
    @Test
    void aRunOfAnEarlierVersionWithADualClipThatMeansNothingGoesOn() {
        String then = file("loss.name=policy_gradient")
                .stored()
                .replace("\"loss.dual_clip\":\"0\"", "\"loss.dual_clip\":\"3.0\"");
        assertThat(then).contains("3.0");
        RunSettings resumed = RunFile.restore(then).settings();
        assertThat(new LearnerMessage(resumed)
                        .open("r", List.of())
                        .getSettings()
                        .getLoss()
                        .getDualClip())
                .isEqualTo(3);
        assertThat(settings("loss.name=cispo", "loss.clip_high=1").getLoss().getDualClip())
                .isZero();
    }

    @Test
    void aTeacherGoesToTheLearnerAndNoneLeavesItsSettingsAsTheyWere() {
        assertThat(settings().hasDistillation()).isFalse();
        assertThat(settings("distillation.weight=0.5", "distillation.prompt={problem}{solution}")
                        .getDistillation())
                .isEqualTo(DistillationSettings.newBuilder()
                        .setWeight(0.5)
                        .setRewards(1)
                        .build());
    }
}
