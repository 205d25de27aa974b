package io.foothold.orchestrator.explain;

import java.util.List;
import java.util.Map;

/**
 * An update: what the learner made of it, and the rollouts that it used.
 *
 * @param policyVersion and digest of the policy after it
 * @param metrics means and norms by name, as the learner told them
 * @param groups in the order of the manifest
 */
public record UpdateStory(
        String run,
        long update,
        long policyVersion,
        String digest,
        int optimizerSteps,
        int groupsWithSignal,
        Map<String, Double> metrics,
        List<Group> groups) {
    /**
     * A group.
     *
     * @param signal whether any advantage is not 0
     */
    public record Group(
            String id, String problem, String start, boolean signal, List<RolloutStory.Compared> rollouts) {}
}
