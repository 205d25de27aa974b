package io.foothold.policy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.IValue;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Folds weights (see {@link Transformer}) one layer at a time: beside what comes of it no more than a layer is in memory. Tensors that are
 * equal, bit by bit, to those of other folded weights are theirs and take no memory of their own: an update of adapters leaves the
 * embedding and the head as they were.
 */
final class Folding {
    private static final String EMBEDDING = "model.embed_tokens.weight";
    private static final String HEAD = "lm_head.weight";

    /** What the script folds a layer into; what is trained against needs the gains of both norms too. */
    private static final int PER_LAYER = 6;

    private final Transformer transformer;
    private final ModelConfig config;
    private final List<WeightLayout.Slot> slots;
    private final PolicyWeights weights;
    private final boolean lean;
    private final String name;
    /** Type of all matrices but the head: of it a log-prob is the difference of two numbers that are much larger. */
    private final int matrices;

    private final @Nullable WeightStore like;
    private final NDList out = new NDList();

    private Folding(
            Transformer transformer, PolicyWeights weights, boolean lean, String name, @Nullable WeightStore like) {
        this.transformer = transformer;
        this.config = transformer.config();
        this.slots = WeightLayout.of(config).slots();
        this.weights = weights;
        this.lean = lean;
        this.name = name;
        this.matrices = transformer.placement().half() ? Transformer.BFLOAT16 : Transformer.FLOAT32;
        this.like = like;
    }

    /**
     * Folds weights.
     *
     * @param lean whether the head stays as it is, with its gain beside it, and layers come with the gains of their norms: what the
     *     script's lean methods take
     * @param name of the arrays
     * @param like weights folded in the same way, whose tensors are used where they are equal
     */
    static WeightStore of(
            Transformer transformer, PolicyWeights weights, boolean lean, String name, @Nullable WeightStore like) {
        Folding folding = new Folding(transformer, weights, lean, name, like);
        try (NativeSteps.Step step = NativeSteps.enter()) {
            folding.fold();
            return new WeightStore(transformer, folding.out);
        } catch (RuntimeException | Error e) {
            NativeSteps.release(folding.out::close);
            throw e;
        }
    }

    private void fold() {
        int d = config.width();
        WeightLayout.Slot head = slots.get(config.tied() ? 0 : slots.size() - 1);
        asItIs(slots.get(0), EMBEDDING);
        try (WeightStore norm = raw(List.of(slots.get(1)))) {
            NDArray target = lean ? added(d) : added(d, config.vocabulary());
            if (config.tied() && matrices == Transformer.FLOAT32) {
                head(target, out.get(0), norm);
            } else if (lean) {
                // Only its gain is computed: any matrix will do.
                head(target, target, norm);
            } else {
                try (WeightStore own = raw(List.of(head))) {
                    head(target, own.arrays().get(0), norm);
                }
            }
        }
        shareIfEqual();
        int stride = WeightLayout.of(config).stride();
        try (WeightStore layer = WeightStore.zeros(
                transformer,
                slots.subList(2, 2 + stride).stream()
                        .map(WeightLayout.Slot::shape)
                        .toList(),
                "layer[]")) {
            for (int i = 0; i < config.layers(); i++) {
                layer.load(weights, slots.subList(2 + i * stride, 2 + (i + 1) * stride));
                layer(layer);
            }
        }
        if (lean && !config.tied()) {
            asItIs(head, HEAD);
        }
    }

    private void layer(WeightStore from) {
        int first = out.size();
        int rows = (config.heads() + 2 * config.kvHeads()) * config.headDim();
        matrix(config.width(), rows);
        added(config.heads() + config.kvHeads(), config.headDim());
        matrix((long) config.heads() * config.headDim(), config.width());
        matrix(config.width(), 2L * config.feedForward());
        matrix(config.feedForward(), config.width());
        added(config.qkvBias() ? rows : config.width());
        if (lean) {
            added(config.width());
            added(config.width());
        }
        NDList targets = new NDList(out.subList(first, out.size()));
        try (IValue list = WeightStore.listOf(targets);
                IValue done = transformer.call("fold_layer_into", list, from.list())) {
            if (done.toLong() != PER_LAYER + (lean ? 2 : 0)) {
                throw new IllegalStateException("folded a layer into " + done.toLong() + " tensors");
            }
        }
        IntStream.range(first, out.size()).forEach(this::shareIfEqual);
    }

    private void head(NDArray target, NDArray head, WeightStore norm) {
        try (IValue into = IValue.from((PtNDArray) target);
                IValue from = IValue.from((PtNDArray) head);
                IValue gain = IValue.from((PtNDArray) norm.arrays().get(0));
                IValue done = transformer.call("fold_head_into", into, from, gain)) {
            if (done.toLong() != 1) {
                throw new IllegalStateException("folded " + done.toLong() + " heads");
            }
        }
    }

    private WeightStore raw(List<WeightLayout.Slot> some) {
        WeightStore store = WeightStore.zeros(
                transformer, some.stream().map(WeightLayout.Slot::shape).toList(), "raw[]");
        try {
            store.load(weights, some);
            return store;
        } catch (RuntimeException | Error e) {
            store.close();
            throw e;
        }
    }

    /** A matrix that is not folded; compared before memory is taken for it. */
    private void asItIs(WeightLayout.Slot slot, String part) {
        int at = out.size();
        if (like != null
                && like.tensors().get(at) instanceof HostTensor known
                && weights.part(part).mismatch(known) < 0) {
            weights.part(part).unload();
            out.add(alias(at));
            return;
        }
        NDArray array = matrix(slot.shape());
        transformer.fill(array, numbers -> WeightStore.load(weights, slot, numbers));
        if (!HostTensor.liesHere(array)) {
            // What lies elsewhere is compared there.
            shareIfEqual();
        }
    }

    private NDArray added(long... shape) {
        return added(transformer.unset(Transformer.FLOAT32, shape));
    }

    private NDArray matrix(long... shape) {
        return added(transformer.unset(matrices, shape));
    }

    private NDArray added(NDArray array) {
        array.setName(name);
        out.add(array);
        return array;
    }

    private void shareIfEqual() {
        shareIfEqual(out.size() - 1);
    }

    private void shareIfEqual(int at) {
        WeightStore others = like;
        if (others == null) {
            return;
        }
        try (IValue own = IValue.from((PtNDArray) out.get(at));
                IValue other = IValue.from((PtNDArray) others.arrays().get(at));
                IValue alike = transformer.call("alike", own, other)) {
            if (!alike.toBoolean()) {
                return;
            }
        }
        NDArray known = out.get(at);
        out.set(at, alias(at));
        known.close();
    }

    /** Another handle on a tensor, whose memory goes with the last of them. */
    private NDArray alias(int at) {
        NDArray other = Objects.requireNonNull(like).arrays().get(at);
        NDArray alias = other.reshape(other.getShape());
        alias.setName(name);
        return alias;
    }
}
