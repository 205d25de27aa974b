package io.foothold.policy;

import java.io.IOException;

/** A tensor that is written to a file: its numbers lie somewhere, or are computed when they are asked for. */
sealed interface WeightTensor permits HostTensor, MergedTensor {
    /** Sizes of the dimensions. */
    long[] shape();

    /** How many numbers. */
    long count();

    /** Hands all numbers over as float32, in C order. */
    void writeTo(FileContent.Sink sink) throws IOException;
}
