package io.foothold.policy;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import java.io.IOException;
import java.lang.foreign.Arena;

/**
 * Numbers of a tensor that does not lie in host memory as float32: they are copied there each time they are read, and nothing can be
 * written this way. Read by the thread that owns the script.
 *
 * @param transformer the script whose tensor it is
 * @param array the tensor
 * @param begin the first number, counted in the order of rows
 * @param shape of what begins there
 */
record DeviceTensor(Transformer transformer, NDArray array, long begin, long[] shape) implements WeightTensor {
    private interface Use {
        void of(HostTensor there) throws IOException;
    }

    private void fetch(Use use) throws IOException {
        try (NativeSteps.Step step = NativeSteps.enter();
                PtNDManager scope = transformer.scope();
                Arena arena = Arena.ofShared();
                IValue from = IValue.from((PtNDArray) array);
                IValue first = IValue.from(begin);
                IValue numbers = IValue.from(count());
                IValue out = transformer.call("fetched", from, first, numbers)) {
            use.of(HostTensor.inPlace(out.toTensor(scope), arena));
        }
    }

    @Override
    public HostTensor value(Arena arena) {
        HostTensor out = HostTensor.zeros(shape, arena);
        try {
            fetch(there -> there.copyTo(out.bytes()));
        } catch (IOException e) {
            throw new IllegalStateException("a copy in memory failed", e);
        }
        return out;
    }

    @Override
    public void writeTo(FileContent.Sink sink) throws IOException {
        fetch(there -> there.writeTo(sink));
    }
}
