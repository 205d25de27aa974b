package io.foothold.orchestrator.run;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What several rewards are each, over rollouts. */
final class RewardNumbers {
    private RewardNumbers() {}

    /** The mean of each over the rollouts that were judged, as {@code reward/NAME}; nothing where a run has one reward. */
    static Map<String, Double> of(List<Judged> rollouts) {
        List<Judged> judged =
                rollouts.stream().filter(j -> !j.rewards().isEmpty()).toList();
        Map<String, Double> out = new LinkedHashMap<>();
        judged.forEach(j ->
                j.rewards().forEach((name, value) -> out.merge("reward/" + name, value / judged.size(), Double::sum)));
        return out;
    }
}
