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
    private final List<long[]> shapes;
    private final NDList arrays;
    private final IValue list;

    private WeightStore(Transformer transformer, List<long[]> shapes, NDList arrays) {
        this.transformer = transformer;
        this.shapes = shapes;
        this.arrays = arrays;
        this.list = listOf(arrays);
    }

    /** Weights, copied in. */
    static WeightStore of(Transformer transformer, PolicyWeights weights, String name, boolean gradients) {
        return of(transformer, shapesOf(transformer), weights.slots(), name, gradients);
    }

    /** Values of any shapes, copied in. */
    static WeightStore of(
            Transformer transformer, List<long[]> shapes, List<float[]> values, String name, boolean gradients) {
        WeightStore store = zeros(transformer, shapes, name);
        store.load(values);
        if (gradients) {
            try (NativeSteps.Step step = NativeSteps.enter()) {
                store.arrays.forEach(a -> a.setRequiresGradient(true));
            }
        }
        return store;
    }

    /** Zeros. */
    static WeightStore zeros(Transformer transformer, List<long[]> shapes, String name) {
        try (NativeSteps.Step step = NativeSteps.enter()) {
            NDList arrays = new NDList();
            for (long[] shape : shapes) {
                NDArray a = transformer.manager().zeros(new Shape(shape));
                a.setName(name);
                arrays.add(a);
            }
            return new WeightStore(transformer, shapes, arrays);
        }
    }

    /** The shapes of a model's weights. */
    static List<long[]> shapesOf(Transformer transformer) {
        return WeightLayout.of(transformer.config()).slots().stream()
                .map(WeightLayout.Slot::shape)
                .toList();
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
        try (NativeSteps.Step step = NativeSteps.enter();
                PtNDManager scope = transformer.scope()) {
            NDList source = new NDList();
            for (int i = 0; i < shapes.size(); i++) {
                source.add(Transformer.floats(scope, values.get(i), shapes.get(i)));
            }
            try (IValue from = listOf(source);
                    IValue done = transformer.call("assign", list, from)) {
                if (done.toLong() != shapes.size()) {
                    throw new IllegalStateException("assigned " + done.toLong() + " of " + shapes.size());
                }
            }
        }
    }

    /** The values, copied out. */
    List<float[]> values() {
        try (NativeSteps.Step step = NativeSteps.enter()) {
            List<float[]> out = new ArrayList<>();
            for (NDArray a : arrays) {
                out.add(a.toFloatArray());
            }
            return out;
        }
    }

    @Override
    public void close() {
        NativeSteps.release(() -> {
            list.close();
            arrays.close();
        });
    }
}
