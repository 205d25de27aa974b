package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.ledger.LedgerAudit;
import io.foothold.core.ledger.RolloutState;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.problem.Segmenter;
import io.foothold.core.random.Seeds;
import io.foothold.core.staleness.StalenessGate;
import io.foothold.core.stats.Interval;
import io.foothold.core.verdict.RewardRule;
import io.foothold.core.verdict.RewardTable;
import io.foothold.core.verdict.Verdict;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ProtocolTest {
    @Test
    void theGateRefusesWhatItDoesNotKnow() {
        StalenessGate gate = new StalenessGate(1);
        gate.reserved("a", 3);
        assertThatThrownBy(() -> gate.reserved("a", 3)).hasMessageContaining("already");
        assertThatThrownBy(() -> gate.ended("b")).hasMessageContaining("not under way");
        assertThat(gate.mayMake(4, 1)).isTrue();
        assertThat(gate.mayMake(5, 1)).isFalse();
        gate.ended("a");
        assertThat(gate.mayMake(9, 1)).isTrue();
    }

    @Test
    void everyLifeEndsOnceAndEndsHaveNoNext() {
        for (RolloutState state : RolloutState.values()) {
            assertThat(state.ended()).isEqualTo(state.next().isEmpty());
            if (!state.ended()) {
                assertThat(state.next()).contains(RolloutState.DROPPED);
            }
        }
        assertThatThrownBy(() -> RolloutState.RESERVED.checkStep("r", RolloutState.TRAINED))
                .hasMessageContaining("RESERVED to TRAINED");
    }

    @Test
    void theAuditSeesLostAndTwiceTrainedRollouts() {
        Map<String, RolloutState> states = Map.of(
                "a",
                RolloutState.TRAINED,
                "b",
                RolloutState.TRAINED,
                "c",
                RolloutState.ADMITTED,
                "d",
                RolloutState.TRAINED);
        LedgerAudit.Report report = LedgerAudit.audit(states, List.of(List.of("a", "b", "c"), List.of("b")));
        assertThat(report.trainedTwice()).containsExactly("b");
        assertThat(report.lost()).containsExactlyInAnyOrder("c", "d");
        assertThat(report.sound()).isFalse();
        assertThat(LedgerAudit.audit(Map.of("a", RolloutState.TRAINED), List.of(List.of("a")))
                        .sound())
                .isTrue();
    }

    @Test
    void verdictsThatJudgeNothingGiveNoReward() {
        assertThat(RewardRule.CORRECT.reward(Verdict.verifierError("x"), false, 0, RewardTable.BASE))
                .isEmpty();
        assertThat(RewardRule.CORRECT.reward(new Verdict(Verdict.Kind.TIMEOUT, 0, "", ""), false, 0, RewardTable.BASE))
                .isEmpty();
        assertThat(RewardRule.CORRECT.reward(Verdict.pass("1", ""), true, 0, RewardTable.BASE))
                .hasValue(1);
        assertThat(RewardRule.CORRECT_AND_FINISHED.reward(Verdict.pass("1", ""), true, 0, RewardTable.BASE))
                .hasValue(0);
        assertThat(RewardRule.SUCCESS.reward(Verdict.pass("1", ""), true, 0, RewardTable.BASE))
                .hasValue(.5);
        assertThat(RewardRule.RANDOM.reward(Verdict.verifierError("x"), false, 0, RewardTable.BASE))
                .isEmpty();
        assertThat(RewardRule.RANDOM.reward(new Verdict(Verdict.Kind.FAIL, 0, "", ""), false, 0.49, RewardTable.BASE))
                .hasValue(1);
        assertThat(RewardRule.RANDOM.reward(Verdict.pass("1", ""), false, 0.5, RewardTable.BASE))
                .hasValue(0);
        assertThat(RewardRule.SCORE.reward(new Verdict(Verdict.Kind.FAIL, .4, "", ""), false, 0, RewardTable.BASE))
                .hasValue(.4);
    }

    @Test
    void seedsOfDifferentPathsDiffer() {
        Set<Long> seen = new HashSet<>();
        for (int a = 0; a < 100; a++) {
            for (int b = 0; b < 100; b++) {
                seen.add(Seeds.of(1).split("x").split(a).split(b).value());
            }
        }
        assertThat(seen).hasSize(10_000);
        double sum = 0;
        for (int i = 0; i < 10_000; i++) {
            float u = Seeds.uniform(77, i);
            assertThat(u).isBetween(0f, Math.nextDown(1f));
            sum += u;
        }
        assertThat(sum / 10_000).isEqualTo(.5, within(.02));
    }

    @Test
    void wilsonIntervalsAreThoseOfTheTables() {
        assertThat(Interval.wilson(0, 10).high()).isEqualTo(.2775, within(1e-4));
        assertThat(Interval.wilson(5, 10).low()).isEqualTo(.2366, within(1e-4));
        assertThat(Interval.wilson(5, 10).high()).isEqualTo(.7634, within(1e-4));
        assertThat(Interval.wilson(0, 0)).isEqualTo(new Interval(0, 1));
    }

    /** Ten values of the textbook kind: mean 5.5, s 3.0277, t 2.262; and two, whose t is 12.706. */
    @Test
    void intervalsOfMeansAreStudents() {
        Interval ten = Interval.ofMean(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
        assertThat(ten.low()).isEqualTo(3.3341, within(1e-3));
        assertThat(ten.high()).isEqualTo(7.6659, within(1e-3));
        Interval two = Interval.ofMean(1, 2);
        assertThat(two.high() - two.low()).isEqualTo(12.706, within(1e-9));
        assertThat(Interval.ofMean(.5, .5, .5)).isEqualTo(new Interval(.5, .5));
        assertThatThrownBy(() -> Interval.ofMean(1)).hasMessageContaining("needs two values");
    }

    @Test
    void segmentersGiveTheTextBack() {
        String text = "First, add 2. Then 3!\nNow halve it. Done; \nreally";
        for (String name : List.of("delimiter", "line", "sentence", "tokens:0.25")) {
            List<String> thoughts = Segmenter.named(name, ";").thoughts(text);
            assertThat(String.join("", thoughts)).as(name).isEqualTo(text);
            assertThat(thoughts).as(name).hasSizeGreaterThan(1).noneMatch(String::isEmpty);
        }
        assertThatThrownBy(() -> Segmenter.named("word", ";")).hasMessageContaining("unknown segmenter 'word'");
    }

    @Test
    void prefixesNeverHoldTheAnswer() {
        Problem p = new Problem(
                "p",
                "s",
                ProblemKind.MATH,
                "144",
                List.of("12 times 12", "gives 144", "so \\boxed{144}"),
                "t",
                "train",
                0);
        assertThat(p.longestPrefix()).isEqualTo(1);
        Problem none = new Problem("p", "s", ProblemKind.MATH, "7", List.of("a", "b", "c"), "t", "train", 0);
        assertThat(none.longestPrefix()).isEqualTo(2);
    }
}
