package io.foothold.cli.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutcomeTest {
    @TempDir
    Path directory;

    private static Outcome outcome(double... passAt1) {
        return Outcomes.of("grpo", 0, Map.of("train", 960L, "search", 200L, "evaluation", 5000L), passAt1);
    }

    @Test
    void costCountsSearchBeforeTheFirstUpdateAndNoEvaluation() {
        Outcome o = outcome(0, .4, .8);
        assertThat(o.preparing()).isEqualTo(200);
        assertThat(o.of("hard-test").stream().map(o::rolloutsAt)).containsExactly(200.0, 680.0, 1160.0);
    }

    @Test
    void takeOffLiesBetweenTheTwoEvaluationsAroundTheThreshold() {
        assertThat(outcome(0, .4, .8).costTo(.5, "hard-test", Cost.ROLLOUTS, 1).getAsDouble())
                .isEqualTo(680 + 480 * .25, within(1e-9));
        assertThat(outcome(.6, .4, .8).costTo(.5, "hard-test", Cost.ROLLOUTS, 1))
                .hasValue(200);
        assertThat(outcome(0, .1, .2).costTo(.5, "hard-test", Cost.ROLLOUTS, 1)).isEmpty();
    }

    /** A spike of one evaluation is no take-off where three are looked at. */
    @Test
    void takeOffOfAMeanOfThreeEvaluations() {
        Outcome o = outcome(0, .6, 0, .6, .9);
        assertThat(o.costTo(.5, "hard-test", Cost.ROLLOUTS, 1).getAsDouble()).isEqualTo(200 + 240 / 1.2, within(1e-9));
        // Means .3, .2, .4, .5, .75: the threshold is met at the fourth evaluation.
        assertThat(o.costTo(.5, "hard-test", Cost.ROLLOUTS, 3).getAsDouble()).isEqualTo(920, within(1e-9));
    }

    @Test
    void passAt1AtACostIsLinearBetweenEvaluationsAndLevelBeyondThem() {
        Outcome o = outcome(.1, .4, .8);
        assertThat(o.passAt1At(0, "hard-test", Cost.ROLLOUTS)).isEqualTo(.1);
        assertThat(o.passAt1At(440, "hard-test", Cost.ROLLOUTS)).isEqualTo(.25, within(1e-9));
        assertThat(o.passAt1At(1160, "hard-test", Cost.ROLLOUTS)).isEqualTo(.8, within(1e-9));
        assertThat(o.passAt1At(9000, "hard-test", Cost.ROLLOUTS)).isEqualTo(.8);
    }

    @Test
    void whatIsWrittenIsReadAgain() {
        Path file = directory.resolve("results/grpo-seed0.json");
        outcome(0, .4, .8).write(file);
        assertThat(Outcome.read(file)).contains(outcome(0, .4, .8));
        assertThat(file.resolveSibling("grpo-seed0.json.new")).doesNotExist();
        assertThat(Outcome.read(directory.resolve("absent.json"))).isEmpty();
    }

    @Test
    void aFileThatIsNoResultIsNamed() throws Exception {
        for (String text : List.of("{\"arm\": \"grpo\"}", "{")) {
            Path file = Files.writeString(directory.resolve("x.json"), text);
            assertThatThrownBy(() -> Outcome.read(file)).hasMessageContaining("x.json is no result of a study");
        }
    }
}
