package io.foothold.policy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.engine.PtNDArray;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * A tensor whose numbers lie outside of the heap, in C order and little-endian: in a mapped file, in memory of our own, or in a tensor of
 * libtorch's. They are read as float32, a piece at a time. As many threads as like may read; an exception meets whoever reads after
 * the memory was given back.
 *
 * @param shape sizes of the dimensions
 * @param type how the numbers lie there
 * @param bytes where they lie
 * @param libtorch whether that memory is libtorch's and is only touched within {@link NativeSteps}
 */
record HostTensor(long[] shape, Type type, MemorySegment bytes, boolean libtorch) implements WeightTensor {
    /** Numbers that are converted at a time. */
    private static final int PIECE = FileContent.PIECE / Float.BYTES;

    /** The first bits that are no number of float32's range: those of infinity. */
    private static final int INFINITY = 0x7F800000;

    /** How a number lies in memory. */
    enum Type {
        /** IEEE single precision. */
        F32(Float.BYTES),
        /** The upper half of {@link #F32}. */
        BF16(Short.BYTES),
        /** IEEE half precision. */
        F16(Short.BYTES);

        private final int width;

        Type(int width) {
            this.width = width;
        }

        /** Bytes of a number. */
        int width() {
            return width;
        }
    }

    /** Copies of some numbers. */
    static HostTensor of(long[] shape, float... values) {
        MemorySegment own = Arena.ofAuto().allocate(Math.max(1, (long) values.length * Float.BYTES), Float.BYTES);
        MemorySegment.copy(values, 0, own, ValueLayout.JAVA_FLOAT, 0, values.length);
        return new HostTensor(shape, Type.F32, own.asSlice(0, (long) values.length * Float.BYTES), false);
    }

    /** Zeros that go with the arena. */
    static HostTensor zeros(long[] shape, Arena arena) {
        long size = Arrays.stream(shape).reduce(1, Math::multiplyExact) * Float.BYTES;
        return new HostTensor(
                shape, Type.F32, arena.allocate(Math.max(1, size), Float.BYTES).asSlice(0, size), false);
    }

    /**
     * A contiguous float32 array in host memory, in place: what is written there is the array's. The array must outlive the arena, behind
     * whose end nobody can touch it this way.
     *
     * @throws IllegalStateException for any other array: DJL would give a copy, and what is written there would be lost
     */
    static HostTensor inPlace(NDArray array, Arena arena) {
        if (!liesHere(array)) {
            throw new IllegalStateException("an array " + array.getShape() + " that is not float32 in host memory");
        }
        try (NativeSteps.Step step = NativeSteps.enter();
                // A buffer of Java's spans 2 GiB at most: of the first row, then, and only for where it begins.
                NDArray first = array.isScalar() ? array.reshape(1) : array.get(new NDIndex("0:1"))) {
            MemorySegment begin = MemorySegment.ofBuffer(((PtNDArray) first).toByteBuffer(true));
            if (!begin.isNative()) {
                throw new IllegalStateException("an array " + array.getShape() + " that is not in host memory");
            }
            MemorySegment all =
                    MemorySegment.ofAddress(begin.address()).reinterpret(array.size() * Float.BYTES, arena, null);
            return new HostTensor(array.getShape().getShape(), Type.F32, all, true);
        }
    }

    /** Whether an array is float32 in host memory. */
    static boolean liesHere(NDArray array) {
        try (NativeSteps.Step step = NativeSteps.enter()) {
            return array.getDevice().equals(Device.cpu()) && array.getDataType() == DataType.FLOAT32;
        } catch (IllegalArgumentException e) {
            // A kind of device that DJL has no name for.
            return false;
        }
    }

    @Override
    public HostTensor value(Arena arena) {
        return this;
    }

    @Override
    public long count() {
        return bytes.byteSize() / type.width();
    }

    /** Where in the tensor an entry stands: [row, column]. */
    String place(long at) {
        long[] index = new long[shape.length];
        long left = at;
        for (int i = shape.length - 1; i >= 0; left /= shape[i--]) {
            index[i] = left % shape[i];
        }
        return Arrays.toString(index);
    }

