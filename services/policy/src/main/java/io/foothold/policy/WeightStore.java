package io.foothold.policy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import java.util.ArrayList;
import java.util.List;

/** Tensors in script order: weights, gradients or moments. Same thread rules as its {@link Transformer}. */
final class WeightStore implements AutoCloseable {
    private final Transformer transformer;
    private final NDList arrays;
    private final IValue list;

    private WeightStore(Transformer transformer, NDList arrays) {
        this.transformer = transformer;
        this.arrays = arrays;
        this.list = listOf(arrays);
    }

    /** Weights, copied in. */
    static WeightStore of(Transformer transformer, PolicyWeights weights, String name, boolean gradients) {
        NDList arrays = zeroArrays(transformer, name);
        WeightStore store = new WeightStore(transformer, arrays);
        store.load(weights.slots());
        if (gradients) {
            arrays.forEach(a -> a.setRequiresGradient(true));
        }
        return store;
    }

    /** Zeros in the shape of the weights. */
    static WeightStore zeros(Transformer transformer, String name) {
        return new WeightStore(transformer, zeroArrays(transformer, name));
    }

    /** One scalar a weight, all of the same value. */
    static WeightStore scalars(Transformer transformer, String name, float value) {
        NDList arrays = new NDList();
        for (int i = 0; i < WeightLayout.of(transformer.config()).slots().size(); i++) {
            NDArray a = transformer.manager().full(new Shape(), value, ai.djl.ndarray.types.DataType.FLOAT32);
            a.setName(name);
            arrays.add(a);
        }
        return new WeightStore(transformer, arrays);
    }

    private static NDList zeroArrays(Transformer transformer, String name) {
        NDList arrays = new NDList();
        for (WeightLayout.Slot slot : WeightLayout.of(transformer.config()).slots()) {
            NDArray a = transformer.manager().zeros(new Shape(slot.shape()));
            a.setName(name);
            arrays.add(a);
        }
        return arrays;
    }

    static IValue listOf(NDList arrays) {
        return IValue.listFrom(arrays.stream().map(a -> (PtNDArray) a).toArray(PtNDArray[]::new));
    }

    NDList arrays() {
        return arrays;
    }

    /** The list argument; owned by this store, not to be closed. */
    IValue list() {
        return list;
    }

    /** Copies values in, in one native call. */
    void load(List<float[]> values) {
        List<WeightLayout.Slot> slots = WeightLayout.of(transformer.config()).slots();
        try (PtNDManager scope = transformer.scope()) {
            NDList source = new NDList();
            for (int i = 0; i < slots.size(); i++) {
                source.add(Transformer.floats(scope, values.get(i), slots.get(i).shape()));
            }
            try (IValue from = listOf(source);
                    IValue done = transformer.call("assign", list, from)) {
                if (done.toLong() != slots.size()) {
                    throw new IllegalStateException("assigned " + done.toLong() + " of " + slots.size());
                }
            }
        }
    }

    /** The values, copied out. */
    List<float[]> values() {
        List<float[]> out = new ArrayList<>();
        for (NDArray a : arrays) {
            out.add(a.toFloatArray());
        }
        return out;
    }

    @Override
    public void close() {
        list.close();
        arrays.close();
    }
}
