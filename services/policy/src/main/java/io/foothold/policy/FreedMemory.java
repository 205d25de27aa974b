package io.foothold.policy;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * Memory that libtorch gave back and the C library kept: it lies in pieces between what is in use, where the next model's tensors do not fit,
 * so that a process that changes its weights would grow. Thread-safe.
 */
final class FreedMemory {
    /** glibc's {@code malloc_trim}; null where the C library is another one. */
    private static final @Nullable MethodHandle TRIM = Linker.nativeLinker()
            .defaultLookup()
            .find("malloc_trim")
            .map(address -> Linker.nativeLinker()
                    .downcallHandle(address, FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG)))
            .orElse(null);

    private FreedMemory() {}

    /** Gives the pages to the system: some milliseconds, worth it where a model is large. */
    static void toSystem(ModelConfig config) {
        MethodHandle trim = TRIM;
        if (trim == null || Precision.standard(config) == Precision.EXACT) {
            return;
        }
        try {
            int unused = (int) trim.invokeExact(0L);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("malloc_trim", e);
        }
    }
}
