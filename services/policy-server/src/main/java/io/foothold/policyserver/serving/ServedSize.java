package io.foothold.policyserver.serving;

import com.sun.management.OperatingSystemMXBean;
import io.foothold.policy.GenerationEngine;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.Precision;
import java.lang.management.ManagementFactory;
import java.util.OptionalInt;

/**
 * How large an engine is that serves whoever asks.
 *
 * @param maxLength longest sequence, prompt and response together, in tokens
 * @param slots sequences sampled at the same time
 */
record ServedSize(int maxLength, int slots) {
    /** Rows of a decode step come in eights. */
    private static final int ROWS = 8;

    /** Beyond this a step takes longer and longer, and requests wait for a slot instead of for each other. */
    private static final int SLOTS_OF_A_CORE = 64;

    private static final int MOST_SLOTS = 256;
    private static final long LEAST_CACHE = 256L << 20;
    private static final long LARGEST_CACHE = 8L << 30;
    /** Keys and values beside two sets of weights and what else the machine does. */
    private static final int SHARE_OF_CACHE = 16;

    /**
     * The length that the model is made for, as far as eight sequences of it fit, then as many sequences as fit and cores can use.
     *
     * @param maxLength as the user chose
     * @param slots as the user chose
     * @param cacheBytes what keys and values may take
     * @param cores of the machine
     */
    static ServedSize of(
            ModelConfig config,
            Precision precision,
            OptionalInt maxLength,
            OptionalInt slots,
            long cacheBytes,
            int cores) {
        long token = GenerationEngine.cacheBytesPerToken(config, precision);
        int length = maxLength.orElseGet(() -> (int) Math.clamp(
                cacheBytes / (token * Math.max(1, slots.orElse(ROWS))),
                Math.min(2, config.maxPositions()),
                config.maxPositions()));
        int most = Math.min(MOST_SLOTS, SLOTS_OF_A_CORE * cores);
        return new ServedSize(length, slots.orElseGet(() ->
                (int) Math.clamp(cacheBytes / (token * Math.max(1, length)) / ROWS * ROWS, ROWS, most)));
    }

    /** A sixteenth of the memory, from 256 MiB to 8 GiB. */
    static long cacheBytes(long machineBytes) {
        return Math.clamp(machineBytes / SHARE_OF_CACHE, LEAST_CACHE, LARGEST_CACHE);
    }

    /** The memory of the machine, or of the container. */
    static long machineBytes() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
    }
}
