package io.foothold.contracts.metric;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;

/** Work that was taken and is not done: how much it is, and how old the oldest of it. Thread-safe. */
public final class OpenWork {
    /** A piece of work; the same from its begin to its end. */
    public static final class Piece {
        private final long since;

        private Piece(long since) {
            this.since = since;
        }
    }

    private final Set<Piece> open = ConcurrentHashMap.newKeySet();
    private final LongSupplier nanoTime;

    /** None yet, on the clock of the machine. */
    public OpenWork() {
        this(System::nanoTime);
    }

    OpenWork(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /** A piece of work was taken. */
    public Piece begin() {
        Piece piece = new Piece(nanoTime.getAsLong());
        open.add(piece);
        return piece;
    }

    /** It is done or was given up; nothing happens when that was told before. */
    public void end(Piece piece) {
        open.remove(piece);
    }

    /** How many pieces are open. */
    public int count() {
        return open.size();
    }

    /** How long the oldest of them has been open; zero without any. */
    public Duration oldest() {
        long now = nanoTime.getAsLong();
        return Duration.ofNanos(
                open.stream().mapToLong(piece -> now - piece.since).max().orElse(0));
    }
}
