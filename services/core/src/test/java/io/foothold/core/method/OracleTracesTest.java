package io.foothold.core.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import org.junit.jupiter.api.Test;

class OracleTracesTest {
    private final ScriptedPeers peers = new ScriptedPeers(ask -> ScriptedPeers.judged(ask, false));

    @Test
    void theOraclesSolutionStandsAmongAGroupFromTheRoot() {
        Place place = new OracleTraces(8, 1).place(new StartState.Root("p"), peers.under("u"), Seeds.of(1));
        assertThat(place.groups()).hasSize(1);
        assertThat(place.groups().getFirst().rewards()).containsExactly(0, 0, 0, 0, 0, 0, 0, 1);
        assertThat(place.members().getLast().rollout().id()).isEqualTo("u/oracle0");
        assertThat(peers.asks()).as("what is given is not sampled").hasSize(7);
        assertThat(place.ends()).isEmpty();
    }

    @Test
    void aGroupFromElsewhereIsPlain() {
        Place place = new OracleTraces(4, 2).place(new StartState.Guided("p", 1), peers, Seeds.of(1));
        assertThat(place.members()).hasSize(4);
        assertThat(peers.asks()).hasSize(4);
    }

    @Test
    void oneAtLeastIsSampled() {
        assertThatThrownBy(() -> new OracleTraces(4, 4)).hasMessageContaining("of 4 members 4");
        assertThat(new OracleTraces(4, 3)
                        .place(new StartState.Root("p"), peers, Seeds.of(1))
                        .groups()
                        .getFirst()
                        .rewards())
                .containsExactly(0, 1, 1, 1);
    }
}
