package io.foothold.orchestrator.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.orchestrator.simulation.SimulatedRun.Plan;
import io.foothold.orchestrator.simulation.SimulatedSeeds.Elsewhere;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whole runs in simulated time: the real run over services, a network, a disk and processes that fail. After every event the invariants of {@link
 * Conservation} are checked, and a synchronous run has to make just what it makes undisturbed. {@code -Dfoothold.simulation.seeds=N} runs so
 * many seeds, {@code -Dfoothold.simulation.seed=S} one.
 */
@Timeout(1200)
class RunSimulationTest {
    private static final Logger OURS = Logger.getLogger("io.foothold");

    @TempDir
    Path home;

    @BeforeEach
    void silence() {
        // Who replays one wants to see it.
        OURS.setLevel(Long.getLong(SimulatedSeeds.SEED) == null ? Level.OFF : null);
    }

    @AfterEach
    void speak() {
        OURS.setLevel(null);
    }

    @Test
    void whateverDiesOrIsLostEveryRolloutEndsOnceAndAResumedRunIsTheUninterruptedOne() throws Exception {
        SimulatedSeeds here = new SimulatedSeeds(home);
        Long one = Long.getLong(SimulatedSeeds.SEED);
        if (one != null) {
            here.live(one);
            return;
        }
        int seeds = Integer.getInteger("foothold.simulation.seeds", 10_000);
        Set<String> met = new TreeSet<>();
        // A seed is the same run wherever it is lived: two processes share them.
        try (Elsewhere other = Elsewhere.live(1, seeds, 2, home.resolve("other"))) {
            here.live(0, seeds, 2);
            met.addAll(here.met());
            met.addAll(other.met());
        }
        // A simulation in which nothing goes wrong proves nothing.
        assertThat(met)
                .contains(
                        "another policy sampled",
                        "answer lost",
                        "augmentation died",
                        "checkpoint damaged",
                        "compared",
                        "learner died",
                        "localizer died",
                        "no verdict",
                        "orchestrator died",
                        "request late",
                        "request lost",
                        "request twice",
                        "sampler died",
                        "server lost a rollout",
                        "run stopped",
                        "stream broke",
                        "stream stalled",
                        "verifier died",
                        "write was durable that nobody heard of",
                        "write was lost");
    }

    @Test
    void aSeedGivesTheSameRunEveryTime() {
        SimulatedSeeds seeds = new SimulatedSeeds(home);
        for (long seed = 0; seed < Plan.PLANS; seed++) {
            assertThat(seeds.simulated(seed).told())
                    .isEqualTo(seeds.simulated(seed).told());
        }
    }

    @Test
    void twoHundredKillsLoseNothingAndAreRecoveredFromWithinHalfAMinute() {
        for (int number : new int[] {0, 2}) {
            Plan plan = Plan.of(number).withUpdates(600);
            SimulatedRun run = new SimulatedRun(number, plan, home.resolve("kills" + number));
            Duration longest = run.live(200, Duration.ofSeconds(2));
            assertThat(longest).as("recovered after").isLessThanOrEqualTo(Duration.ofSeconds(30));
            assertThat(run.kills()).isEqualTo(200);
            assertThat(run.weather.met)
                    .containsKeys(
                            "augmentation died",
                            "learner died",
                            "localizer died",
                            "orchestrator died",
                            "sampler died",
                            "verifier died");
        }
    }
}