    /** The numbers from one on, as many as fit into the array or are left; gives how many. */
    int read(long from, float[] into) {
        int n = (int) Math.min(into.length, count() - from);
        if (type == Type.F32) {
            MemorySegment.copy(bytes, ValueLayout.JAVA_FLOAT_UNALIGNED, from * Float.BYTES, into, 0, n);
            return n;
        }
        short[] halves = new short[n];
        MemorySegment.copy(bytes, ValueLayout.JAVA_SHORT_UNALIGNED, from * Short.BYTES, halves, 0, n);
        boolean upperHalf = type == Type.BF16;
        for (int i = 0; i < n; i++) {
            into[i] = upperHalf ? Float.intBitsToFloat(halves[i] << 16) : Float.float16ToFloat(halves[i]);
        }
        return n;
    }

    /** Copies all numbers into float32 memory of the same count. */
    void copyTo(MemorySegment target) {
        if (type == Type.F32) {
            MemorySegment.copy(bytes, 0, target, 0, bytes.byteSize());
            return;
        }
        float[] piece = new float[(int) Math.min(PIECE, count())];
        for (long at = 0; at < count(); at += piece.length) {
            int n = read(at, piece);
            MemorySegment.copy(piece, 0, target, ValueLayout.JAVA_FLOAT_UNALIGNED, at * Float.BYTES, n);
        }
    }

    /**
     * Lets go of the pages of a mapped file that have been read: they stay in the machine's cache of files, but not in this process.
     * Anyone may go on reading.
     */
    void unload() {
        if (bytes.isMapped()) {
            bytes.unload();
        }
    }

    /** Hands all numbers over as float32. */
    @Override
    public void writeTo(FileContent.Sink sink) throws IOException {
        if (!libtorch) {
            writePieces(sink);
            unload();
            return;
        }
        try (NativeSteps.Step step = NativeSteps.enter()) {
            writePieces(sink);
        }
    }

    private void writePieces(FileContent.Sink sink) throws IOException {
        byte[] piece = new byte[(int) Math.min(PIECE * (long) Float.BYTES, count() * Float.BYTES)];
        MemorySegment out = MemorySegment.ofArray(piece);
        float[] numbers = new float[type == Type.F32 ? 0 : piece.length / Float.BYTES];
        for (long at = 0; at < count(); at += piece.length / Float.BYTES) {
            int n = (int) Math.min(piece.length / Float.BYTES, count() - at);
            if (type == Type.F32) {
                MemorySegment.copy(bytes, at * Float.BYTES, out, 0, (long) n * Float.BYTES);
            } else {
                read(at, numbers);
                MemorySegment.copy(numbers, 0, out, ValueLayout.JAVA_FLOAT_UNALIGNED, 0, n);
            }
            sink.write(piece, 0, n * Float.BYTES);
        }
    }

    /** The numbers; for what is small. */
    float[] toArray() {
        float[] out = new float[Math.toIntExact(count())];
        read(0, out);
        return out;
    }

    /** Refuses NaN and infinities. One pass of whole numbers, so that the compiler can take many at a time. */
    void requireNumbers(String name, String where) {
        float[] piece = new float[(int) Math.min(PIECE, count())];
        for (long at = 0; at < count(); at += piece.length) {
            int n = read(at, piece);
            int most = 0;
            for (int i = 0; i < n; i++) {
                most = Math.max(most, Float.floatToRawIntBits(piece[i]) & Integer.MAX_VALUE);
            }
            for (int i = 0; most >= INFINITY && i < n; i++) {
                if (!Float.isFinite(piece[i])) {
                    throw new PolicyException(where + ": tensor '" + name + "' has " + piece[i] + " at " + place(at + i)
                            + " (expected numbers)");
                }
            }
        }
    }

    /** The first entry that differs, bit by bit, from another tensor of the same shape; −1 for none. */
    long mismatch(HostTensor other) {
        float[] mine = new float[(int) Math.min(PIECE, count())];
        float[] theirs = new float[mine.length];
        for (long at = 0; at < count(); at += mine.length) {
            int n = read(at, mine);
            other.read(at, theirs);
            int different = Arrays.mismatch(mine, 0, n, theirs, 0, n);
            if (different >= 0) {
                return at + different;
            }
        }
        return -1;
    }

    /** One entry. */
    float get(long at) {
        float[] one = new float[1];
        read(at, one);
        return one[0];
    }
}
