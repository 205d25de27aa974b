package io.foothold.orchestrator.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class EvaluationScheduleTest {
    private static String made(String set, long update, long tokens) {
        return "{\"set\":\"" + set + "\",\"update\":" + update + ",\"training_tokens\":" + tokens + "}";
    }

    @Test
    void byUpdatesEachMultipleIsDueOnceAndOneThatWasPassedIsMadeUpFor() {
        EvaluationSchedule schedule = new EvaluationSchedule(3, 0);
        assertThat(schedule.due("a", 0, 0)).isTrue();
        schedule.made("a", 0, 0);
        assertThat(schedule.due("a", 2, 900)).isFalse();
        assertThat(schedule.due("a", 3, 900)).isTrue();
        schedule.made("a", 3, 900);
        assertThat(schedule.due("a", 3, 900)).isFalse();
        // That of update 6 was given up while update 7 was trained.
        EvaluationSchedule resumed = new EvaluationSchedule(3, 0);
        resumed.restore(List.of(made("a", 0, 0), made("a", 3, 900)));
        assertThat(resumed.due("a", 5, 2000)).isFalse();
        assertThat(resumed.due("a", 7, 2000)).isTrue();
        resumed.made("a", 7, 2000);
        assertThat(resumed.due("a", 8, 2000)).isFalse();
        assertThat(resumed.due("a", 9, 2000)).isTrue();
    }

    @Test
    void byTokensWhatCountsIsWhatTheStoredEvaluationsWereMadeAt() {
        EvaluationSchedule resumed = new EvaluationSchedule(10, 1000);
        resumed.restore(List.of(made("a", 0, 0), made("a", 4, 1100)));
        assertThat(resumed.due("a", 7, 1999)).isFalse();
        assertThat(resumed.due("a", 7, 2000))
                .as("the evaluation at 2000 tokens was given up")
                .isTrue();
        assertThat(resumed.due("a", 7, 5100)).isTrue();
        resumed.made("a", 7, 5100);
        assertThat(resumed.due("a", 8, 5999)).isFalse();
    }

    @Test
    void eachSetHasAScheduleOfItsOwn() {
        EvaluationSchedule resumed = new EvaluationSchedule(10, 1000);
        // The stop came between the first set and the second.
        resumed.restore(List.of(made("a", 0, 0), made("b", 0, 0), made("a", 4, 1100)));
        assertThat(resumed.due("a", 4, 1100)).isFalse();
        assertThat(resumed.due("b", 4, 1100)).isTrue();
        assertThat(resumed.due("new", 4, 1100)).isTrue();
        assertThatThrownBy(() -> resumed.restore(List.of("{"))).hasMessageContaining("stored evaluation");
    }
}
