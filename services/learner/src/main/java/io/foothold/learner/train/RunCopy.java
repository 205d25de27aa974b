package io.foothold.learner.train;

import java.nio.file.Path;
import java.util.Optional;

/**
 * A second place of a run's policies and checkpoints, which outlives the learner's directory. Called by the run's thread; {@link #restore}
 * waits for the place, nothing else does.
 */
public interface RunCopy extends AutoCloseable {
    /** There is none: the directory is what there is. */
    RunCopy NONE = new RunCopy() {};

    /** Brings back what the directory lacks, before it is looked at. */
    default void restore() {}

    /** Says that a checkpoint was written, by its directory's name; it is copied beside the training. */
    default void written(String checkpoint) {}

    /**
     * The last update that a checkpoint holds which cannot be lost with the directory.
     *
     * @param own that of the directory
     */
    default long checkpointed(long own) {
        return own;
    }

    /**
     * The oldest update that the run can go on from.
     *
     * @param own that of the directory
     */
    default long oldestKept(long own) {
        return own;
    }

    /**
     * The address of a file of the run, or of a directory, for those who fetch it; empty when it is where it is written.
     *
     * @param path in the run's directory
     */
    default Optional<String> uri(Path path) {
        return Optional.empty();
    }

    @Override
    default void close() {}
}
