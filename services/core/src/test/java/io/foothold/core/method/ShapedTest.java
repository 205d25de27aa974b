package io.foothold.core.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import io.foothold.core.verdict.RewardRule;
import io.foothold.core.verdict.RewardShaping;
import io.foothold.core.verdict.RewardTable;
import io.foothold.core.verdict.Verdict;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Rewards by verdict, end and length. */
class ShapedTest {
    private static final StartState ROOT = new StartState.Root("p");
    private static final Seeds SEEDS = Seeds.of(9);

    private static RewardShaping.Answer answer(int tokens, boolean passed, boolean cut) {
        return new RewardShaping.Answer(passed ? 1 : 0, tokens, 20_480, passed, cut);
    }

    /** By hand, with the numbers of DAPO's paper: 20,480 tokens, of which the last 4,096 cost. */
    @Test
    void theLastFifthOfTheLimitCostsUpToOne() {
        RewardShaping soft = new RewardShaping(1, .2, 0, 1);
        assertThat(soft.rewards(List.of(
                        answer(16_384, true, false),
                        answer(17_408, true, false),
                        answer(18_432, false, false),
                        answer(20_480, true, true))))
                .containsExactly(1, .75, -.5, 0);
    }

    @Test
    void rightAnswersOfHardProblemsAreSparedAndThoseThatWereCutAreNot() {
        RewardShaping spared = new RewardShaping(1, .2, 2, .5);
        assertThat(spared.rewards(List.of(
                        answer(18_432, true, false),
                        answer(18_432, false, false),
                        answer(20_480, true, true),
                        answer(100, false, false))))
                .as("half are right: a quarter of the loss; failures half of it; cut off all of it")
                .containsExactly(1 - .25 * .5, -.5 * .5, 0, 0);
    }

    @Test
    void everyTokenDiscountsTheRewardAlsoOneBelowZero() {
        RewardShaping discounted = new RewardShaping(.5, 0, 0, 1);
        assertThat(discounted.rewards(List.of(
                        new RewardShaping.Answer(1, 3, 0, true, false),
                        new RewardShaping.Answer(-1, 1, 0, false, false),
                        new RewardShaping.Answer(1, 0, 0, true, false))))
                .containsExactly(.125, -.5, 1);
    }

    /** Answers without a limit have no last part of it. */
    @Test
    void withoutALimitNothingIsTaken() {
        assertThat(new RewardShaping(1, 1, 0, 1).rewards(List.of(new RewardShaping.Answer(1, 5, 0, true, false))))
                .containsExactly(1);
    }

    /** The last 20 of 100 tokens cost: member 0 has 90 and is right, 1 has 95, 2 and 3 have 3. */
    @Test
    void aPlaceIsComparedByItsShapedRewards() {
        ScriptedPeers peers = new ScriptedPeers(ask -> switch (ask.member()) {
            case "0" -> ScriptedPeers.judged(ask, true, new Rollout.Response(90, List.of(), false));
            case "1" -> ScriptedPeers.judged(ask, false, new Rollout.Response(95, List.of(), false));
            default -> ScriptedPeers.judged(ask, ask.member().equals("2"));
        });
        Place place = new Shaped(new Plain(4), new RewardShaping(1, .2, 1, 1)).place(ROOT, peers, SEEDS);
        double[] rewards = place.groups().get(0).rewards();
        assertThat(rewards[0]).isEqualTo(1 - .5 * .5, within(1e-12));
        assertThat(rewards[1]).isEqualTo(-.75, within(1e-12));
        assertThat(rewards[2]).isEqualTo(1);
        assertThat(rewards[3]).isZero();
        assertThat(place.members().get(0).rollout().reward())
                .as("the verdict's stays")
                .hasValue(1);
    }

    /** A suffix has its prefix's tokens and its own, of the limit of both. */
    @Test
    void aSuffixIsAsLongAsItsWholeAnswer() {
        StartState reset = new StartState.Reset("p", "r", 2, 60);
        ScriptedPeers peers =
                new ScriptedPeers(ask -> ScriptedPeers.judged(ask, true, new Rollout.Response(30, List.of(), false)));
        Place place = new Shaped(new Plain(1), new RewardShaping(1, .2, 0, 1)).place(reset, peers, SEEDS);
        assertThat(place.groups().get(0).rewards()[0]).isEqualTo(.5, within(1e-12));
    }

    /** Lengths differ, all are right: DAPO samples such a place again, as it looks at accuracy. */
    @Test
    void lengthsGiveASilentPlaceNoSignal() {
        ScriptedPeers peers = new ScriptedPeers(ask -> ScriptedPeers.judged(
                ask, true, new Rollout.Response(90 + Integer.parseInt(ask.member()), List.of(), false)));
        Method refilled = new Refilled(new Plain(2), new AdvantageEstimator.Mean(), 1);
        Place place = new Shaped(refilled, new RewardShaping(1, .2, 0, 1)).place(ROOT, peers, SEEDS);
        assertThat(place.refills()).isEqualTo(1);
        assertThat(place.groups().get(0).rewards()).containsExactly(new double[] {.5, .45}, within(1e-12));
    }

    @Test
    void theTableHasANumberForEachVerdictAndEnd() {
        RewardTable table = new RewardTable(6, 5, 4, 3, 2, 1);
        List<Verdict> verdicts = List.of(Verdict.pass("", ""), Verdict.fail("", ""), Verdict.unparseable(""));
        for (int v = 0; v < 3; v++) {
            assertThat(RewardRule.TABLE.reward(verdicts.get(v), false, 0, table))
                    .hasValue(6 - 2 * v);
            assertThat(RewardRule.TABLE.reward(verdicts.get(v), true, 0, table)).hasValue(5 - 2 * v);
        }
        assertThat(RewardRule.TABLE.reward(Verdict.timeout(""), false, 0, table))
                .isEmpty();
    }
}
