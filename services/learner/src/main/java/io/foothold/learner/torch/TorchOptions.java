package io.foothold.learner.torch;

/**
 * How the torch worker computes.
 *
 * @param processes ranks, at least 1
 * @param device auto, cpu or cuda; auto takes CUDA where torch sees it
 * @param dtype auto, float32 or bfloat16: what forward and backward passes compute in; auto is bfloat16 on CUDA and float32 else
 * @param checkpointing whether activations of a block are computed again in the backward pass instead of kept
 * @param compile whether blocks are compiled
 * @param attention auto, sdpa, flash or eager
 */
public record TorchOptions(
        int processes, String device, String dtype, boolean checkpointing, boolean compile, String attention) {
    private static final String AUTO = "auto";

    /** Checks ranges; an empty word is auto. */
    public TorchOptions {
        if (processes < 1) {
            throw new IllegalArgumentException("learner.torch.processes must be at least 1: " + processes);
        }
        device = device.isEmpty() ? AUTO : device;
        dtype = dtype.isEmpty() ? AUTO : dtype;
        attention = attention.isEmpty() ? AUTO : attention;
    }

    /** The dtype on a device such as cpu or cuda:0. */
    String dtypeOn(String given) {
        return dtype.equals(AUTO) ? (given.startsWith("cuda") ? "bfloat16" : "float32") : dtype;
    }
}
