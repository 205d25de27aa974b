package io.foothold.policy;

import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import java.util.List;

/** Keys and values of sequences under way, one pair of tensors a layer. Same thread rules as its {@link Transformer}. */
final class KeyValueCache implements AutoCloseable {
    /** Keys that one row of a page holds, at most: see {@link Transformer}. */
    private static final int PAGE_KEYS = 128;

    private final Transformer transformer;
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
    KeyValueCache(Transformer transformer, int rows, long length) {
        this.transformer = transformer;
        ModelConfig config = transformer.config();
        Placement placement = transformer.placement();
        int type = placement.precision() == Precision.EXACT
                ? Transformer.FLOAT64
                : placement.half() ? Transformer.BFLOAT16 : Transformer.FLOAT32;
        long heads = (long) rows * config.kvHeads();
        long[] shape = {heads, length, config.headDim()};
        long[] keyShape = placement.paged() ? paged(heads, length, config.headDim()) : shape;
        try (NativeSteps.Step step = NativeSteps.enter()) {
            for (int i = 0; i < config.layers(); i++) {
                keyArrays.add(transformer.zeros(type, keyShape));
                valueArrays.add(transformer.zeros(type, shape));
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
    private static long[] paged(long heads, long length, int headDim) {
        long pages = (length + PAGE_KEYS - 1) / PAGE_KEYS;
        long keysOfPage = (length + pages - 1) / pages;
        return new long[] {heads, pages, headDim, (keysOfPage + 7) / 8 * 8};
    }

    /** Keys as an argument; owned by this cache, not to be closed. */
    IValue keys() {
        return keys;
    }

    /** Values as an argument; owned by this cache, not to be closed. */
    IValue values() {
        return values;
    }

    /** Moves the first keys and values of some rows to other rows; the goals are no origins. */
    void move(List<Long> origin, List<Long> target, int longest) {
        if (origin.isEmpty()) {
            return;
        }
        int kv = transformer.config().kvHeads();
        long[] from = new long[origin.size() * kv];
        long[] to = new long[origin.size() * kv];
        for (int i = 0; i < origin.size(); i++) {
            for (int h = 0; h < kv; h++) {
                from[i * kv + h] = origin.get(i) * kv + h;
                to[i * kv + h] = target.get(i) * kv + h;
            }
        }
        try (PtNDManager scope = transformer.scope();
                IValue fromValue = IValue.from(Transformer.longs(scope, from, from.length));
                IValue toValue = IValue.from(Transformer.longs(scope, to, to.length));
                IValue lengthValue = IValue.from((long) longest);
                IValue done = transformer.call("move", keys(), values(), fromValue, toValue, lengthValue)) {
            if (done.toLong() != transformer.config().layers()) {
                throw new IllegalStateException(
                        "moved " + done.toLong() + " of " + transformer.config().layers() + " layers");
            }
        }
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
