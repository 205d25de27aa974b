package io.foothold.orchestrator.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.start.StartState;
import io.foothold.core.stats.SetStatistics;
import io.foothold.orchestrator.remote.Augmentation;
import io.foothold.orchestrator.rollout.PromptedStart;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MiningRatesTest {
    private static void answer(MiningRates rates, String id, int look, int passes, int judged) {
        rates.answered(
                new Augmentation.Probe(new PromptedStart(new StartState.Root(id), "", 0), judged, look),
                new SetStatistics.Count(passes, judged));
    }

    @Test
    void looksAddUpAndAnAnswerThatIsGivenAgainCountsOnce() {
        MiningRates rates = new MiningRates();
        answer(rates, "b", 0, 0, 64);
        answer(rates, "a", 0, 3, 64);
        answer(rates, "b", 1, 1, 256);
        answer(rates, "b", 0, 0, 64);
        assertThat(rates.byProblem())
                .isEqualTo(Map.of("a", new SetStatistics.Count(3, 64), "b", new SetStatistics.Count(1, 320)));
        assertThat(List.copyOf(rates.byProblem().keySet())).containsExactly("a", "b");
    }

    /** 0 of 64 leaves 5.7 %, 0 of 320 leaves 1.2 %. */
    @Test
    void noPassIsNotNever() {
        MiningRates rates = new MiningRates();
        assertThat(rates.highest(List.of())).isEqualTo(1);
        assertThat(rates.highest(List.of("x"))).isEqualTo(1);
        answer(rates, "x", 0, 0, 64);
        assertThat(rates.highest(List.of("x"))).isEqualTo(0.0566, within(1e-4));
        answer(rates, "x", 1, 0, 256);
        assertThat(rates.highest(List.of("x"))).isEqualTo(0.0119, within(1e-4));
        answer(rates, "y", 0, 0, 64);
        assertThat(rates.highest(List.of("x", "y"))).isEqualTo(0.0566, within(1e-4));
    }
}
