package io.foothold.core.settings;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;

/**
 * Several rewards of one rollout: r = Σ_k w_k r_k. What counts as right stays the verdict, whatever it weighs.
 *
 * @param parts in the order of the run file
 */
public record SeveralRewards(List<RewardSettings> parts) {
    /** Copies. */
    public SeveralRewards {
        parts = List.copyOf(parts);
    }

    /**
     * The rewards r_k of a rollout that was judged, by their names and in their order.
     *
     * @param ofVerdict what the run's rule makes of the verdict
     * @param truncated whether the limit of tokens ended it
     * @param apart scores of what is judged apart, by the names of the rewards
     */
    public SequencedMap<String, Double> values(double ofVerdict, boolean truncated, Map<String, Double> apart) {
        SequencedMap<String, Double> out = new LinkedHashMap<>();
        for (RewardSettings part : parts) {
            out.put(
                    part.name(),
                    part.judgedApart()
                            ? Objects.requireNonNull(apart.get(part.name()), part.name())
                            : switch (part.rule()) {
                                case VERDICT -> (Double) ofVerdict;
                                case ENDED -> truncated ? 0.0 : 1.0;
                            });
        }
        return out;
    }

    /** Their sum by their weights. */
    public double sum(Map<String, Double> values) {
        double out = 0;
        for (RewardSettings part : parts) {
            out += part.weight() * Objects.requireNonNull(values.get(part.name()), part.name());
        }
        return out;
    }

    /** The weights w_k, in their order. */
    public List<Double> weights() {
        return parts.stream().map(RewardSettings::weight).toList();
    }
}
