package io.foothold.core.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.foothold.core.random.Seeds;
import io.foothold.core.reset.Instead;
import io.foothold.core.reset.LocalizationStatistics.Outcome;
import io.foothold.core.reset.LocalizerTrust;
import io.foothold.core.reset.ResetSplit;
import io.foothold.core.reset.ResetSplit.SeedRule;
import io.foothold.core.reset.ResetSplit.WithoutSeeds;
import io.foothold.core.start.StartState;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Responses are three thoughts of two, three and four tokens and an answer of one. Fresh rollout 1 and 2 are wrong. */
class ResetTest {
    private static final StartState ROOT = new StartState.Root("p");
    private static final Seeds SEEDS = Seeds.of(3);
    private static final List<Integer> ENDS = List.of(2, 5, 9);

    private static ResetSplit split(int base, int seeds, SeedRule rule) {
        return new ResetSplit(base, seeds, 3, 12, rule, WithoutSeeds.DRAWN);
    }

    private static Reset reset(ResetSplit split) {
        return new Reset(split, Instead.RANDOM, Instead.RANDOM, 0, new LocalizerTrust(0));
    }

    private static ScriptedPeers peers() {
        ScriptedPeers peers = new ScriptedPeers(ask -> ScriptedPeers.judged(
                ask,
                ask.group().isEmpty()
                        ? !Set.of("1", "2").contains(ask.member())
                        : ask.member().equals("0"),
                new Rollout.Response(10 - ask.start().givenTokens(), ENDS, false)));
        peers.localizing = q -> new Localization.Step(3, OptionalInt.of(2), 1);
        return peers;
    }

    private static List<String> ids(Group group) {
        return group.members().stream().map(m -> m.rollout().id()).toList();
    }

    private static List<String> reasons(Place place) {
        return place.ends().stream()
                .map(e -> e.rollout().id() + " " + e.reason())
                .toList();
    }

    @Test
    void suffixesBeginJustBeforeTheNamedThoughtAndAreAGroupOfTheirOwn() {
        ScriptedPeers peers = peers();
        Place place = reset(split(4, 2, SeedRule.PAPER)).place(ROOT, peers, SEEDS);
        assertThat(peers.calls)
                .as("draws, then the suffixes of both seeds at once")
                .hasSize(2);
        assertThat(place.groups()).hasSize(3);
        assertThat(ids(place.groups().get(0)))
                .as("a seed stays in the paper's base group")
                .containsExactly("/0", "/1", "/2", "/3");
        assertThat(place.groups().get(0).rewards()).containsExactly(1, 0, 0, 1);
        assertThat(place.groups().get(1).start()).isEqualTo(new StartState.Reset("p", "/1", 3, 5));
        assertThat(place.groups().get(2).start()).isEqualTo(new StartState.Reset("p", "/2", 3, 5));
        assertThat(ids(place.groups().get(2))).containsExactly("s1/0", "s1/1", "s1/2");
        assertThat(place.groups().get(2).rewards()).containsExactly(1, 0, 0);
        assertThat(ScriptedPeers.mask(place.groups().get(2).members().get(0)))
                .as("credit is the suffix's")
                .containsExactly(false, false, false, false, false, true, true, true, true, true);
        assertThat(place.ends()).isEmpty();
        assertThat(place.resets().draws()).isEqualTo(4);
        assertThat(place.resets().drawsPassed()).isEqualTo(2);
        assertThat(place.resets().continued().stream().map(Resets.Continued::outcome))
                .containsExactly(
                        new Outcome(3, OptionalInt.of(2), 1, 3, 1), new Outcome(3, OptionalInt.of(2), 1, 3, 1));
        assertThat(peers.questions.stream().map(Question::seeds))
                .containsExactly(
                        SEEDS.split("suffix").split(0), SEEDS.split("suffix").split(1));
    }

