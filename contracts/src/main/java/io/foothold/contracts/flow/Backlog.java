package io.foothold.contracts.flow;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The work of a credited stream that has no end yet: what waits for credit, in order, and what is under way, by the keys that nobody
 * answered. Belongs to the stream, whose lock is held whenever it is called.
 *
 * @param <Q> request message of the stream
 * @param <R> response message of the stream
 */
final class Backlog<Q, R> {
    /** One piece of work. */
    static final class Piece<Q, R> {
        final Q work;
        final Set<String> missing;
        final Map<String, R> results = new LinkedHashMap<>();
        final Consumer<R> onEach;
        final StreamCaller caller;
        final CompletableFuture<Map<String, R>> future = new CompletableFuture<>();
        final long deadlineNanos;
        long sentNanos;
        /** Where it is under way; null while it is queued. */
        @Nullable
        Lane<Q, R> lane;

        Piece(Q work, List<String> keys, Consumer<R> onEach, StreamCaller caller, long deadlineNanos) {
            this.work = work;
            this.missing = new LinkedHashSet<>(keys);
            this.onEach = onEach;
            this.caller = caller;
            this.deadlineNanos = deadlineNanos;
        }

        private boolean late(long now, Duration answer) {
            return now - deadlineNanos > 0 || (lane != null && now - sentNanos > answer.toNanos());
        }

        /** Its lane has it no more; gives that lane, if it was under way. */
        @Nullable
        Lane<Q, R> leavesLane() {
            Lane<Q, R> from = lane;
            if (from != null) {
                lane = null;
                from.underWay--;
            }
            return from;
        }
    }

    private final Deque<Piece<Q, R>> queued = new ArrayDeque<>();
    private final Map<String, Piece<Q, R>> byKey = new HashMap<>();

    boolean isEmpty() {
        return byKey.isEmpty();
    }

    /** Keys that nobody answered. */
    int keys() {
        return byKey.size();
    }

    /** Pieces that wait for credit. */
    int queued() {
        return queued.size();
    }

    /** Whether work without an end has one of these keys. */
    boolean has(Collection<String> keys) {
        return keys.stream().anyMatch(byKey::containsKey);
    }

    void add(Piece<Q, R> piece) {
        piece.missing.forEach(key -> byKey.put(key, piece));
        queued.add(piece);
    }

    /** Takes the next piece from the queue that still misses something; null when there is none. */
    @Nullable
    Piece<Q, R> next() {
        Piece<Q, R> next = queued.poll();
        while (next != null && next.missing.isEmpty()) {
            next = queued.poll();
        }
        return next;
    }

    /** Takes an answer; gives the piece that waited for it, or null when nobody did. */
    @Nullable
    Piece<Q, R> answered(String key, R result) {
        Piece<Q, R> piece = byKey.remove(key);
        if (piece == null || !piece.missing.remove(key)) {
            return null;
        }
        piece.results.put(key, result);
        return piece;
    }

    /** Nobody waits for it any more. */
    void remove(Piece<Q, R> piece) {
        queued.remove(piece);
        piece.missing.forEach(key -> byKey.remove(key, piece));
    }

    /** All of it. */
    Set<Piece<Q, R>> all() {
        return new LinkedHashSet<>(byKey.values());
    }

    /** Who waits. */
    Set<StreamCaller> callers() {
        Set<StreamCaller> out = Collections.newSetFromMap(new IdentityHashMap<>());
        byKey.values().forEach(piece -> out.add(piece.caller));
        return out;
    }

    /** What was under way on a lane that broke, and is on none now. */
    Set<Piece<Q, R>> leave(Lane<Q, R> lane) {
        Set<Piece<Q, R>> out = new LinkedHashSet<>();
        for (Piece<Q, R> piece : byKey.values()) {
            if (piece.lane == lane) {
                piece.lane = null;
                out.add(piece);
            }
        }
        return out;
    }

    /** Goes to the head of the queue again, but for what was given up. */
    void again(Set<Piece<Q, R>> pieces) {
        for (Piece<Q, R> piece : pieces) {
            if (piece.future.isCancelled()) {
                piece.missing.forEach(key -> byKey.remove(key, piece));
            } else {
                queued.addFirst(piece);
            }
        }
    }

    /**
     * Takes out what is late.
     *
     * @param all whether everything is
     * @param answer longest time on a lane
     * @return it, and the lane that each was on
     */
    Map<Piece<Q, R>, @Nullable Lane<Q, R>> late(boolean all, long now, Duration answer) {
        Map<Piece<Q, R>, @Nullable Lane<Q, R>> out = new LinkedHashMap<>();
        for (Iterator<Piece<Q, R>> it = byKey.values().iterator(); it.hasNext(); ) {
            Piece<Q, R> piece = it.next();
            if (out.containsKey(piece)) {
                it.remove();
            } else if (all || piece.late(now, answer)) {
                it.remove();
                out.put(piece, piece.leavesLane());
            }
        }
        queued.removeAll(out.keySet());
        return out;
    }

    /** Forgets everything; gives it. */
    Set<Piece<Q, R>> clear() {
        Set<Piece<Q, R>> out = all();
        byKey.clear();
        queued.clear();
        return out;
    }
}
