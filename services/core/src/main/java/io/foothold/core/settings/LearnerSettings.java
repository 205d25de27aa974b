package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;

/** What computes. */
@Section("learner")
public record LearnerSettings(
        @Setting(
                help =
                        "What computes: djl is embedded, torch is a Python worker (./foothold torch install); auto is djl where it knows the "
                                + "model's architecture.",
                fallback = Setting.AUTO,
                words = {Setting.AUTO, "djl", "torch"})
        String backend,

        Djl djl,
        Torch torch) {

    /** The embedded transformer. */
    public record Djl(
            @Setting(
                    help =
                            "Where djl learns, and our own engine samples unless --device says otherwise: cpu, or a CUDA device such as cuda:0; "
                                    + "sampling is in bfloat16 there when precision is fast, learning in float32 always.",
                    fallback = "cpu",
                    ofMachine = true)
            String device) {}

    /** The Python worker. */
    public record Torch(
            @Setting(
                    help = "Processes of the torch worker on this host, each a rank (on GPUs: one a device).",
                    fallback = "1",
                    from = 1,
                    to = 64,
                    unit = "processes",
                    ofMachine = true)
            int processes,

            @Setting(
                    help = "Where torch computes; auto is CUDA where torch sees it.",
                    fallback = Setting.AUTO,
                    words = {Setting.AUTO, "cpu", "cuda"},
                    ofMachine = true)
            String device,

            @Setting(
                    help =
                            "What torch computes in, weights and moments being float32; auto is bfloat16 on CUDA and float32 else.",
                    fallback = Setting.AUTO,
                    words = {Setting.AUTO, "float32", "bfloat16"})
            String dtype,

            @Setting(
                    help = "Whether torch computes activations again in the backward pass instead of keeping them.",
                    fallback = "true",
                    ofMachine = true)
            boolean checkpointing,

            @Setting(help = "Whether torch compiles the model's blocks.", fallback = "false", ofMachine = true)
            boolean compile,

            @Setting(
                    help = "How torch computes attention.",
                    fallback = Setting.AUTO,
                    words = {Setting.AUTO, "sdpa", "flash", "eager"},
                    ofMachine = true)
            String attention) {}
}
