package io.foothold.orchestrator.remote;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.settings.RunSettings;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.v1.LearnerSettings;
import io.foothold.v1.MismatchSettings;
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
        return new LearnerMessage(file(overrides).settings()).open("r").getSettings();
    }

    @Test
    void aResumedRunIsOpenedWithTheSameBytes() {
        RunSettings first =
                file("loss.mismatch.rule=mask", "optimizer.lora.rank=4").settings();
        RunSettings resumed = RunFile.restore(
                        file("loss.mismatch.rule=mask", "optimizer.lora.rank=4").stored())
                .settings();
        assertThat(new LearnerMessage(resumed).open("r").toByteArray())
                .isEqualTo(new LearnerMessage(first).open("r").toByteArray());
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
}
