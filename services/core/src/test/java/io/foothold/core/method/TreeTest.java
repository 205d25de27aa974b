package io.foothold.core.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import io.foothold.core.verdict.Verdict;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Segments of four tokens. */
class TreeTest {
    private static final StartState ROOT = new StartState.Root("p");
    private static final Seeds SEEDS = Seeds.of(5);

    /** A segment that goes on; its verdict is of a cut text and says nothing. */
    private static Rollout cut(Ask ask) {
        return new Rollout(
                ScriptedPeers.id(ask),
                ask.group(),
                ask.start(),
                new Rollout.Response(ask.segment(), List.of(), true),
                Optional.of(Verdict.Kind.FAIL),
                OptionalDouble.empty(),
                null);
    }

    private static ScriptedPeers peers(Set<String> right) {
        return new ScriptedPeers(
                ask -> ask.segment() > 0 ? cut(ask) : ScriptedPeers.judged(ask, right.contains(ScriptedPeers.id(ask))));
    }

    private static TreeMap<String, List<Double>> rewards(Place place) {
        TreeMap<String, List<Double>> out = new TreeMap<>();
        for (Group g : place.groups()) {
            out.put(g.id(), g.members().stream().map(Member::reward).toList());
        }
        return out;
    }

    @Test
    void aSegmentIsWorthTheMeanOfItsChildrenAndSiblingsAreAGroup() {
        ScriptedPeers peers = peers(Set.of("n0/0", "n0/1", "n0/3", "n1/2"));
        Place place = new Tree(List.of(2, 4), 4).place(ROOT, peers, SEEDS);
        assertThat(peers.calls).as("one call a level").hasSize(2);
        assertThat(rewards(place))
                .isEqualTo(new TreeMap<>(java.util.Map.of(
                        "", List.of(.75, .25), "n0", List.of(1., 1., 0., 1.), "n1", List.of(0., 0., 1., 0.))));
        assertThat(place.groups().stream().map(Group::start))
                .containsExactly(ROOT, new StartState.Reset("p", "/0", 0, 4), new StartState.Reset("p", "/1", 0, 4));
        assertThat(ScriptedPeers.mask(place.groups().get(1).members().get(0)))
                .containsExactly(false, false, false, false, true, true, true);
        assertThat(peers.asks().stream().filter(a -> a.group().equals("n1")).map(Ask::seeds))
                .first()
                .isEqualTo(SEEDS.split("child").split(1).split(0));
    }

    @Test
    void valuesGoUpThroughEveryLevel() {
        Place place = new Tree(List.of(2, 2, 2), 4).place(ROOT, peers(Set.of("n0/n0/0", "n0/n0/1", "n0/n1/0")), SEEDS);
        assertThat(rewards(place).get("")).containsExactly(.75, 0.);
        assertThat(rewards(place).get("n0")).containsExactly(1., .5);
        assertThat(place.groups().stream().map(Group::id))
                .as("a node before what is below it")
                .containsExactly("", "n0", "n0/n0", "n0/n1", "n1", "n1/n0", "n1/n1");
        assertThat(place.groups().get(2).start()).isEqualTo(new StartState.Reset("p", "n0/0", 0, 8));
    }

    @Test
    void aSegmentThatEndsByItselfIsALeaf() {
        ScriptedPeers peers = new ScriptedPeers(ask -> ScriptedPeers.id(ask).equals("/1")
                ? ScriptedPeers.judged(ask, true)
                : ask.segment() > 0 ? cut(ask) : ScriptedPeers.judged(ask, false));
        Place place = new Tree(List.of(2, 3), 4).place(ROOT, peers, SEEDS);
        assertThat(rewards(place))
                .isEqualTo(new TreeMap<>(java.util.Map.of("", List.of(0., 1.), "n0", List.of(0., 0., 0.))));
    }

    @Test
    void whatReachesItsLimitInOneSegmentIsALeaf() {
        ScriptedPeers peers = peers(Set.of("/0"));
        Place place = new Tree(List.of(2, 3), ScriptedPeers.LIMIT).place(ROOT, peers, SEEDS);
        assertThat(rewards(place)).isEqualTo(new TreeMap<>(java.util.Map.of("", List.of(1., 0.))));
    }

    @Test
    void aSegmentWithoutAVerdictIsSampledAgain() {
        ScriptedPeers peers = new ScriptedPeers(ask -> ScriptedPeers.id(ask).equals("/1")
                ? ScriptedPeers.late(ask)
                : ask.segment() > 0 ? cut(ask) : ScriptedPeers.judged(ask, true));
        Place place = new Tree(List.of(2, 2), 4).place(ROOT, peers, SEEDS);
        assertThat(place.groups().get(0).members().stream().map(m -> m.rollout().id()))
                .containsExactly("/0", "/1.1");
        assertThat(place.ends().stream().map(End::reason)).containsExactly("no verdict in time");
    }

    @Test
    void aTreeThatLosesABranchIsLost() {
        ScriptedPeers peers = new ScriptedPeers(ask -> ask.group().equals("n1")
                ? ScriptedPeers.lost(ask)
                : ask.segment() > 0 ? cut(ask) : ScriptedPeers.judged(ask, true));
        PlaceLost lost =
                catchThrowableOfType(PlaceLost.class, () -> new Tree(List.of(2, 2), 4).place(ROOT, peers, SEEDS));
        assertThat(lost).hasMessage("its tree lost a branch");
        assertThat(new TreeSet<>(peers.asks().stream().map(Ask::group).toList()))
                .containsExactly("", "n0", "n1");
        assertThatThrownBy(() -> new Tree(List.of(), 4)).hasMessageContaining("a tree needs levels");
    }
}
