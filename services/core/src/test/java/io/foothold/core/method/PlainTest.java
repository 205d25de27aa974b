package io.foothold.core.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import java.util.List;
import org.junit.jupiter.api.Test;

/** One group, and what every method does so that a group is whole. */
class PlainTest {
    private static final StartState ROOT = new StartState.Root("p");
    private static final Seeds SEEDS = Seeds.of(1);

    @Test
    void aGroupIsAskedForAtOnceAndHasTheRewardsOfItsVerdicts() {
        ScriptedPeers peers =
                new ScriptedPeers(ask -> ScriptedPeers.judged(ask, ask.member().equals("1")));
        Place place = new Plain(3).place(ROOT, peers, SEEDS);
        assertThat(peers.calls).hasSize(1);
        assertThat(place.ends()).isEmpty();
        assertThat(place.groups()).singleElement().satisfies(g -> {
            assertThat(g.start()).isEqualTo(ROOT);
            assertThat(g.rewards()).containsExactly(0, 1, 0);
        });
        assertThat(peers.asks().stream().map(Ask::seeds))
                .containsExactly(SEEDS.split(0), SEEDS.split(1), SEEDS.split(2));
        assertThatThrownBy(() -> new Plain(0)).hasMessage("a group needs a member: 0");
    }

    @Test
    void whatWasNotJudgedIsSampledAgainWithAnotherSeedAndHasItsEnd() {
        ScriptedPeers peers = new ScriptedPeers(
                ask -> ask.member().startsWith("1") && !ask.member().equals("1.2")
                        ? ScriptedPeers.late(ask)
                        : ScriptedPeers.judged(ask, true));
        Place place = new Plain(3).place(ROOT, peers, SEEDS);
        assertThat(peers.calls.stream().map(c -> c.stream().map(Ask::member).toList()))
                .containsExactly(List.of("0", "1", "2"), List.of("1.1"), List.of("1.2"));
        assertThat(peers.asks().stream().filter(a -> a.member().startsWith("1")).map(Ask::seeds))
                .containsExactly(
                        SEEDS.split(1), SEEDS.split(1).split(1), SEEDS.split(1).split(2));
        assertThat(place.members().stream().map(m -> m.rollout().id())).containsExactly("/0", "/1.2", "/2");
        assertThat(place.ends())
                .extracting(e -> e.rollout().id(), End::reason)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple("/1", "no verdict in time"),
                        org.assertj.core.groups.Tuple.tuple("/1.1", "no verdict in time"));
        assertThat(place.unjudged()).isEqualTo(2);
    }

    @Test
    void whatDidNotComeIsTheSameRolloutWhenItComes() {
        ScriptedPeers peers = new ScriptedPeers(
                ask -> ask.member().equals("0") ? ScriptedPeers.lost(ask) : ScriptedPeers.judged(ask, true));
        Place place = new Plain(2).place(ROOT, peers, SEEDS);
        assertThat(peers.asks().stream().map(Ask::member)).containsExactly("0", "1", "0.1");
        assertThat(peers.asks().get(2).seeds()).isEqualTo(SEEDS.split(0));
        assertThat(place.members()).hasSize(2);
        assertThat(place.ends()).as("it was never there").isEmpty();
        assertThat(place.unjudged()).isZero();
    }

    @Test
    void aGroupThatStaysIncompleteIsLostAndNeverTrainedSmaller() {
        ScriptedPeers peers = new ScriptedPeers(
                ask -> ask.member().startsWith("0") ? ScriptedPeers.late(ask) : ScriptedPeers.judged(ask, true));
        PlaceLost lost = catchThrowableOfType(PlaceLost.class, () -> new Plain(2).place(ROOT, peers, SEEDS));
        assertThat(lost).hasMessage("its group lost 1 members: no verdict in time");
        assertThat(lost.why()).hasMessage("no verdict in time");
        assertThat(lost.ends().stream().map(e -> e.rollout().id())).containsExactly("/0", "/0.1", "/0.2");
        assertThat(peers.calls).hasSize(3);
    }

    @Test
    void creditIsForSampledTokensOnly() {
        StartState reset = new StartState.Reset("p", "r", 3, 4);
        Rollout rollout = ScriptedPeers.judged(new Ask("", "0", reset, 0, SEEDS), true);
        assertThat(ScriptedPeers.mask(new Member(rollout, 1)))
                .containsExactly(false, false, false, false, true, true, true);
    }

    @Test
    void aPlaceRefusesTwoEndsOfARolloutAndAGroupTwoStarts() {
        Rollout rollout = ScriptedPeers.judged(new Ask("", "0", ROOT, 0, SEEDS), true);
        Rollout other = ScriptedPeers.judged(new Ask("", "1", new StartState.Guided("p", 1), 0, SEEDS), true);
        Group group = Group.of(ROOT, List.of(rollout));
        assertThatThrownBy(() -> new Place(List.of(group), List.of(new End.Consumed(rollout, "seed"))))
                .hasMessage("rollout /0 has two ends");
        assertThatThrownBy(() -> new Place(List.of(group, group), List.of())).hasMessage("rollout /0 has two ends");
        assertThatThrownBy(() -> Group.of(ROOT, List.of(rollout, other))).hasMessageContaining("rollout /1 begins at");
        assertThatThrownBy(() -> new Place(List.of(), List.of())).hasMessage("a place needs a group");
    }
}
