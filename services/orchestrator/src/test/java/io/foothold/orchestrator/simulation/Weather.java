package io.foothold.orchestrator.simulation;

import io.foothold.contracts.simulation.SimulatedTime;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.jboss.logging.Logger;

/** The time and the chance of one simulation, whether things go wrong, and what did. */
final class Weather {
    private static final Logger LOG = Logger.getLogger(Weather.class);

    final SplittableRandom random;
    final SimulatedTime time;
    final Map<String, Integer> met = new LinkedHashMap<>();
    /** Whether anything may go wrong. */
    boolean troubled;
    /** Whether something went wrong that an undisturbed run does not have: its course is another one from there. */
    boolean otherCourse;

    Weather(long seed) {
        random = new SplittableRandom(seed);
        time = new SimulatedTime(random);
    }

    void meet(String what) {
        met.merge(what, 1, Integer::sum);
        LOG.infof("%.3f s: %s", time.now() / 1e9, what);
    }

    /** Whether something that goes wrong once in so many times does now. */
    boolean strikes(int oneIn) {
        return troubled && random.nextInt(oneIn) == 0;
    }

    Duration upTo(Duration most) {
        return time.upTo(most);
    }
}
