package io.foothold.orchestrator.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.orchestrator.simulation.SimulatedRun.Plan;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
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
    private static final String SEED = "foothold.simulation.seed";
    private static final Logger OURS = Logger.getLogger("io.foothold");

    @TempDir
    Path home;

    private final Map<Integer, List<String>> undisturbed = new HashMap<>();
    private final Map<String, Integer> met = new TreeMap<>();

    @BeforeEach
    void silence() {
        // Who replays one wants to see it.
        OURS.setLevel(Long.getLong(SEED) == null ? Level.OFF : null);
    }

    @AfterEach
    void speak() {
        OURS.setLevel(null);
    }

    @Test
    void whateverDiesOrIsLostEveryRolloutEndsOnceAndAResumedRunIsTheUninterruptedOne() {
        Long one = Long.getLong(SEED);
        if (one != null) {
            live(one);
            return;
        }
        int seeds = Integer.getInteger("foothold.simulation.seeds", 10_000);
        for (long seed = 0; seed < seeds; seed++) {
            try {
                live(seed);
            } catch (Throwable t) {
                throw new AssertionError("seed " + seed + " (alone: -D" + SEED + "=" + seed + ")", t);
            }
        }
        // A simulation in which nothing goes wrong proves nothing.
        assertThat(met)
                .containsKeys(
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
        for (long seed = 0; seed < Plan.PLANS; seed++) {
            assertThat(simulated(seed).told()).isEqualTo(simulated(seed).told());
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

    private void live(long seed) {
        SimulatedRun run = simulated(seed);
        if (run.comparable()) {
            run.weather.meet("compared");
            assertThat(run.course()).isEqualTo(undisturbed(run.plan));
        }
        run.weather.met.forEach((what, count) -> met.merge(what, count, Integer::sum));
    }

    private SimulatedRun simulated(long seed) {
        SimulatedRun run = new SimulatedRun(
                seed, Plan.of((int) Math.floorMod(seed, (long) Plan.PLANS)), home.resolve("run" + seed));
        run.live();
        delete(home.resolve("run" + seed));
        return run;
    }

    private List<String> undisturbed(Plan plan) {
        return undisturbed.computeIfAbsent(plan.number(), n -> {
            SimulatedRun alone = new SimulatedRun(n, plan, home.resolve("plan" + n));
            alone.liveUndisturbed();
            return alone.course();
        });
    }

    private static void delete(Path directory) {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
