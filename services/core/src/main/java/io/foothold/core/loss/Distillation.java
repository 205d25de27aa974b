package io.foothold.core.loss;

/**
 * On-policy self-distillation with privileged context: the policy is its own teacher where it is shown a solution, and its own samples,
 * drawn without it, are what it is taught on (OPSD, arXiv 2601.18734; beside rewards, SDPG, arXiv 2606.04036). The credit of a sampled token
 * y_t is
 *
 * <pre>
 * a A + b (log π_T(y_t) - log π(y_t)),      π_T = π under the teacher's prompt, held constant
 * </pre>
 *
 * Without rewards (a = 0) its expectation is the gradient of -KL(π || π_T) of each token's distribution behind what was sampled before it.
 * The papers take that divergence over the whole vocabulary; here the sampled token estimates it, without bias, and a sampler need say no
 * more than it does.
 *
 * @param weight b, at least 0; 0 is off
 * @param rewards a, at least 0
 */
public record Distillation(double weight, double rewards) {
    /** Nobody is taught. */
    public static final Distillation NONE = new Distillation(0, 1);

    /** Weights are not negative. */
    public Distillation {
        if (!(weight >= 0 && rewards >= 0)) {
            throw new IllegalArgumentException("weights must not be negative: " + weight + ", " + rewards);
        }
    }

    /** Whether there is a teacher. */
    public boolean teaches() {
        return weight > 0;
    }

    /**
     * Credits of the tokens of a rollout, shape [sampled tokens].
     *
     * @param advantage A
     * @param teacher log π_T, nats, shape [sampled tokens]
     * @param student log π, nats, shape [sampled tokens]
     */
    public double[] credits(double advantage, float[] teacher, float[] student) {
        if (teacher.length != student.length) {
            throw new IllegalArgumentException(
                    teacher.length + " log-probs of the teacher, " + student.length + " of the student");
        }
        double[] out = new double[student.length];
        for (int t = 0; t < out.length; t++) {
            out[t] = rewards * advantage + weight * ((double) teacher[t] - student[t]);
        }
        return out;
    }
}
