package io.foothold.core.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import java.util.List;
import org.junit.jupiter.api.Test;

class HintedTest {
    private static final StartState ROOT = new StartState.Root("p");
    private static final StartState HINT = new StartState.Guided("p", 2);
    private static final Seeds SEEDS = Seeds.of(1);

    @Test
    void oneRightAnswerIsEnoughToGoWithoutAHint() {
        ScriptedPeers peers =
                new ScriptedPeers(ask -> ScriptedPeers.judged(ask, ask.member().equals("1")));
        Place place = new Hinted(3).place(HINT, peers, SEEDS);
        assertThat(peers.calls).hasSize(1);
        assertThat(peers.asks()).extracting(Ask::start).containsOnly(ROOT);
        assertThat(place).as("it is the plain group").isEqualTo(new Plain(3).place(ROOT, peers, SEEDS));
    }

    @Test
    void whereAllAreWrongAsManyStartBehindTheHintAndReplaceNone() {
        ScriptedPeers peers = new ScriptedPeers(ask -> ScriptedPeers.judged(
                ask, ask.start().equals(HINT) && ask.member().equals("2")));
        Place place = new Hinted(3).place(HINT, peers, SEEDS);
        assertThat(peers.calls).as("the hint waits for the verdicts").hasSize(2);
        assertThat(place.groups()).extracting(Group::start).containsExactly(ROOT, HINT);
        assertThat(place.groups().get(0).rewards()).containsExactly(0, 0, 0);
        assertThat(place.groups().get(1).rewards()).containsExactly(0, 0, 1);
        assertThat(place.members())
                .extracting(Member::refines)
                .as("under their own prompt")
                .containsOnlyNulls();
        assertThat(place.ends()).isEmpty();
        assertThat(peers.asks().stream().map(Ask::seeds))
                .as("no token is drawn twice")
                .doesNotHaveDuplicates();
    }

    @Test
    void withoutAHintAGroupThatIsAllWrongStaysAsItIs() {
        ScriptedPeers peers = new ScriptedPeers(ask -> ScriptedPeers.judged(ask, false));
        Place place = new Hinted(2).place(ROOT, peers, SEEDS);
        assertThat(peers.calls).hasSize(1);
        assertThat(place.groups()).singleElement().satisfies(g -> assertThat(g.start())
                .isEqualTo(ROOT));
    }

    @Test
    void anAnswerThatNobodyJudgedIsNoWrongOne() {
        ScriptedPeers peers = new ScriptedPeers(ask -> ask.member().equals("0")
                ? ScriptedPeers.late(ask)
                : ScriptedPeers.judged(ask, ask.member().equals("0.1")));
        Place place = new Hinted(2).place(HINT, peers, SEEDS);
        assertThat(place.groups()).as("sampled again, it was right").hasSize(1);
        assertThat(place.ends()).extracting(e -> e.rollout().id()).containsExactly("/0");
    }

    @Test
    void aHintedGroupThatCannotBeHadLosesThePlace() {
        ScriptedPeers peers = new ScriptedPeers(
                ask -> ask.start().equals(HINT) ? ScriptedPeers.late(ask) : ScriptedPeers.judged(ask, false));
        PlaceLost lost = catchThrowableOfType(PlaceLost.class, () -> new Hinted(2).place(HINT, peers, SEEDS));
        assertThat(lost).hasMessage("its group lost 2 members: no verdict in time");
        assertThat(lost.ends()).hasSize(6);
        assertThatThrownBy(() -> new Hinted(0)).hasMessage("a group needs a member: 0");
    }

    @Test
    void filledAgainItStartsFromAnotherStart() {
        ScriptedPeers peers = new ScriptedPeers(ask -> ScriptedPeers.judged(
                ask,
                ask.start().problemId().startsWith("another") && ask.member().equals("0")));
        var estimator = new io.foothold.core.advantage.AdvantageEstimator.Mean();
        Place place = new Refilled(new Hinted(2), estimator, 1).place(HINT, peers, SEEDS);
        assertThat(place.refills()).isEqualTo(1);
        assertThat(place.groups()).hasSize(1);
        assertThat(place.ends()).as("both silent groups have their ends").hasSize(4);
    }

    @Test
    void theNamesOfItsGroupsDiffer() {
        ScriptedPeers peers = new ScriptedPeers(ask -> ScriptedPeers.judged(ask, false));
        assertThat(new Hinted(1).place(HINT, peers, SEEDS).groups())
                .extracting(Group::id)
                .isEqualTo(List.of("", "hinted"));
    }
}
