package io.foothold.policy;

/**
 * How attention is computed. Everything else is float32 whose rows keep their bits in batches of any size; attention is where
 * one cached row at a time (sampling) and whole sequences at once (training) add up in different orders.
 */
public enum Precision {
    /**
     * Products of attention in double precision, rounded to float32 once. On libtorch's CPU kernels sampler and learner then
     * agree to the last bit for the shape of the shipped policy (tested); very small matrices take other kernels, whose rows
     * depend on the batch, and agree within rounding. For sequences of up to 512 tokens; longer ones use the fused kernel.
     */
    EXACT,
    /** All in float32: faster, and sampler and learner differ by rounding. */
    FAST
}
