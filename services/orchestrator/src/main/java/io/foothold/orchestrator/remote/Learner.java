package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.FootholdException;
import io.foothold.core.settings.RunSettings;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Manifest;
import io.foothold.orchestrator.update.Opened;
import java.util.List;

/** Whoever trains a run. Thread-safe. */
public interface Learner {
    /**
     * A solution that somebody gives, behind its prompt.
     *
     * @param promptTokenIds what it is scored behind
     * @param tokenIds its own, at least one
     */
    record Solution(List<Integer> promptTokenIds, List<Integer> tokenIds) {
        /** Copies. */
        public Solution {
            promptTokenIds = List.copyOf(promptTokenIds);
            tokenIds = List.copyOf(tokenIds);
        }
    }

    /**
     * How likely a solution is.
     *
     * @param logProbs natural log-prob of each of its tokens
     * @param endLogProb that of the end of the sequence behind it; 0 for one that ends by itself
     * @param problem why it could not be scored; empty for one that was
     */
    record Score(List<Float> logProbs, double endLogProb, String problem) {
        /** Copies. */
        public Score {
            logProbs = List.copyOf(logProbs);
        }
    }

    /**
     * Scores of solutions, in their order.
     *
     * @param temperature that the log-probs are taken at
     */
    record Scores(double temperature, List<Score> scores) {
        /** Copies. */
        public Scores {
            scores = List.copyOf(scores);
        }
    }

    /**
     * Opens a run at the learner, with what of its settings the learner needs.
     *
     * @param imitated solutions that the policy is fine-tuned on before the first update, where the settings ask for that; empty leaves
     *     it as it is, whatever they ask for
     */
    Opened openRun(String runId, RunSettings settings, Holder holder, List<Solution> imitated);

    /** Tells the learner that a run is under way; not repeated, as it is said again soon. */
    void keepRun(Holder holder);

    /**
     * Gives the learner back at a run's end; not repeated, as a learner that is away has no run. Does not wait long for what is computed
     * there: the learner lets go of the run behind it.
     */
    void closeRun(Holder holder);

    /**
     * Trains one update. Waits for it also when the run is asked to stop, unless the learner is away. What an earlier call left under way
     * of the same update is waited for first.
     *
     * @throws FootholdException WRONG_STATE when the learner does not have the run open, as after its restart
     */
    Manifest train(List<TrainGroup> groups);

    /**
     * Writes a checkpoint of a run's last update; waits for it also when the run is asked to stop. Not repeated: a learner that was away
     * has to be opened first.
     */
    void checkpoint(String runId);

    /** Writes a checkpoint under a label; as the other one. */
    void checkpoint(String runId, String label, long update);

    /**
     * Has solutions scored under a run's weights. Not repeated: a learner that was away has to be opened first.
     *
     * @param policyVersion that the weights must be
     */
    Scores score(String runId, long policyVersion, List<Solution> solutions);

    /**
     * Waits until the object store has a policy version, or a run's checkpoints. Repeated while the learner or the store is away, and given
     * up when the run is asked to stop.
     *
     * @param digest of the policy version; empty for the checkpoints
     */
    void awaitStored(String runId, String digest);
}
