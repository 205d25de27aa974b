package io.foothold.learner.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Learning rates worked out by hand. */
class ScheduleTest {
    /** Peak 0.8, warm-up 4, total 10, final share 0.25. Where the decay has begun in warm-up already, both count. */
    @ParameterizedTest
    @CsvSource({
        // constant: 0.8 · min(1, step / 4)
        "CONSTANT, 1, 0.2",
        "CONSTANT, 2, 0.4",
        "CONSTANT, 4, 0.8",
        "CONSTANT, 5, 0.8",
        "CONSTANT, 1000000, 0.8",
        // linear: · (0.25 + 0.75 · (1 − step / 10))
        "LINEAR, 1, 0.185",
        "LINEAR, 4, 0.56",
        "LINEAR, 5, 0.5",
        "LINEAR, 9, 0.26",
        "LINEAR, 10, 0.2",
        "LINEAR, 11, 0.2",
        "LINEAR, 1000000, 0.2",
        // cosine: · (0.25 + 0.375 · (1 + cos(π · step / 10)))
        "COSINE, 1, 0.196329238722",
        "COSINE, 4, 0.592705098312",
        "COSINE, 5, 0.5",
        "COSINE, 6, 0.407294901688",
        "COSINE, 10, 0.2",
        "COSINE, 11, 0.2"
    })
    void rateOfAStep(Schedule.Shape shape, long step, double rate) {
        assertThat(new Schedule(shape, 0.8, 4, 10, 0.25).at(step)).isCloseTo(rate, within(1e-11));
    }

    @Test
    void withoutWarmUpTheFirstStepHasTheWholeRateAndAShareOfZeroEndsAtZero() {
        assertThat(new Schedule(Schedule.Shape.CONSTANT, 3e-5, 0, 0, 0).at(1)).isEqualTo(3e-5);
        assertThat(new Schedule(Schedule.Shape.LINEAR, 1, 0, 4, 0).at(1)).isEqualTo(0.75);
        for (Schedule.Shape shape : new Schedule.Shape[] {Schedule.Shape.LINEAR, Schedule.Shape.COSINE}) {
            assertThat(new Schedule(shape, 1, 0, 4, 0).at(4)).isZero();
            assertThat(new Schedule(shape, 1, 0, 4, 1).at(3)).as("no decay").isEqualTo(1);
        }
    }

    @Test
    void aRateNeverGrowsBehindWarmUp() {
        for (Schedule.Shape shape : Schedule.Shape.values()) {
            Schedule schedule = new Schedule(shape, 1, 7, 50, 0.1);
            for (long step = 7; step < 60; step++) {
                assertThat(schedule.at(step + 1))
                        .isLessThanOrEqualTo(schedule.at(step))
                        .isBetween(0.1, 1.0);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"constant", "linear", "cosine", "Cosine"})
    void aShapeHasAName(String name) {
        assertThat(Schedule.shapeNamed(name).name()).isEqualToIgnoringCase(name);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "cos", "polynomial", "linear "})
    void anotherNameIsRefusedWithThoseThatThereAre(String name) {
        assertThatThrownBy(() -> Schedule.shapeNamed(name))
                .hasMessage("unknown schedule '" + name + "' (expected constant, linear or cosine)");
    }
}
