package io.foothold.cli.study;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClaimTest {
    private static final Map<String, Study.Base> BASES = Map.of("a", new Study.Base("-0.91", -.91));

    /** Three seeds of two arms that end so. */
    private static List<Outcome> ends(double[] a, double[] b) {
        List<Outcome> out = new ArrayList<>();
        for (int seed = 0; seed < a.length; seed++) {
            out.add(Outcomes.of("a", seed, 0, a[seed]));
            out.add(Outcomes.of("b", seed, 0, b[seed]));
        }
        return out;
    }

    private static Claim.Finding find(Claim.Look look, List<Outcome> outcomes) {
        return new Claim("paper", "here", look).find(Outcomes.YARDSTICK, outcomes, BASES);
    }

    @ParameterizedTest
    @CsvSource({
        "true, .9, .8, .85, .1, .1, .2, REPRODUCED",
        "false, .9, .8, .85, .1, .1, .2, REVERSED",
        "false, .1, .1, .2, .9, .8, .85, REPRODUCED",
        "true, .1, .1, .2, .9, .8, .85, REVERSED",
        "true, .9, .1, .5, .5, .4, .6, OPEN"
    })
    void twoArmsAreToldApartByTheirSeeds(
            boolean higher, double a0, double a1, double a2, double b0, double b1, double b2, Claim.Verdict verdict) {
        Claim.Finding found = find(
                new Claim.Beside("a", "b", Claim.Measure.END, higher),
                ends(new double[] {a0, a1, a2}, new double[] {b0, b1, b2}));
        assertThat(found.verdict()).isEqualTo(verdict);
        assertThat(found.numbers()).contains("a less b, pass@1 at the end").contains("3 seeds");
    }

    /** Differences .8, .7, .65: mean .7167, s .0764, half 4.303 s / √3 = .1898. */
    @Test
    void differencesCarryStudentsInterval() {
        assertThat(find(
                                new Claim.Beside("a", "b", Claim.Measure.END, true),
                                ends(new double[] {.9, .8, .85}, new double[] {.1, .1, .2}))
                        .numbers())
                .contains("+0.717 (+0.527 to +0.906)");
    }

    @Test
    void seedsThatOnlyOneArmHasCountForNothing() {
        List<Outcome> outcomes = List.of(
                Outcomes.of("a", 0, 0, .9),
                Outcomes.of("a", 1, 0, .9),
                Outcomes.of("b", 1, 0, .1),
                Outcomes.of("b", 2, 0, .1));
        assertThat(find(new Claim.Beside("a", "b", Claim.Measure.END, true), outcomes)
                        .verdict())
                .isEqualTo(Claim.Verdict.NOT_RUN);
    }

    @Test
    void whatThePaperHasNotHigherIsReproducedOnlyWhereItIsClearlyNot() {
        Claim.Look look = new Claim.NotHigher("a", "b", Claim.Measure.PASS_AT_16);
        assertThat(find(look, ends(new double[] {.4, .3, .35}, new double[] {.1, .1, .2}))
                        .verdict())
                .isEqualTo(Claim.Verdict.REVERSED);
        assertThat(find(look, ends(new double[] {.3, .1, .2}, new double[] {.2, .2, .2}))
                        .verdict())
                .isEqualTo(Claim.Verdict.OPEN);
        assertThat(find(look, ends(new double[] {.1, .1, .2}, new double[] {.4, .3, .35}))
                        .verdict())
                .isEqualTo(Claim.Verdict.REPRODUCED);
    }

    @Test
    void atTheSameCostTheLongerRunIsLookedAtWhereTheShorterOneEnds() {
        List<Outcome> outcomes = new ArrayList<>();
        for (int seed = 0; seed < 2; seed++) {
            outcomes.add(Outcomes.of("a", seed, Map.of("train", 400L, "search", 100L), 0, .6));
            outcomes.add(Outcomes.of("b", seed, Map.of("train", 1000L), 0, .4, .8));
        }
        assertThat(find(new Claim.Beside("a", "b", Claim.Measure.AT_EQUAL_COST, true), outcomes)
                        .numbers())
                .as("500 rollouts: .6 and .4")
                .contains("+0.200 (+0.200 to +0.200)");
    }

    /** A comparison of ends says what each has cost where that is not the same. */
    @Test
    void endsOfRunsOfDifferentLengthCarryTheirCosts() {
        List<Outcome> outcomes = new ArrayList<>();
        for (int seed = 0; seed < 2; seed++) {
            outcomes.add(Outcomes.of("a", seed, Map.of("train", 4000L, "search", 1500L), 0, .6));
            outcomes.add(Outcomes.of("b", seed, Map.of("train", 6700L), 0, .4));
        }
        for (Claim.Measure measure : Claim.Measure.values()) {
            assertThat(find(new Claim.Beside("a", "b", measure, true), outcomes)
                            .numbers()
                            .contains("; after 5.5k and 6.7k"))
                    .as(measure.words())
                    .isEqualTo(measure == Claim.Measure.END || measure == Claim.Measure.PASS_AT_16);
        }
        assertThat(find(
                                new Claim.Beside("a", "b", Claim.Measure.END, true),
                                ends(new double[] {.9, .8}, new double[] {.1, .1}))
                        .numbers())
                .doesNotContain("after");
    }

    @Test
    void aRunThatNeverTookOffIsChargedWhole() {
        List<Outcome> outcomes = new ArrayList<>();
        for (int seed = 0; seed < 2; seed++) {
            outcomes.add(Outcomes.of("a", seed, 0, 1, 1));
            outcomes.add(Outcomes.of("b", seed, 0, 0, .1));
        }
        assertThat(find(new Claim.Beside("a", "b", Claim.Measure.COST_TO_THRESHOLD, false), outcomes))
                .satisfies(f -> assertThat(f.verdict()).isEqualTo(Claim.Verdict.REPRODUCED))
                .satisfies(f -> assertThat(f.numbers()).contains("-750"));
    }

    @ParameterizedTest
    @CsvSource({".9, .8, true, REPRODUCED", ".1, .2, true, REVERSED", ".1, .8, true, OPEN", ".01, .0, false, REPRODUCED"
    })
    void endsAreLookedAtSeedBySeed(double first, double second, boolean above, Claim.Verdict verdict) {
        List<Outcome> outcomes = List.of(Outcomes.of("a", 0, 0, first), Outcomes.of("a", 1, 0, second));
        assertThat(find(new Claim.Ends("a", .5, above), outcomes).verdict()).isEqualTo(verdict);
    }

    @Test
    void nothingIsClaimedOfWhatDidNotRunOrCannotTell() {
        assertThat(find(new Claim.Ends("a", .5, true), List.of(Outcomes.of("a", 0, .9)))
                        .verdict())
                .isEqualTo(Claim.Verdict.NOT_RUN);
        assertThat(find(new Claim.Untestable(), List.of()).verdict()).isEqualTo(Claim.Verdict.UNTESTABLE);
    }

    @Test
    void theSignOfACosineIsLookedAt() {
        assertThat(find(new Claim.Cosine("a", false), List.of()).verdict()).isEqualTo(Claim.Verdict.REPRODUCED);
        assertThat(find(new Claim.Cosine("a", true), List.of()))
                .satisfies(f -> assertThat(f.verdict()).isEqualTo(Claim.Verdict.REVERSED))
                .satisfies(f -> assertThat(f.numbers()).isEqualTo("a: -0.91"));
        assertThat(find(new Claim.Cosine("b", true), List.of()).verdict()).isEqualTo(Claim.Verdict.NOT_RUN);
    }
}
