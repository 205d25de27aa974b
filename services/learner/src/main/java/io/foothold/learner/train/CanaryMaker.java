package io.foothold.learner.train;

import io.foothold.core.policy.Canary;
import io.foothold.policy.Trainer;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Says what an inference server has to compute under the weights that a run has now. The sequences are those of the run's seed; one forward
 * pass over some two hundred tokens for each artefact, no part of any digest. Owned by the learner's thread.
 */
final class CanaryMaker {
    private final List<int[]> sequences;
    private @Nullable Canary made;

    CanaryMaker(long seed, TensorBackend backend) {
        this.sequences = Canary.sequences(seed, backend.vocabulary(), backend.maxPositions());
    }

    /** The weights changed. */
    void forget() {
        made = null;
    }

    /** The canary of the backend's weights. */
    Canary of(TensorBackend backend) {
        Canary known = made;
        if (known == null) {
            known = new Canary(
                    sequences,
                    backend.score(sequences.stream().map(CanaryMaker::scored).toList(), 1).stream()
                            .map(Trainer.Score::logProbs)
                            .toList());
            made = known;
        }
        return known;
    }

    private static Trainer.Sequence scored(int[] ids) {
        return new Trainer.Sequence(
                Arrays.copyOf(ids, 1), new int[0], Arrays.copyOfRange(ids, 1, ids.length), new float[ids.length - 1]);
    }
}
