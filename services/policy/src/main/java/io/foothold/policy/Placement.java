package io.foothold.policy;

/**
 * Where and in what a script computes.
 *
 * @param precision of attention
 * @param device where weights, gradients, moments and caches lie
 * @param half whether matrices, keys and values of sampling are bfloat16, for fast precision only: what is added up, norms and the head
 *     stay float32
 */
record Placement(Precision precision, ComputeDevice device, boolean half) {
    /** Checks that the settings fit each other. */
    Placement {
        if (half && precision == Precision.EXACT) {
            throw new IllegalArgumentException("exact precision has no bfloat16");
        }
    }

    /** In host memory, in float32. */
    static Placement host(Precision precision) {
        return new Placement(precision, ComputeDevice.CPU, false);
    }

    /** Whether keys lie in pages, as libtorch's embedding bag takes them: the fastest way on CPUs. */
    boolean paged() {
        return precision == Precision.FAST && device.host() && !half;
    }
}
