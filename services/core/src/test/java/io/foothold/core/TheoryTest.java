package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.foothold.core.random.Seeds;
import io.foothold.core.theory.ChainSignal;
import io.foothold.core.theory.PolicyIteration;
import org.junit.jupiter.api.Test;

class TheoryTest {
    private static void worth(
            ChainSignal chain, double q, double root, double suffix, double x8, double x16, double base) {
        ChainSignal.Worth w = chain.worth(q, 8, 8);
        assertThat(w.rootSuccess()).isEqualTo(root, within(.0006));
        assertThat(w.suffixSuccess()).isEqualTo(suffix, within(.0006));
        assertThat(w.suffixOnly()).isEqualTo(x8, within(.006));
        assertThat(chain.worth(q, 16, 8).suffixOnly()).isEqualTo(x16, within(.006));
        assertThat(w.withBase()).isEqualTo(base, within(.006));
    }

    /** Values of an independent calculation by enumeration (the laboratory's). */
    @Test
    void signalPerTokenAgreesWithTheLaboratory() {
        ChainSignal late = new ChainSignal(16, 3, 6, .995, 4, 4);
        worth(late, .25, .0146, .0344, 2.93, 3.71, 1.51);
        worth(late, .6, .2024, .3210, 1.81, 2.38, 1.19);
        worth(late, .8, .4797, .6131, 1.19, 1.65, 1.05);
        worth(new ChainSignal(16, 2, 6, .995, 4, 4), .4, .1492, .2226, 2.08, 2.73, 1.26);
    }

    @Test
    void withoutRoomForPlacementsThereIsOne() {
        ChainSignal all = new ChainSignal(8, 8, 8, 1, 4, 4);
        assertThat(all.worth(.6, 8, 8).rootSuccess()).isEqualTo(Math.pow(.6, 8), within(1e-12));
        assertThatThrownBy(() -> new ChainSignal(8, 4, 3, 1, 4, 4)).hasMessageContaining("hard <= zone");
        assertThatThrownBy(() -> all.worth(1, 8, 8)).hasMessageContaining("(0, 1)");
    }

    @Test
    void samplesGrowWithTheSquareOfTheDilutionAndTheOracleDoesNotFeelIt() {
        PolicyIteration cpi = new PolicyIteration(20, 4, .2, 1);
        double all = cpi.samples(1, false, 2000, Seeds.of(1));
        double tenth = cpi.samples(.1, false, 2000, Seeds.of(1));
        assertThat(tenth / all).isBetween(75.0, 130.0);
        assertThat(cpi.samples(.1, true, 2000, Seeds.of(1)) / all).isBetween(.85, 1.15);
    }

    @Test
    void improvementFallsWithTheSquareAndWithTheOracleOnlyLinearly() {
        PolicyIteration cpi = new PolicyIteration(20, 4, .2, 1);
        double rr = cpi.improvement(.1, false) / cpi.improvement(.01, false);
        double caro = cpi.improvement(.1, true) / cpi.improvement(.01, true);
        assertThat(rr).isEqualTo(100, within(1.0));
        assertThat(caro).isEqualTo(10, within(.5));
        assertThat(cpi.improvement(1, true))
                .as("the same MDP when every state is improvable")
                .isEqualTo(cpi.improvement(1, false), within(1e-12));
    }

    /** The recursion against every sequence of states and actions. */
    @Test
    void theValueOfAMixtureIsThatOfEnumeration() {
        PolicyIteration cpi = new PolicyIteration(3, 2, .3, 1);
        for (boolean oracle : new boolean[] {false, true}) {
            double p = .3;
            double alpha = (oracle ? .3 : .3 * p) / (2 * 3);
            double expected = 0;
            for (int states = 0; states < 8; states++) {
                for (int actions = 0; actions < 8; actions++) {
                    double probability = 1;
                    double value = 0;
                    int deviations = 0;
                    for (int h = 0; h < 3; h++) {
                        boolean improvable = (states >> h & 1) == 1;
                        boolean deviates = (actions >> h & 1) == 1;
                        double a = oracle && !improvable ? 0 : alpha;
                        probability *= (improvable ? p : 1 - p) * (deviates ? a : 1 - a);
                        if (deviates) {
                            value += deviations == 0 ? (improvable ? .3 : 0) : -1;
                            deviations++;
                        }
                    }
                    expected += probability * value;
                }
            }
            assertThat(cpi.improvement(p, oracle)).isEqualTo(expected, within(1e-12));
        }
    }
}
