package io.foothold.policy;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.IValue;

/** Keys and values of sequences under way, one pair of tensors a layer. Same thread rules as its {@link Transformer}. */
final class KeyValueCache implements AutoCloseable {
    /** Keys that one row of a page holds, at most: see {@link Transformer}. */
    private static final int PAGE_KEYS = 128;

    private final NDList keyArrays = new NDList();
    private final NDList valueArrays = new NDList();
    private final IValue keys;
    private final IValue values;

    /**
     * Zeros.
     *
     * @param rows sequences, a multiple of 8
     * @param length positions of each
     */
    KeyValueCache(Transformer transformer, Precision precision, int rows, long length) {
        ModelConfig config = transformer.config();
        boolean exact = precision == Precision.EXACT;
        DataType type = exact ? DataType.FLOAT64 : DataType.FLOAT32;
        long heads = (long) rows * config.kvHeads();
        Shape shape = new Shape(heads, length, config.headDim());
        try (NativeSteps.Step step = NativeSteps.enter()) {
            for (int i = 0; i < config.layers(); i++) {
                keyArrays.add(
                        transformer.manager().zeros(exact ? shape : paged(heads, length, config.headDim()), type));
                valueArrays.add(transformer.manager().zeros(shape, type));
            }
            this.keys = WeightStore.listOf(keyArrays);
            this.values = WeightStore.listOf(valueArrays);
        } catch (RuntimeException | Error e) {
            NativeSteps.release(() -> {
                keyArrays.close();
                valueArrays.close();
            });
            throw e;
        }
    }

    /** Shape of keys in pages of equal size, a multiple of 8: [heads, pages, head dimension, keys of a page]. */
    private static Shape paged(long heads, long length, int headDim) {
        long pages = (length + PAGE_KEYS - 1) / PAGE_KEYS;
        long keysOfPage = (length + pages - 1) / pages;
        return new Shape(heads, pages, headDim, (keysOfPage + 7) / 8 * 8);
    }

    /** Keys as an argument; owned by this cache, not to be closed. */
    IValue keys() {
        return keys;
    }

    /** Values as an argument; owned by this cache, not to be closed. */
    IValue values() {
        return values;
    }

    @Override
    public void close() {
        NativeSteps.release(() -> {
            keys.close();
            values.close();
            keyArrays.close();
            valueArrays.close();
        });
    }
}
