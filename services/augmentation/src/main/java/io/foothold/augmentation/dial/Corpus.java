package io.foothold.augmentation.dial;

/** An endless seeded stream of exercises that a base policy is bootstrapped on. */
public interface Corpus {
    /** The next exercise, of at most {@code longest} moves. */
    Exercise next(int longest);
}
