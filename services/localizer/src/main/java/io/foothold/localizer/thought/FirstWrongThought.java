package io.foothold.localizer.thought;

import io.foothold.core.random.Seeds;
import java.util.List;
import java.util.OptionalInt;

/** Ways to name a thought that need no policy. */
public final class FirstWrongThought {
    private FirstWrongThought() {}

    /** Uniform over the thoughts 1 to n (RRPO, arXiv 2605.25507). */
    public static int random(int thoughts, long seed) {
        if (thoughts < 1) {
            throw new IllegalArgumentException("a rollout without thoughts has none to choose from");
        }
        return 1 + Seeds.of(seed).split("localizer").generator().nextInt(thoughts);
    }

    /** Always the same thought, or the last one of a shorter rollout: the control that needs no localizer. */
    public static int early(int thoughts, int wanted) {
        if (thoughts < 1 || wanted < 1) {
            throw new IllegalArgumentException(
                    "early_thought must be at least 1 and the rollout must have thoughts: " + wanted + ", " + thoughts);
        }
        return Math.min(thoughts, wanted);
    }

    /**
     * A step as a worse localizer would name it.
     *
     * @param noise chance that a thought drawn uniformly takes its place
     */
    public static int noisy(int step, int thoughts, double noise, long seed) {
        if (!(noise >= 0 && noise <= 1)) {
            throw new IllegalArgumentException("noise must be from 0 to 1: " + noise);
        }
        Seeds own = Seeds.of(seed).split("noise");
        return noise > 0 && Seeds.uniform(own.value(), 0) < noise ? random(thoughts, own.value()) : step;
    }

    /**
     * One-based number of the first thought that is not the oracle's, for tasks whose thoughts are determined; empty when
     * every thought is right and none is missing.
     */
    public static OptionalInt oracle(List<String> thoughts, List<String> oracle) {
        for (int i = 0; i < Math.max(thoughts.size(), oracle.size()); i++) {
            if (i >= thoughts.size() || i >= oracle.size() || !thoughts.get(i).equals(oracle.get(i))) {
                return OptionalInt.of(i + 1);
            }
        }
        return OptionalInt.empty();
    }
}
