package io.foothold.learner.train;

/**
 * A learning-rate schedule: linear warm-up, then constant, linear or cosine decay.
 *
 * @param shape of the decay
 * @param peak learning rate after warm-up
 * @param warmupSteps optimizer steps of warm-up
 * @param totalSteps optimizer steps until the decay ends; 0 with a constant shape
 * @param finalShare share of the peak at the end
 */
public record Schedule(Shape shape, double peak, long warmupSteps, long totalSteps, double finalShare) {
    /** The decay. */
    public enum Shape {
        /** None. */
        CONSTANT,
        /** Straight. */
        LINEAR,
        /** Half a cosine. */
        COSINE
    }

    /** Checks ranges. */
    public Schedule {
        if (!(peak > 0) || Double.isInfinite(peak) || warmupSteps < 0 || !(finalShare >= 0 && finalShare <= 1)) {
            throw new IllegalArgumentException("need learning rate > 0, warmup_steps >= 0, final_share in [0, 1]: "
                    + peak + ", " + warmupSteps + ", " + finalShare);
        }
        if (shape != Shape.CONSTANT && totalSteps < 1) {
            throw new IllegalArgumentException("a " + shape + " schedule needs total_steps of at least 1");
        }
    }

    /** The shape of that name, in lower case. */
    public static Shape shapeNamed(String name) {
        for (Shape s : Shape.values()) {
            if (s.name().equalsIgnoreCase(name)) {
                return s;
            }
        }
        throw new IllegalArgumentException("unknown schedule '" + name + "' (expected constant, linear or cosine)");
    }

    /** The learning rate of an optimizer step, counted from 1. */
    public double at(long step) {
        double warm = warmupSteps == 0 ? 1 : Math.min(1, (double) step / warmupSteps);
        double progress = totalSteps == 0 ? 0 : Math.min(1, (double) step / totalSteps);
        double decay =
                switch (shape) {
                    case CONSTANT -> 1;
                    case LINEAR -> finalShare + (1 - finalShare) * (1 - progress);
                    case COSINE -> finalShare + (1 - finalShare) * 0.5 * (1 + Math.cos(Math.PI * progress));
                };
        return peak * warm * decay;
    }
}
