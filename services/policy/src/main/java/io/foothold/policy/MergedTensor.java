package io.foothold.policy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import java.io.IOException;
import java.lang.foreign.Arena;

/**
 * A matrix with its adapter's product added, W + s · B·A, computed anew in host memory each time it is asked for: of a whole model no more than one such
 * matrix is in memory. Read by the thread that owns the script.
 *
 * @param transformer the script that computes
 * @param base W [out, in]
 * @param down A [r, in], as it is when it is read
 * @param up B [out, r], likewise
 * @param scale s
 */
record MergedTensor(Transformer transformer, HostTensor base, WeightTensor down, WeightTensor up, double scale)
        implements WeightTensor {
    @Override
    public long[] shape() {
        return base.shape();
    }

    private interface Use {
        void of(HostTensor merged) throws IOException;
    }

    private void compute(Use use) throws IOException {
        try (NativeSteps.Step step = NativeSteps.enter();
                PtNDManager scope = transformer.scope();
                Arena arena = Arena.ofShared()) {
            NDArray w = filled(scope, arena, base);
            base.unload();
            try (IValue target = IValue.from((PtNDArray) w);
                    IValue a = IValue.from((PtNDArray) filled(scope, arena, down.value(arena)));
                    IValue b = IValue.from((PtNDArray) filled(scope, arena, up.value(arena)));
                    IValue s = IValue.from(scale);
                    IValue done = transformer.call("merge_one", target, a, b, s)) {
                if (done.toLong() != 1) {
                    throw new IllegalStateException("merged " + done.toLong() + " of 1");
                }
            }
            use.of(HostTensor.inPlace(w, arena));
        }
    }

    private static NDArray filled(PtNDManager scope, Arena arena, HostTensor values) {
        NDArray out = scope.create(new Shape(values.shape()));
        WeightStore.copy(values, HostTensor.inPlace(out, arena).bytes(), "of an adapter or its base");
        return out;
    }

    @Override
    public HostTensor value(Arena arena) {
        HostTensor out = HostTensor.zeros(shape(), arena);
        try {
            compute(merged -> merged.copyTo(out.bytes()));
        } catch (IOException e) {
            throw new IllegalStateException("a copy in memory failed", e);
        }
        return out;
    }

    @Override
    public void writeTo(FileContent.Sink sink) throws IOException {
        compute(merged -> merged.writeTo(sink));
    }
}
