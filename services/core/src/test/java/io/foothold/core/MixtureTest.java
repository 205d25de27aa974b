package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.random.Seeds;
import io.foothold.core.start.Mixture;
import io.foothold.core.start.Mixture.Draw;
import io.foothold.core.start.Mixture.Kind;
import io.foothold.core.start.Mixture.Part;
import io.foothold.core.start.StartState;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MixtureTest {
    private static final List<String> IDS =
            IntStream.range(0, 40).mapToObj(i -> "p" + i).toList();
    private static final Map<String, Integer> PREFIXES = new HashMap<>();

    static {
        IDS.forEach(id -> PREFIXES.put(id, 3));
    }

    private static Mixture mixture(Draw draw) {
        return new Mixture(List.of(new Part(Kind.ROOT, 1), new Part(Kind.GUIDED, 1)), draw);
    }

    private static long guided(List<StartState> starts) {
        return starts.stream().filter(s -> s instanceof StartState.Guided).count();
    }

    @Test
    void stratifiedGivesExactHalvesOfDistinctProblems() {
        List<StartState> starts = mixture(Draw.STRATIFIED).draw(IDS, PREFIXES, 12, Seeds.of(1));
        assertThat(guided(starts)).isEqualTo(6);
        assertThat(starts.stream()
                        .filter(s -> s instanceof StartState.Root)
                        .map(StartState::problemId)
                        .distinct())
                .hasSize(6);
    }

    @Test
    void pairedShowsEveryProblemInEveryPart() {
        List<StartState> starts = mixture(Draw.PAIRED).draw(IDS, PREFIXES, 12, Seeds.of(1));
        for (int i = 0; i < 12; i += 2) {
            assertThat(starts.get(i).problemId()).isEqualTo(starts.get(i + 1).problemId());
            assertThat(starts.get(i)).isInstanceOf(StartState.Root.class);
            assertThat(starts.get(i + 1)).isInstanceOf(StartState.Guided.class);
        }
        assertThatThrownBy(() -> mixture(Draw.PAIRED).draw(IDS, PREFIXES, 11, Seeds.of(1)))
                .hasMessageContaining("multiple");
    }

    @Test
    void independentHoldsTheRatioInExpectationOnly() {
        long sum = 0;
        boolean varies = false;
        for (int u = 0; u < 400; u++) {
            long g = guided(mixture(Draw.INDEPENDENT)
                    .draw(IDS, PREFIXES, 12, Seeds.of(7).split(u)));
            sum += g;
            varies |= g != 6;
        }
        assertThat(sum / 4800.0).isEqualTo(.5, within(.03));
        assertThat(varies).isTrue();
    }

    @Test
    void equalSeedsGiveEqualDrawsAndOtherSeedsOthers() {
        for (Draw draw : Draw.values()) {
            List<StartState> once =
                    mixture(draw).draw(IDS, PREFIXES, 12, Seeds.of(5).split(2));
            assertThat(mixture(draw).draw(IDS, PREFIXES, 12, Seeds.of(5).split(2)))
                    .isEqualTo(once);
            assertThat(mixture(draw).draw(IDS, PREFIXES, 12, Seeds.of(5).split(3)))
                    .isNotEqualTo(once);
        }
    }

    @Test
    void aGuidedProblemWithoutPrefixIsRefused() {
        assertThatThrownBy(() -> mixture(Draw.STRATIFIED).draw(List.of("x"), Map.of(), 2, Seeds.of(1)))
                .hasMessageContaining("x has no searched prefix");
    }
}
