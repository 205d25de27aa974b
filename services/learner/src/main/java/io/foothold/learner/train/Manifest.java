package io.foothold.learner.train;

import java.util.List;
import java.util.Map;

/**
 * What an update did.
 *
 * @param update its number
 * @param policyVersion the version after it
 * @param artefact file name of the version's artefact
 * @param digest SHA-256 of the artefact
 * @param optimizerSteps steps it took
 * @param groupsWithSignal groups that carried an advantage
 * @param advantages by rollout, in order
 * @param metrics by name
 */
public record Manifest(
        long update,
        long policyVersion,
        String artefact,
        String digest,
        int optimizerSteps,
        int groupsWithSignal,
        List<Advantage> advantages,
        Map<String, Double> metrics) {

    /** What a rollout got. */
    public record Advantage(String rolloutId, double value) {}

    /** Copies the collections. */
    public Manifest {
        advantages = List.copyOf(advantages);
        metrics = Map.copyOf(metrics);
    }
}
