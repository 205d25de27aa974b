package io.foothold.learner.torch;

import io.grpc.ManagedChannel;
import java.util.Optional;

/** The processes of a worker. Thread-safe. */
interface Ranks extends AutoCloseable {
    /** A channel to rank 0, closed with the ranks. */
    ManagedChannel channel();

    /** What ended a rank, with its own last words; empty while all of them live. */
    Optional<String> death();

    /** The same, after waiting a moment for a rank whose peers have noticed before us. */
    Optional<String> deathSoon();

    /** Ends all ranks, at once where they do not end by themselves. */
    @Override
    void close();
}
