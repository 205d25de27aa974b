package io.foothold.learner.torch;

import com.google.common.primitives.Floats;
import com.google.common.primitives.Ints;
import io.foothold.core.loss.LossRule;
import io.foothold.policy.Trainer;
import io.foothold.v1.SequenceScore;
import io.foothold.v1.TensorLoss;
import io.foothold.v1.TensorSequence;

/** What goes over the wire to a torch worker and back. */
final class TensorMessages {
    private TensorMessages() {}

    static TensorSequence.Builder sequence(Trainer.Sequence s) {
        return TensorSequence.newBuilder()
                .addAllPromptTokenIds(Ints.asList(s.prompt()))
                .addAllGivenTokenIds(Ints.asList(s.given()))
                .addAllSampledTokenIds(Ints.asList(s.sampled()))
                .addAllLabels(Ints.asList(s.labels()));
    }

    static Trainer.Score score(SequenceScore s) {
        return new Trainer.Score(Floats.toArray(s.getLogProbsList()), Floats.toArray(s.getEntropiesList()));
    }

    /** Slopes in float32, as the worker computes. */
    static TensorLoss slopes(int index, LossRule.Result result, LossRule rule) {
        TensorLoss.Builder out = TensorLoss.newBuilder().setIndex(index);
        for (double slope : result.byLogProb()) {
            out.addByLogProb((float) slope);
        }
        if (rule.entropyCoefficient() > 0) {
            out.addByEntropy((float) result.byEntropy());
        }
        return out.build();
    }
}
