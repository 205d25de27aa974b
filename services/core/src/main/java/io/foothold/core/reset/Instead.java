package io.foothold.core.reset;

/** What stands in for a thought that a localizer did not name. */
public enum Instead {
    /** One of the thoughts, uniformly. */
    RANDOM,
    /** The first. */
    FIRST,
    /** The last. */
    LAST,
    /** Nothing: the seed is not continued. */
    DROP
}
