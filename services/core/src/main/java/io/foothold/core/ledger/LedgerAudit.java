package io.foothold.core.ledger;

import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Conservation, checked: every rollout that was reserved is under way or has exactly one end, and no update trains one twice.
 */
public final class LedgerAudit {

    /**
     * What was found.
     *
     * @param counts rollouts by state
     * @param lost rollouts that an update trained although the ledger does not say so, or the other way round
     * @param trainedTwice rollouts that more than one update trained
     */
    public record Report(Map<RolloutState, Long> counts, Set<String> lost, Set<String> trainedTwice) {
        /** Whether nothing is wrong. */
        public boolean sound() {
            return lost.isEmpty() && trainedTwice.isEmpty();
        }
    }

    private LedgerAudit() {}

    /**
     * Compares the ledger with the manifests.
     *
     * @param states state of every rollout of the run
     * @param manifests rollout ids of every update
     */
    public static Report audit(Map<String, RolloutState> states, List<List<String>> manifests) {
        Map<RolloutState, Long> counts = new EnumMap<>(RolloutState.class);
        states.values().forEach(s -> counts.merge(s, 1L, Long::sum));
        Map<String, Integer> trained = new HashMap<>();
        manifests.forEach(ids -> ids.forEach(id -> trained.merge(id, 1, Integer::sum)));
        Set<String> lost = new LinkedHashSet<>();
        Set<String> twice = new LinkedHashSet<>();
        trained.forEach((id, times) -> {
            if (times > 1) {
                twice.add(id);
            }
            if (states.get(id) != RolloutState.TRAINED) {
                lost.add(id);
            }
        });
        states.forEach((id, state) -> {
            if (state == RolloutState.TRAINED && !trained.containsKey(id)) {
                lost.add(id);
            }
        });
        return new Report(counts, lost, twice);
    }
}
