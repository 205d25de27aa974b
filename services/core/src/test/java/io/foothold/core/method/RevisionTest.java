package io.foothold.core.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What is done with answers that the policy is shown again. */
class RevisionTest {
    private static final StartState ROOT = new StartState.Root("p");
    private static final Seeds SEEDS = Seeds.of(5);

    private static ScriptedPeers peers(Set<String> right) {
        return new ScriptedPeers(ask -> ScriptedPeers.judged(ask, right.contains(ScriptedPeers.id(ask))));
    }

    @Test
    void everyRevisionIsAGroupOfItsOwnAndRewardedForProgress() {
        ScriptedPeers peers = peers(Set.of("/1", "/3", "r0/0", "r1/0"));
        Place place = new Revision(4, "again", 10).place(ROOT, peers, SEEDS);
        assertThat(peers.calls).as("answers, then all revisions").hasSize(2);
        assertThat(place.groups().get(0).rewards()).containsExactly(0, 1, 0, 1);
        assertThat(place.groups().subList(1, 5).stream().map(g -> g.rewards()[0]))
                .as("r2 + 10 (r2 - r1): wrong to right, right to right, wrong to wrong, right to wrong")
                .containsExactly(11., 1., 0., -10.);
        assertThat(place.groups().get(2).start()).isEqualTo(new StartState.Revision("p", "/1", "again"));
        assertThat(place.groups()).hasSize(5);
        assertThat(place.ends()).isEmpty();
        assertThat(peers.asks().get(6).seeds())
                .isEqualTo(SEEDS.split("revision").split(2).split(0));
    }

    @Test
    void theBestRefinementOfWhatFailedJoinsItsGroup() {
        ScriptedPeers peers = peers(Set.of("/1", "r2/0", "r3/0"));
        Place place = new Refinement(4, "wrong").place(ROOT, peers, SEEDS);
        assertThat(peers.asks().stream().map(ScriptedPeers::id).skip(4))
                .as("what is right is left alone")
                .containsExactly("r0/0", "r2/0", "r3/0");
        Group group = place.groups().get(0);
        assertThat(place.groups()).hasSize(1);
        assertThat(group.rewards()).containsExactly(0, 1, 0, 0, 1);
        assertThat(group.start()).isEqualTo(ROOT);
        assertThat(group.id()).isEmpty();
        Member best = group.members().get(4);
        assertThat(best.rollout().id()).as("the first of equals").isEqualTo("r2/0");
        assertThat(best.refines()).isEqualTo(group.members().get(2).rollout());
        assertThat(place.ends())
                .containsExactly(
                        new End.Consumed(rollout(peers, "r0/0"), "refinement"),
                        new End.Consumed(rollout(peers, "r3/0"), "refinement"));
    }

    private static Rollout rollout(ScriptedPeers peers, String id) {
        Ask ask = peers.asks().stream()
                .filter(a -> ScriptedPeers.id(a).equals(id))
                .findFirst()
                .orElseThrow();
        return peers.sample(List.of(ask)).get(0);
    }

    @Test
    void whereNothingFailedThereIsNothingToRefine() {
        Place place = new Refinement(2, "wrong").place(ROOT, peers(Set.of("/0", "/1")), SEEDS);
        assertThat(place.groups()).singleElement().satisfies(g -> assertThat(g.members())
                .hasSize(2));
    }

    @Test
    void aRevisionThatCannotBeHadLosesThePlace() {
        ScriptedPeers peers = new ScriptedPeers(
                ask -> ask.group().equals("r1") ? ScriptedPeers.lost(ask) : ScriptedPeers.judged(ask, false));
        for (Method method : List.of(new Revision(2, "again", 1), new Refinement(2, "wrong"))) {
            PlaceLost lost = catchThrowableOfType(PlaceLost.class, () -> method.place(ROOT, peers, SEEDS));
            assertThat(lost).hasMessage("a revision of its place failed").hasRootCauseMessage("no server");
        }
    }
}
