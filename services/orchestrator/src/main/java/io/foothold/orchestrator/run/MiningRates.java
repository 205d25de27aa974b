package io.foothold.orchestrator.run;

import io.foothold.core.stats.Interval;
import io.foothold.core.stats.SetStatistics;
import io.foothold.orchestrator.remote.Augmentation;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** How often each problem was solved while it was mined, over all looks at it. Thread-safe. */
final class MiningRates {
    private final Map<String, Map<Integer, SetStatistics.Count>> looks = new TreeMap<>();

    /** The outcome of a probe; one that is asked for again, by a service that was started again, counts once. */
    synchronized void answered(Augmentation.Probe probe, SetStatistics.Count outcome) {
        looks.computeIfAbsent(probe.start().problemId(), id -> new TreeMap<>()).put(probe.earlierLooks(), outcome);
    }

    /** By problem, in the order of the ids. */
    synchronized Map<String, SetStatistics.Count> byProblem() {
        Map<String, SetStatistics.Count> out = new TreeMap<>();
        looks.forEach((id, counts) -> out.put(
                id,
                counts.values().stream()
                        .reduce(
                                new SetStatistics.Count(0, 0),
                                (a, b) -> new SetStatistics.Count(a.passes() + b.passes(), a.judged() + b.judged()))));
        return out;
    }

    /** The largest upper bound of these problems' pass rates, Wilson's, 95 %; 1 for one that was not judged. */
    double highest(List<String> ids) {
        Map<String, SetStatistics.Count> counts = byProblem();
        return ids.stream()
                .map(id -> counts.getOrDefault(id, new SetStatistics.Count(0, 0)))
                .mapToDouble(c -> Interval.wilson(c.passes(), c.judged()).high())
                .max()
                .orElse(1);
    }
}
