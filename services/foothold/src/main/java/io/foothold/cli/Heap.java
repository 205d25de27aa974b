package io.foothold.cli;

import io.foothold.policy.ModelConfig;

/** How far the heap of a child process may grow. A bound: what is not needed is not taken. */
final class Heap {
    private static final long MIB = 1L << 20;
    /** What a service needs beside weights: rollouts under way, messages, the container. */
    private static final long BESIDE_WEIGHTS = 1024;
    /** Copies of the float32 weights that pass through the heap when they are loaded, written and published. */
    private static final long COPIES = 6;

    private Heap() {}

    /** The option for a service whose model is known. */
    static String ofModel(ModelConfig config) {
        return "-Xmx" + (BESIDE_WEIGHTS + COPIES * Float.BYTES * config.parameters() / MIB) + "m";
    }

    /** The option for a service that may be given any model later: half of the memory that the machine or the container has. */
    static String ofMachine() {
        return "-XX:MaxRAMPercentage=50";
    }
}
