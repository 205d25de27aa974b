package io.foothold.policy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.IValue;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Tensors in script order: weights, gradients or moments. Same thread rules as its {@link Transformer}. */
final class WeightStore implements AutoCloseable {
    private final Transformer transformer;
    private final NDList arrays;
    private final IValue list;
    /** How long the arrays may be read in place. */
    private final Arena life = Arena.ofShared();

    private @Nullable List<WeightTensor> tensors;

    WeightStore(Transformer transformer, NDList arrays) {
        this.transformer = transformer;
        this.arrays = arrays;
        this.list = listOf(arrays);
    }

    /** Weights, copied in. */
    static WeightStore of(Transformer transformer, PolicyWeights weights, String name, boolean gradients) {
        return filled(zeros(transformer, shapesOf(transformer), name), gradients, store -> store.load(weights));
    }

    /** Values of any shapes, copied in. */
    static WeightStore of(
            Transformer transformer,
            List<long[]> shapes,
            List<? extends WeightTensor> values,
            String name,
            boolean gradients) {
        return filled(zeros(transformer, shapes, name), gradients, store -> store.load(values));
    }

    private interface Filling {
        void into(WeightStore store);
    }

    private static WeightStore filled(WeightStore store, boolean gradients, Filling filling) {
        try (NativeSteps.Step step = NativeSteps.enter()) {
            filling.into(store);
            if (gradients) {
                store.arrays.forEach(a -> a.setRequiresGradient(true));
            }
            return store;
        } catch (RuntimeException | Error e) {
            store.close();
            throw e;
        }
    }

    /** Zeros. */
    static WeightStore zeros(Transformer transformer, List<long[]> shapes, String name) {
        NDList arrays = new NDList();
        try (NativeSteps.Step step = NativeSteps.enter()) {
            for (long[] shape : shapes) {
                NDArray a = transformer.zeros(Transformer.FLOAT32, shape);
                arrays.add(a);
                a.setName(name);
            }
            return new WeightStore(transformer, arrays);
        } catch (RuntimeException | Error e) {
            NativeSteps.release(arrays::close);
            throw e;
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

    private void load(PolicyWeights weights) {
        load(weights, WeightLayout.of(transformer.config()).slots());
    }

    /** Copies the weights of some slots in, part by part, in this order. */
    void load(PolicyWeights weights, List<WeightLayout.Slot> slots) {
        for (int i = 0; i < slots.size(); i++) {
            WeightLayout.Slot slot = slots.get(i);
            fill(i, numbers -> load(weights, slot, numbers));
        }
    }

    /** Copies the weights of a slot in, part by part; of mapped ones no more than one stays in memory. */
    static void load(PolicyWeights weights, WeightLayout.Slot slot, MemorySegment target) {
        long at = 0;
        for (WeightLayout.Part part : slot.parts()) {
            HostTensor from = weights.part(part.name());
            copy(from, target.asSlice(at, part.size() * Float.BYTES), part.name());
            from.unload();
            at += part.size() * Float.BYTES;
        }
    }

    /** Copies values in, in this order. */
    void load(List<? extends WeightTensor> values) {
        if (values.size() != arrays.size()) {
            throw new IllegalArgumentException(values.size() + " tensors for the place of " + arrays.size());
        }
        try (NativeSteps.Step step = NativeSteps.enter()) {
            for (int i = 0; i < values.size(); i++) {
                try (Arena arena = Arena.ofShared()) {
                    HostTensor from = values.get(i).value(arena);
                    String name = "number " + (i + 1);
                    fill(i, numbers -> copy(from, numbers, name));
                    from.unload();
                }
            }
        }
    }

    /** Writes all numbers of a tensor: in place where it lies in host memory. */
    private void fill(int i, Consumer<MemorySegment> filling) {
        if (tensors().get(i) instanceof HostTensor here) {
            filling.accept(here.bytes());
        } else {
            transformer.fill(arrays.get(i), filling);
        }
    }

    /** Copies numbers into memory of the same count. */
    static void copy(HostTensor from, MemorySegment target, String name) {
        if (from.count() * Float.BYTES != target.byteSize()) {
            throw new IllegalArgumentException(
                    "tensor '" + name + "' has " + from.count() + " numbers, not " + target.byteSize() / Float.BYTES);
        }
        try {
            from.copyTo(target);
        } catch (InternalError e) {
            // What the virtual machine says of a mapped page that is not in its file any more.
            throw new PolicyException("the file of tensor '" + name + "' was cut short while it was read", e);
        }
    }

    /** The tensors in place or to be fetched, in script order: valid until this store is closed. */
    List<WeightTensor> tensors() {
        List<WeightTensor> known = tensors;
        if (known == null) {
            known = arrays.stream().map(this::tensor).toList();
            tensors = known;
        }
        return known;
    }

    private WeightTensor tensor(NDArray array) {
        return HostTensor.liesHere(array)
                ? HostTensor.inPlace(array, life)
                : new DeviceTensor(transformer, array, 0, array.getShape().getShape());
    }

    /** A model's weights in place or to be fetched: valid until this store is closed, and what they are at the time they are read. */
    PolicyWeights weights() {
        Map<String, WeightTensor> parts = new LinkedHashMap<>();
        List<WeightLayout.Slot> slots = WeightLayout.of(transformer.config()).slots();
        for (int i = 0; i < slots.size(); i++) {
            long at = 0;
            for (WeightLayout.Part part : slots.get(i).parts()) {
                parts.put(part.name(), part(i, at, part));
                at += part.size();
            }
        }
        return new PolicyWeights(transformer.config(), parts, null);
    }

    private WeightTensor part(int slot, long begin, WeightLayout.Part part) {
        if (!(tensors().get(slot) instanceof HostTensor here)) {
            return new DeviceTensor(transformer, arrays.get(slot), begin, part.shape());
        }
        MemorySegment bytes = here.bytes().asSlice(begin * Float.BYTES, part.size() * Float.BYTES);
        return new HostTensor(part.shape(), HostTensor.Type.F32, bytes, true);
    }

    /** The values, copied out; for what is small. */
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
        if (!life.scope().isAlive()) {
            return;
        }
        life.close();
        NativeSteps.release(() -> {
            list.close();
            arrays.close();
        });
    }
}
