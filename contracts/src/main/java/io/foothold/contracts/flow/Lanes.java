package io.foothold.contracts.flow;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.subscription.Cancellable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The replicas of a credited stream's service: which there are, which of them takes work, and the calls that are being opened and
 * ended. Belongs to the stream, whose lock is held whenever it is called.
 *
 * @param <Q> request message of the stream
 * @param <R> response message of the stream
 */
final class Lanes<Q, R> {
    private final CreditedStream<Q, R> stream;
    private final ReentrantLock lock;
    private final StreamTimer timer;
    private final Map<String, Lane<Q, R>> byReplica = new LinkedHashMap<>();
    /** Calls that the timer is to cancel. */
    private final Set<Cancellable> ending = Collections.newSetFromMap(new IdentityHashMap<>());

    Lanes(CreditedStream<Q, R> stream, ReentrantLock lock, StreamTimer timer) {
        this.stream = stream;
        this.lock = lock;
        this.timer = timer;
    }

    /** Takes these replicas, in place of those before; what leaves may answer what it has. Says whether a lane was ended. */
    boolean are(Map<String, Function<Multi<Q>, Multi<R>>> calls) {
        boolean ended = false;
        for (Lane<Q, R> lane : all()) {
            if (!calls.containsKey(lane.replica)) {
                lane.leaving = true;
                ended |= endWhenIdle(lane);
            }
        }
        calls.forEach((replica, call) -> {
            Lane<Q, R> lane = byReplica.computeIfAbsent(replica, r -> new Lane<>(r, call, stream));
            lane.call = call;
            lane.leaving = false;
        });
        return ended;
    }

    List<Lane<Q, R>> all() {
        return List.copyOf(byReplica.values());
    }

    /** Whether of no replica anything came since it was opened. */
    boolean noneHere() {
        return byReplica.values().stream().noneMatch(lane -> lane.here);
    }

    /** Those that have been open for longer than this and gave no first credit: a connection may lose what is said on it. */
    List<Lane<Q, R>> silent(Duration longest) {
        return byReplica.values().stream()
                .filter(lane -> lane.silent(timer.nanoTime(), longest))
                .toList();
    }

    /** The one that takes work and has the least under way; null when none takes any. */
    @Nullable
    Lane<Q, R> freest() {
        Lane<Q, R> free = null;
        for (Lane<Q, R> lane : byReplica.values()) {
            if (lane.takesWork() && (free == null || lane.underWay < free.underWay)) {
                free = lane;
            }
        }
        return free;
    }

    /** Has every replica called that is not. */
    void open() {
        byReplica.values().forEach(lane -> {
            if (lane.mayConnect()) {
                timer.after(Duration.ofMillis(lane.backoffMillis()), () -> open(lane));
            }
        });
    }

    /** Without the lock. */
    private void open(Lane<Q, R> lane) {
        long opening = stream.opens(lane);
        if (opening == 0) {
            return;
        }
        try {
            Cancellable started = lane.connect(opening);
            boolean late;
            lock.lock();
            try {
                late = !lane.is(opening);
                if (!late) {
                    lane.connected(started);
                }
            } finally {
                lock.unlock();
            }
            if (late) {
                started.cancel();
            }
        } catch (Throwable t) {
            stream.broken(lane, opening, t);
        }
    }

    /** Ends a lane that leaves and has nothing under way; says whether it did. */
    boolean endWhenIdle(Lane<Q, R> lane) {
        if (!lane.leaving || lane.underWay > 0) {
            return false;
        }
        byReplica.remove(lane.replica);
        lane.gone = true;
        cancelLater(lane.closed());
        return true;
    }

    /** On the timer's thread and without the lock: a transport may answer a cancellation at once. */
    void cancelLater(@Nullable Cancellable call) {
        if (call != null) {
            ending.add(call);
            timer.after(Duration.ZERO, () -> {
                lock.lock();
                try {
                    ending.remove(call);
                } finally {
                    lock.unlock();
                }
                call.cancel();
            });
        }
    }

    /** Closes them all; gives the calls that are to be cancelled, those with them that the timer did not come to. */
    List<Cancellable> close() {
        List<Cancellable> out = new ArrayList<>(ending);
        ending.clear();
        for (Lane<Q, R> lane : byReplica.values()) {
            Cancellable running = lane.closed();
            if (running != null) {
                out.add(running);
            }
        }
        return out;
    }
}
