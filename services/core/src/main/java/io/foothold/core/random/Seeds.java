package io.foothold.core.random;

import java.util.SplittableRandom;

/**
 * A tree of seeds: a run's seed, split by purpose and then by ids. Equal paths give equal seeds on every machine; paths that
 * differ in one step give unrelated ones. Mixing is SplitMix64's finalizer (Steele, Lea, Flood 2014).
 *
 * @param value the 64 bits
 */
public record Seeds(long value) {
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    /** The root of a run. */
    public static Seeds of(long runSeed) {
        return new Seeds(mix(runSeed + GOLDEN_GAMMA));
    }

    /** The branch of that number. */
    public Seeds split(long id) {
        return new Seeds(mix(value ^ mix(id + GOLDEN_GAMMA)));
    }

    /** The branch of that name. */
    public Seeds split(String name) {
        long h = 0xCBF29CE484222325L;
        for (int i = 0; i < name.length(); i++) {
            h = (h ^ name.charAt(i)) * 0x100000001B3L;
        }
        return split(h);
    }

    /** A generator that begins at this seed. */
    public SplittableRandom generator() {
        return new SplittableRandom(value);
    }

    /** The seed as a number in [0, 2^63), the range that inference servers take. */
    public long nonNegative() {
        return value >>> 1;
    }

    /**
     * The uniform number in [0, 1) at a position of the stream of {@code seed}: the sampling noise of a rollout, indexed by
     * absolute response position, so that it depends neither on batch neighbours nor on how the rollout was cut. 24 bits,
     * exact in float32.
     */
    public static float uniform(long seed, int position) {
        return (mix(seed + (position + 1L) * GOLDEN_GAMMA) >>> 40) * 0x1.0p-24f;
    }

    private static long mix(long z) {
        long a = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        long b = (a ^ (a >>> 27)) * 0x94D049BB133111EBL;
        return b ^ (b >>> 31);
    }
}
