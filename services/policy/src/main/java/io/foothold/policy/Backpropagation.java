package io.foothold.policy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDManager;

/**
 * One micro-batch on its way through the model and back. The pass forward gives log-probs and entropies; whoever holds them decides how
 * fast the loss changes with each; the pass back adds what that comes to for the trained tensors to the gradient sums. Owned by the
 * trainer's thread.
 */
final class Backpropagation implements AutoCloseable {
    private final NativeSteps.Step step;
    private final Transformer transformer;
    private final TrainingState state;
    private final boolean lean;
    private final PackedBatch batch;
    private final float[] how;
    private final PtNDManager scope;
    private final NDList forward;
    private final float[] logProbs;
    private final float[] entropies;

    /**
     * The pass forward.
     *
     * @param how temperature, whether entropies have slopes, layers that are computed again
     */
    Backpropagation(Transformer transformer, TrainingState state, boolean lean, PackedBatch batch, How how) {
        this.transformer = transformer;
        this.state = state;
        this.lean = lean;
        this.batch = batch;
        this.how = new float[] {(float) how.temperature(), how.entropySlopes() ? 1 : 0, how.recomputedLayers()};
        this.step = NativeSteps.enter();
        try {
            this.scope = transformer.scope();
            NDList arguments = state.arguments(scope);
            arguments.addAll(batchArguments());
            this.forward = transformer.callWithGradients(scope, method("forward"), arguments);
            this.logProbs = forward.get(lean ? 0 : 2).toFloatArray();
            this.entropies = forward.get(lean ? 1 : 3).toFloatArray();
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /**
     * What a pass must know.
     *
     * @param temperature that logits are divided by
     * @param entropySlopes whether the loss changes with entropies
     * @param recomputedLayers first layers that are computed again in lean form
     */
    record How(double temperature, boolean entropySlopes, int recomputedLayers) {}

    /** Log-probs of the targets, nats, shape [targets]. */
    float[] logProbs() {
        return logProbs;
    }

    /** Entropies at the targets, nats, shape [targets]. */
    float[] entropies() {
        return entropies;
    }

    /**
     * The pass back; once.
     *
     * @param byLogProb derivative of the loss by each log-prob, shape [targets]
     * @param byEntropy the same by each entropy; empty where entropies have no slopes
     */
    void backward(float[] byLogProb, float[] byEntropy) {
        NDList arguments = new NDList();
        if (lean) {
            arguments.addAll(state.arguments(scope));
        } else {
            arguments.addAll(state.trained().arrays());
        }
        arguments.addAll(state.gradients().arrays());
        if (lean) {
            arguments.addAll(batchArguments());
            arguments.addAll(leanPass());
        } else {
            arguments.add(MicroBatches.named(forward.get(0), "token"));
            arguments.add(MicroBatches.named(forward.get(1), "entropy"));
        }
        arguments.add(MicroBatches.named(Transformer.floats(scope, byLogProb, byLogProb.length), "of_token"));
        arguments.add(MicroBatches.named(Transformer.floats(scope, byEntropy, byEntropy.length), "of_entropy"));
        // Adapters merged in are part of the graph in whole form: the way back is that of all weights.
        NDList done = transformer.callWithGradients(scope, lean ? method("backward") : "backward_whole", arguments);
        done.close();
    }

    private String method(String pass) {
        return pass + (state.lora() == null ? "" : "_adapters") + (lean ? "_lean" : "_whole");
    }

    private NDList batchArguments() {
        NDList out = MicroBatches.arrays(scope, batch);
        out.add(MicroBatches.named(Transformer.floats(scope, how, how.length), "how"));
        return out;
    }

    /** What the lean pass forward left, under the names of its arguments: entropies, end, normed, then a list a layer and the chunks. */
    private NDList leanPass() {
        int layers = transformer.config().layers();
        NDList out = new NDList();
        for (int i = 2; i < forward.size(); i++) {
            NDArray array = forward.get(i);
            out.add(MicroBatches.named(
                    array,
                    switch (i) {
                        case 2 -> "entropy";
                        case 3 -> "end";
                        case 4 -> "normed";
                        default -> i < 5 + layers ? "inputs[]" : i < 5 + 2 * layers ? "outputs[]" : "kept[]";
                    }));
        }
        return out;
    }

    @Override
    public void close() {
        try {
            if (scope != null) {
                scope.close();
            }
        } finally {
            step.close();
        }
    }
}
