package io.foothold.policy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Arrays;

/** A tensor that is written to a file: its numbers lie somewhere, or are computed or fetched when they are asked for. */
sealed interface WeightTensor permits HostTensor, MergedTensor, DeviceTensor {
    /** Sizes of the dimensions. */
    long[] shape();

    /** How many numbers. */
    default long count() {
        return Arrays.stream(shape()).reduce(1, Math::multiplyExact);
    }

    /** The numbers: where they lie already, or in memory that goes with the arena. */
    HostTensor value(Arena arena);

    /** Hands all numbers over as float32, in C order. */
    void writeTo(FileContent.Sink sink) throws IOException;
}
