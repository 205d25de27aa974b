package io.foothold.orchestrator.update;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What the learner made of one admitted batch.
 *
 * @param update its number, from 1
 * @param artefact the policy after it; its version is that before when every advantage was zero
 * @param steps what the batch gave
 * @param rollouts what each of them got
 * @param kept what of the run's updates is kept
 * @param metrics means and norms by name
 * @param settingsDigest of the run's settings
 */
public record Manifest(
        String runId,
        long update,
        Artefact artefact,
        Steps steps,
        List<Trained> rollouts,
        Kept kept,
        Map<String, Double> metrics,
        String settingsDigest) {
    /**
     * What a batch gave.
     *
     * @param optimizerSteps that were taken
     * @param groupsWithSignal groups that carried an advantage
     */
    public record Steps(int optimizerSteps, int groupsWithSignal) {}

    /**
     * What of a run's updates is kept.
     *
     * @param checkpointedUpdate the last update that a durable checkpoint holds
     * @param oldestUpdate the oldest that the learner can go on from, 0 for the base policy; batches of later ones must be kept
     */
    public record Kept(long checkpointedUpdate, long oldestUpdate) {}

    /**
     * A rollout that was trained.
     *
     * @param advantage 0 carries no gradient
     */
    public record Trained(String rolloutId, double advantage) {}

    /** Copies; the metrics keep their order. */
    public Manifest {
        rollouts = List.copyOf(rollouts);
        metrics = Collections.unmodifiableMap(new LinkedHashMap<>(metrics));
    }

    /** Digest of the policy after it. */
    public String digest() {
        return artefact.policy().digest();
    }

    /** Number of the policy after it. */
    public long policyVersion() {
        return artefact.policy().number();
    }

    /** A metric, or something else where the update has none of that name. */
    public double metric(String name, double otherwise) {
        return metrics.getOrDefault(name, otherwise);
    }
}
