package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.update.Manifest;
import io.foothold.orchestrator.update.Opened;
import io.foothold.v1.OpenRunRequest;
import io.foothold.v1.ScoreSolutionsRequest;
import io.foothold.v1.ScoreSolutionsResponse;
import io.foothold.v1.TrainGroup;
import java.util.List;

/** Whoever trains a run. Thread-safe. */
public interface Learner {
    /**
     * Opens a run at the learner.
     *
     * @param request without its holder
     */
    Opened openRun(OpenRunRequest request, Holder holder);

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

    /** Has solutions scored under a run's weights. Not repeated: a learner that was away has to be opened first. */
    ScoreSolutionsResponse score(ScoreSolutionsRequest request);
}