    @Test
    void theReferencesSeedLeavesTheBaseGroupAndIsConsumed() {
        Place place = reset(split(2, 1, SeedRule.REFERENCE)).place(ROOT, peers(), SEEDS);
        assertThat(ids(place.groups().get(0))).containsExactly("/0", "/2");
        assertThat(place.groups()).hasSize(2);
        assertThat(reasons(place)).containsExactly("/1 seed");
    }

    @Test
    void whereNothingFailsThePlaceIsAPlainGroup() {
        ScriptedPeers right = new ScriptedPeers(ask -> ScriptedPeers.judged(ask, true));
        Place place = reset(split(2, 1, SeedRule.PAPER)).place(ROOT, right, SEEDS);
        assertThat(place.groups()).singleElement().satisfies(g -> assertThat(g.members())
                .hasSize(12));
        assertThat(right.questions).isEmpty();
        assertThat(place.resets().continued()).isEmpty();
    }

    @Test
    void whatWasNotNamedHasItsConsequence() {
        for (Localization unnamed : List.of(new Localization.NoError(), new Localization.Unparseable("hm"))) {
            ScriptedPeers peers = peers();
            peers.localizing = q -> unnamed;
            for (Instead instead : Instead.values()) {
                Instead other = instead == Instead.DROP ? Instead.FIRST : Instead.DROP;
                boolean error = unnamed instanceof Localization.NoError;
                Reset reset = new Reset(
                        split(4, 1, SeedRule.PAPER),
                        error ? instead : other,
                        error ? other : instead,
                        0,
                        new LocalizerTrust(0));
                Set<Integer> thoughts = new HashSet<>();
                for (int seed = 0; seed < 40; seed++) {
                    Place place = reset.place(ROOT, peers, Seeds.of(seed));
                    if (instead == Instead.DROP) {
                        assertThat(place.resets().dropped())
                                .containsExactly("no suffixes of rollout /1: "
                                        + (error
                                                ? "the localizer found no error"
                                                : "the localizer's answer cannot be read: hm"));
                        assertThat(place.groups()).hasSize(1);
                    } else {
                        thoughts.add(((StartState.Reset) place.groups().get(1).start()).thought());
                    }
                }
                assertThat(thoughts)
                        .isEqualTo(
                                switch (instead) {
                                    case RANDOM -> Set.of(1, 2, 3);
                                    case FIRST -> Set.of(1);
                                    case LAST -> Set.of(3);
                                    case DROP -> Set.of();
                                });
            }
        }
    }

    @Test
    void anOffsetResetsEarlierButNotBeforeTheFirstThought() {
        List<StartState> starts = IntStream.of(0, 1, 9)
                .mapToObj(offset -> new Reset(
                                split(0, 1, SeedRule.PAPER), Instead.DROP, Instead.DROP, offset, new LocalizerTrust(0))
                        .place(ROOT, peers(), SEEDS)
                        .groups()
                        .get(0)
                        .start())
                .toList();
        assertThat(starts)
                .containsExactly(
                        new StartState.Reset("p", "/1", 3, 5),
                        new StartState.Reset("p", "/1", 2, 2),
                        new StartState.Reset("p", "/1", 1, 0));
        assertThatThrownBy(() ->
                        new Reset(split(0, 1, SeedRule.PAPER), Instead.DROP, Instead.DROP, -1, new LocalizerTrust(0)))
                .hasMessageContaining("not behind it: -1");
    }

