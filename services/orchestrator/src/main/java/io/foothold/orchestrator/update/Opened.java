package io.foothold.orchestrator.update;

import java.util.List;

/**
 * A run that the learner has open.
 *
 * @param update the last one in its weights
 * @param artefact the policy that they are
 * @param damagedCheckpoints what is wrong with those that could not be read, newest first
 */
public record Opened(long update, Artefact artefact, List<String> damagedCheckpoints) {
    /** Copies. */
    public Opened {
        damagedCheckpoints = List.copyOf(damagedCheckpoints);
    }
}
