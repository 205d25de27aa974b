package io.foothold.core.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.random.Seeds;
import io.foothold.core.reset.Instead;
import io.foothold.core.reset.LocalizerTrust;
import io.foothold.core.reset.ResetSplit;
import io.foothold.core.start.StartState;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Dynamic sampling. */
class RefilledTest {
    private static final StartState ROOT = new StartState.Root("p");
    private static final Seeds SEEDS = Seeds.of(9);
    private static final AdvantageEstimator MEAN = new AdvantageEstimator.Mean();

    private static ScriptedPeers peers(Set<String> right) {
        return new ScriptedPeers(ask -> ScriptedPeers.judged(ask, right.contains(ScriptedPeers.id(ask))));
    }

    private static List<String> ends(List<End> ends) {
        return ends.stream().map(e -> e.rollout().id() + " " + e.reason()).toList();
    }

    @Test
    void aPlaceWithASignalStaysAsItIs() {
        Place place = new Refilled(new Plain(2), MEAN, 3).place(ROOT, peers(Set.of("/1")), SEEDS);
        assertThat(place.refills()).isZero();
        assertThat(place.ends()).isEmpty();
        assertThat(place.groups().get(0).start()).isEqualTo(ROOT);
    }

    @Test
    void aSilentPlaceIsFilledAgainFromAnotherStartAndWhatItGaveIsDropped() {
        ScriptedPeers peers = peers(Set.of("again1/0", "again1/1", "again2/0"));
        Place place = new Refilled(new Plain(2), MEAN, 3).place(ROOT, peers, SEEDS);
        assertThat(place.refills()).isEqualTo(2);
        assertThat(place.groups()).singleElement().satisfies(g -> {
            assertThat(g.start()).isEqualTo(new StartState.Root("another 2"));
            assertThat(g.rewards()).containsExactly(1, 0);
        });
        assertThat(ends(place.ends()))
                .as("all wrong, then all right")
                .containsExactly(
                        "/0 " + Refilled.REASON,
                        "/1 " + Refilled.REASON,
                        "again1/0 " + Refilled.REASON,
                        "again1/1 " + Refilled.REASON);
        assertThat(peers.asks().get(4).seeds())
                .isEqualTo(SEEDS.split("again").split(2).split(0));
        assertThat(peers.asks()).hasSize(6);
    }

    @Test
    void theLastAttemptStands() {
        Place place = new Refilled(new Plain(2), MEAN, 2).place(ROOT, peers(Set.of()), SEEDS);
        assertThat(place.refills()).isEqualTo(2);
        assertThat(place.groups().get(0).rewards()).containsExactly(0, 0);
        assertThat(place.ends()).hasSize(4);
    }

    @Test
    void anEstimatorWithoutABaselineHearsASignalInEqualRewards() {
        Place place = new Refilled(new Plain(2), new AdvantageEstimator.Reward(), 2)
                .place(ROOT, peers(Set.of("/0", "/1")), SEEDS);
        assertThat(place.refills()).isZero();
    }

    /** Groups that are parts of a part are asked for under its name, and so is what the localizer has to know. */
    @Test
    void aPlaceOfResetsIsFilledAgainAsAWhole() {
        ScriptedPeers peers = new ScriptedPeers(ask -> ScriptedPeers.judged(
                ask,
                ScriptedPeers.id(ask).equals("again1/s0/0"),
                new Rollout.Response(4 - ask.start().givenTokens(), List.of(2), false)));
        ResetSplit split = new ResetSplit(0, 1, 2, 1, ResetSplit.SeedRule.PAPER, ResetSplit.WithoutSeeds.DRAWN);
        Method resets = new Reset(split, Instead.DROP, Instead.DROP, 0, new LocalizerTrust(0));
        Place place = new Refilled(resets, MEAN, 1).place(ROOT, peers, SEEDS);
        assertThat(place.groups().get(0).id()).isEqualTo("again1/s0");
        assertThat(peers.questions.stream().map(Question::group)).containsExactly("s0", "again1/s0");
        assertThat(place.resets().draws()).as("of the attempt that stands").isEqualTo(1);
        assertThat(ends(place.ends()))
                .containsExactly("s0/0 " + Refilled.REASON, "s0/1 " + Refilled.REASON, "/0 seed", "again1/0 seed");
    }

    @Test
    void aPlaceThatIsLostOnTheWaySaysWhatWasGivenUpBefore() {
        ScriptedPeers peers = new ScriptedPeers(
                ask -> ask.group().isEmpty() ? ScriptedPeers.judged(ask, true) : ScriptedPeers.lost(ask));
        PlaceLost lost = catchThrowableOfType(
                PlaceLost.class, () -> new Refilled(new Plain(1), MEAN, 3).place(ROOT, peers, SEEDS));
        assertThat(ends(lost.ends())).containsExactly("/0 " + Refilled.REASON);
        assertThat(lost.why()).hasMessage("no server");
        assertThatThrownBy(() -> new Refilled(new Plain(1), MEAN, 0)).hasMessageContaining("at least once: 0");
    }
}