    @Test
    void aSeedThatCannotBeContinuedCostsItsGroupOnly() {
        ScriptedPeers peers = peers();
        peers.localizing = q -> q.rollout().id().equals("/1")
                ? new Localization.Step(5, OptionalInt.empty(), 0)
                : new Localization.Failed(new IllegalStateException("no localizer"), false);
        Place place = reset(split(4, 2, SeedRule.PAPER)).place(ROOT, peers, SEEDS);
        assertThat(place.groups()).hasSize(1);
        assertThat(place.resets().dropped())
                .containsExactly(
                        "no suffixes of rollout /1: a reset to thought 5 lies beyond rollout /1, which has 3",
                        "no suffixes of rollout /2: no localizer");
        Place without = reset(split(0, 2, SeedRule.PAPER)).place(ROOT, peers, SEEDS);
        assertThat(without.groups())
                .as("the fresh rollouts are what can be trained")
                .hasSize(1);
        assertThat(ids(without.groups().get(0))).containsExactly("/0", "/1", "/2");
    }

    @Test
    void aSeedAtItsLimitOfTokensCannotBeContinued() {
        ScriptedPeers peers = new ScriptedPeers(ask ->
                ScriptedPeers.judged(ask, false, new Rollout.Response(101, List.of(ScriptedPeers.LIMIT, 101), true)));
        peers.localizing = q -> new Localization.Step(2, OptionalInt.empty(), 0);
        Place place = reset(split(1, 1, SeedRule.PAPER)).place(ROOT, peers, SEEDS);
        assertThat(place.resets().dropped())
                .containsExactly(
                        "no suffixes of rollout /0: a reset of rollout /0 to thought 2 leaves no token to sample");
    }

    @Test
    void aSuffixGroupIsWholeOrNotThere() {
        ScriptedPeers whole = peers();
        ScriptedPeers peers = new ScriptedPeers(
                ask -> ask.group().equals("s0") && ask.member().startsWith("1")
                        ? ScriptedPeers.late(ask)
                        : whole.sample(List.of(ask)).get(0));
        Place place = reset(split(0, 2, SeedRule.PAPER)).place(ROOT, peers, SEEDS);
        assertThat(place.groups()).singleElement().satisfies(g -> assertThat(ids(g))
                .containsExactly("s1/0", "s1/1", "s1/2"));
        assertThat(place.resets().dropped()).containsExactly("no suffixes of rollout /1: no verdict in time");
        assertThat(reasons(place))
                .containsExactlyInAnyOrder(
                        "s0/1 no verdict in time",
                        "s0/1.1 no verdict in time",
                        "s0/1.2 no verdict in time",
                        "s0/0 its group lost 1 members: no verdict in time",
                        "s0/2 its group lost 1 members: no verdict in time",
                        "/0 seed",
                        "/1 seed",
                        "/2 seed");
    }

    @Test
    void aLocalizerThatRefusesLosesThePlace() {
        ScriptedPeers peers = peers();
        peers.localizing = q -> new Localization.Failed(new IllegalStateException("needs an url"), true);
        PlaceLost lost = catchThrowableOfType(
                PlaceLost.class, () -> reset(split(4, 1, SeedRule.PAPER)).place(ROOT, peers, SEEDS));
        assertThat(lost).hasMessage("the localizer refuses");
        assertThat(lost.why()).hasMessage("needs an url");
    }

    @Test
    void aLocalizerWhoseResetsAreSeldomCleanIsAskedNoMore() {
        ScriptedPeers peers = peers();
        LocalizerTrust trust = new LocalizerTrust(0.5);
        Reset reset = new Reset(split(0, 1, SeedRule.PAPER), Instead.DROP, Instead.DROP, 0, trust);
        for (int i = 0; i < 70; i++) {
            // 32 clean ones are just enough of 64.
            int step = i < 32 || i == 64 ? 2 : 3;
            peers.localizing = q -> new Localization.Step(step, OptionalInt.of(2), step - 2);
            var unused = reset.place(ROOT, peers, Seeds.of(i));
        }
        assertThat(peers.questions.subList(0, 66)).noneMatch(Question::random);
        assertThat(peers.questions.subList(66, 70)).allMatch(Question::random);
        assertThat(trust.lost()).isTrue();
        assertThatThrownBy(() -> new LocalizerTrust(1.5)).hasMessage("a share is from 0 to 1: 1.5");
    }
}
