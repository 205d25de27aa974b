package io.foothold.contracts.flow;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.v1.Credit;
import io.grpc.Channel;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.subscription.Cancellable;
import io.smallrye.mutiny.subscription.MultiEmitter;
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
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The calling side of a credited stream: one call to each replica of a service, which stays open and is opened again with back-off after
 * a failure. Work goes to the replica that takes it and has the least under way. Work that was not answered is sent again under the
 * same keys, to whichever replica is there; results whose key nobody waits for are duplicates and are dropped.
 *
 * <p>Thread rules: {@link #submit} may be called by any thread and blocks while {@code maxQueued} pieces of work wait for
 * credit, or other work under way has one of its keys. Result consumers run on a transport thread and must not block.
 *
 * @param <Q> request message of the stream
 * @param <R> response message of the stream
 */
public final class CreditedStream<Q, R> implements AutoCloseable {

    /** How the messages of one contract look. */
    public interface Shape<Q, R> {
        /** A request that grants credit. */
        Q credit(int items);

        /** The credit in a response, or 0 when the response is a result. */
        int creditOf(R response);

        /** The key that a result answers. */
        String keyOf(R result);

        /** The work with only the given keys left to answer. */
        Q narrowed(Q work, Set<String> missing);

        /** A shape whose work has one key. */
        static <Q, R> Shape<Q, R> of(
                Function<Credit, Q> credit, Function<R, Credit> creditOf, Function<R, String> keyOf) {
            return of(credit, creditOf, keyOf, (work, missing) -> work);
        }

        /** A shape whose work may be cut down to the keys that are missing. */
        static <Q, R> Shape<Q, R> of(
                Function<Credit, Q> credit,
                Function<R, Credit> creditOf,
                Function<R, String> keyOf,
                BiFunction<Q, Set<String>, Q> narrowed) {
            return new Shape<>() {
                @Override
                public Q credit(int items) {
                    return credit.apply(Credit.newBuilder().setItems(items).build());
                }

                @Override
                public int creditOf(R response) {
                    return creditOf.apply(response).getItems();
                }

                @Override
                public String keyOf(R result) {
                    return keyOf.apply(result);
                }

                @Override
                public Q narrowed(Q work, Set<String> missing) {
                    return narrowed.apply(work, missing);
                }
            };
        }
    }

    /** Who has work in a stream. Its methods are called by any thread and must not block for long. */
    @FunctionalInterface
    public interface Caller {
        /** Waits as long as it takes. */
        Caller PATIENT = () -> {};

        /** Asked from time to time while {@link #submit} blocks; what it throws ends the wait, and nothing is sent. */
        void check();

        /**
         * The service went away, and work of this caller waits for it. Told once, until it is found.
         *
         * @param service the stream's name
         */
        default void lost(String service, String reason) {}

        /** The service is there again, and work of this caller still waits for it. */
        default void found(String service, Duration after) {}
    }

    /**
     * Limits of a stream.
     *
     * @param window results that may be on their way to us
     * @param maxQueued pieces of work that may wait for credit before {@link #submit} blocks
     * @param deadline time a piece of work may take from when it is queued, reconnections included
     * @param firstBackoff pause before the second attempt to open the stream; doubles up to {@code maxBackoff}
     * @param maxBackoff longest pause
     * @param patience how long a service may be away before all work fails: it cannot be reached, or a stream was opened and not
     *     even its first credit came
     * @param answer time from sending a piece of work to its last result, on one connection
     */
    public record Limits(
            int window,
            int maxQueued,
            Duration deadline,
            Duration firstBackoff,
            Duration maxBackoff,
            Duration patience,
            Duration answer) {
        /** Limits of which the deadline is the only one of a piece of work. */
        public Limits(int window, int maxQueued, Duration deadline, Duration firstBackoff, Duration maxBackoff) {
            this(window, maxQueued, deadline, firstBackoff, maxBackoff, deadline, deadline);
        }

        /** Limits fit for services on one machine. */
        public static Limits standard() {
            return new Limits(256, 64, Duration.ofMinutes(10), Duration.ofMillis(50), Duration.ofSeconds(5))
                    .withPatience(Duration.ofMinutes(5));
        }

        /** The same with another deadline, and as long for an answer unless that has a time of its own. */
        public Limits withDeadline(Duration value) {
            Duration whole = answer.equals(deadline) ? value : answer;
            return new Limits(window, maxQueued, value, firstBackoff, maxBackoff, patience, whole);
        }

        /** The same with another patience. */
        public Limits withPatience(Duration value) {
            return new Limits(window, maxQueued, deadline, firstBackoff, maxBackoff, value, answer);
        }

        /** The same with another time for an answer. */
        public Limits withAnswer(Duration value) {
            return new Limits(window, maxQueued, deadline, firstBackoff, maxBackoff, patience, value);
        }
    }

    private static final Logger LOG = Logger.getLogger(CreditedStream.class);
    /** How often whoever is blocked asks whether it should go on waiting. */
    private static final Duration CHECK = Duration.ofMillis(100);

    private final class Pending {
        private final Q work;
        private final Set<String> missing;
        private final Map<String, R> results = new LinkedHashMap<>();
        private final Consumer<R> onEach;
        private final Caller caller;
        private final CompletableFuture<Map<String, R>> future = new CompletableFuture<>();
        private final long deadlineNanos;
        private long sentNanos;
        /** Where it is under way; null while it is queued. */
        private @Nullable Lane<Q, R> lane;

        Pending(Q work, List<String> keys, Consumer<R> onEach, Caller caller) {
            this.work = work;
            this.missing = new LinkedHashSet<>(keys);
            this.onEach = onEach;
            this.caller = caller;
            this.deadlineNanos = timer.nanoTime() + limits.deadline().toNanos();
        }

        boolean late(long now) {
            return now - deadlineNanos > 0
                    || (lane != null && now - sentNanos > limits.answer().toNanos());
        }
    }

    private final String name;
    private final Shape<Q, R> shape;
    private final Limits limits;
    private final StreamTimer timer;
    private final Lane.Owner<Q, R> events = new Lane.Owner<>() {
        @Override
        public void opened(Lane<Q, R> lane, long opening, MultiEmitter<? super Q> emitter) {
            CreditedStream.this.opened(lane, opening, emitter);
        }

        @Override
        public void received(Lane<Q, R> lane, long opening, R response) {
            CreditedStream.this.received(lane, opening, response);
        }

        @Override
        public void broken(Lane<Q, R> lane, long opening, @Nullable Throwable failure) {
            CreditedStream.this.broken(
                    lane,
                    opening,
                    failure != null
                            ? failure
                            : new FootholdException(
                                    ErrorCode.PEER_UNAVAILABLE, "stream " + name + " was ended by the service"));
        }
    };
    private final ReentrantLock lock = new ReentrantLock();
    /** Space was freed, or a key. */
    private final Condition freed = lock.newCondition();

    private final Map<String, Lane<Q, R>> lanes = new LinkedHashMap<>();
    private final Deque<Pending> queued = new ArrayDeque<>();
    private final Map<String, Pending> byKey = new HashMap<>();
    private final Absence absence;
    private boolean closed;
    /** How many threads wait for a key that other work has. */
    private int waitingForKeys;
    /** Whether the timer will wake those who are blocked, so that they ask. */
    private boolean waking;

    /** A stream to a service of one replica, on the clock of the machine. It opens itself with the first piece of work. */
    public CreditedStream(String name, Shape<Q, R> shape, Function<Multi<Q>, Multi<R>> call, Limits limits) {
        this(name, shape, limits, StreamTimer.system("stream-" + name + "-"));
        replicas(Map.of(name, call));
    }

    /**
     * A stream to all replicas of a service, on the clock of the machine. It opens itself with the first piece of work.
     *
     * @param call how the service behind a channel is called
     */
    public static <Q, R> CreditedStream<Q, R> to(
            Replicas replicas,
            String name,
            Shape<Q, R> shape,
            Function<Channel, Function<Multi<Q>, Multi<R>>> call,
            Limits limits) {
        CreditedStream<Q, R> stream =
                new CreditedStream<>(name, shape, limits, StreamTimer.system("stream-" + name + "-"));
        replicas.follow(now -> {
            Map<String, Function<Multi<Q>, Multi<R>>> calls = new LinkedHashMap<>();
            now.forEach((address, channel) -> calls.put(address, call.apply(channel)));
            stream.replicas(calls);
        });
        return stream;
    }

    /**
     * A stream to a service of which no replica is known yet: see {@link #replicas}. It opens itself with the first piece of work.
     *
     * @param timer the stream's own; closed with it
     */
    public CreditedStream(String name, Shape<Q, R> shape, Limits limits, StreamTimer timer) {
        this.name = name;
        this.shape = shape;
        this.limits = limits;
        this.timer = timer;
        this.absence = new Absence(name, timer);
        long shortest = Math.min(
                limits.deadline().toMillis(),
                Math.min(limits.patience().toMillis(), limits.answer().toMillis()));
        long tick = Math.clamp(shortest / 4, 10, 1000);
        timer.every(Duration.ofMillis(tick), this::tick);
    }

    /**
     * Says which replicas the service has from now on. A new one is given work as soon as it grants credit. One that is not named any
     * more gets nothing further; what it has it may answer, and its connection ends with that. One that is named again goes on.
     *
     * @param calls how each is called, by its address
     */
    public void replicas(Map<String, Function<Multi<Q>, Multi<R>>> calls) {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            for (Lane<Q, R> lane : List.copyOf(lanes.values())) {
                if (!calls.containsKey(lane.replica)) {
                    lane.leaving = true;
                    endWhenIdle(lane);
                }
            }
            calls.forEach((replica, call) -> {
                Lane<Q, R> lane = lanes.computeIfAbsent(replica, r -> new Lane<>(r, call, events));
                lane.call = call;
                lane.leaving = false;
            });
            if (!byKey.isEmpty()) {
                ensureOpen();
                flush();
            }
        } finally {
            lock.unlock();
        }
    }

    private void endWhenIdle(Lane<Q, R> lane) {
        if (lane.leaving && lane.underWay == 0) {
            lanes.remove(lane.replica);
            lane.gone = true;
            cancelLater(lane.closed());
            awayWithoutReplica();
        }
    }

    /** On the timer's thread: a transport may answer a cancellation at once. */
    private void cancelLater(@Nullable Cancellable running) {
        if (running != null && !closed) {
            timer.after(Duration.ZERO, running::cancel);
        }
    }

    private boolean awayWithoutReplica() {
        boolean none = lanes.values().stream().noneMatch(lane -> lane.here);
        if (none && !byKey.isEmpty()) {
            absence.begins();
        }
        return none;
    }

    /** As {@link #submit(Object, List, Consumer, Caller)}, for a patient caller. */
    public CompletableFuture<Map<String, R>> submit(Q work, List<String> keys, Consumer<R> onEach) {
        return submit(work, keys, onEach, Caller.PATIENT);
    }

    /**
     * Sends one piece of work and gives its results by key once all of them are there. Fails with {@link ErrorCode#DEADLINE}
     * when they are not there in time, with {@link ErrorCode#PEER_UNAVAILABLE} when the service was away for too long, and with
     * {@link ErrorCode#INVALID_INPUT} when the work is larger than {@link MessageLimit#BYTES}.
     *
     * <p>Who cancels the future gives the work up: what was not sent yet takes no space any more and is never sent, what was sent keeps
     * its keys until it is answered or the stream breaks, and is not sent again.
     *
     * @param keys the keys that the results will carry; while other work under way has one of them, this one is not begun
     * @param onEach called with every result as it comes
     */
    public CompletableFuture<Map<String, R>> submit(Q work, List<String> keys, Consumer<R> onEach, Caller caller) {
        // One piece that is too large must not end the stream for all the others.
        FootholdException refusal = MessageLimit.refusal(work, name + ", " + String.join(", ", keys));
        if (refusal != null) {
            return CompletableFuture.failedFuture(refusal);
        }
        Pending pending;
        lock.lock();
        try {
            int before = absence.tooLong();
            while (!closed && (queued.size() >= limits.maxQueued() || taken(keys))) {
                if (absence.tooLong() != before) {
                    return CompletableFuture.failedFuture(unavailable(keys));
                }
                caller.check();
                awaitFreed(keys);
            }
            if (closed) {
                throw new FootholdException(ErrorCode.DRAINING, "stream " + name + " is closed");
            }
            pending = new Pending(work, keys, onEach, caller);
            keys.forEach(key -> byKey.put(key, pending));
            queued.add(pending);
            ensureOpen();
            flush();
        } finally {
            lock.unlock();
        }
        var unused = pending.future.whenComplete((results, failure) -> {
            if (pending.future.isCancelled()) {
                givenUp(pending);
            }
        });
        return pending.future;
    }

    private boolean taken(List<String> keys) {
        return keys.stream().anyMatch(byKey::containsKey);
    }

    private void awaitFreed(List<String> keys) {
        boolean forKey = taken(keys);
        waitingForKeys += forKey ? 1 : 0;
        try {
            if (!waking) {
                waking = true;
                timer.after(CHECK, this::wake);
            }
            freed.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
        } finally {
            waitingForKeys -= forKey ? 1 : 0;
        }
    }

    private void wake() {
        lock.lock();
        try {
            waking = false;
            freed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void givenUp(Pending pending) {
        lock.lock();
        try {
            if (pending.lane == null) {
                queued.remove(pending);
                pending.missing.forEach(key -> byKey.remove(key, pending));
                freed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    private FootholdException unavailable(Collection<String> keys) {
        return new FootholdException(
                ErrorCode.PEER_UNAVAILABLE,
                "no answer from " + name + " for " + keys + ": it was away for more than " + text(limits.patience())
                        + lastReason());
    }

    private String lastReason() {
        Throwable last = absence.reason();
        return last == null
                ? ""
                : "; last failure: " + FootholdException.of(last).text();
    }

    /** Has every replica called that is not. */
    private void ensureOpen() {
        if (closed) {
            return;
        }
        if (lanes.isEmpty()) {
            absence.begins();
        }
        lanes.values().forEach(lane -> {
            if (lane.mayConnect()) {
                timer.after(Duration.ofMillis(lane.backoffMillis()), () -> open(lane));
            }
        });
    }

    private void open(Lane<Q, R> lane) {
        long opening;
        lock.lock();
        try {
            if (closed || lane.gone) {
                return;
            }
            opening = lane.begin();
            awayWithoutReplica();
        } finally {
            lock.unlock();
        }
        try {
            Cancellable started = lane.connect(opening);
            lock.lock();
            try {
                if (lane.is(opening)) {
                    lane.connected(started);
                } else {
                    cancelLater(started);
                }
            } finally {
                lock.unlock();
            }
        } catch (Throwable t) {
            broken(lane, opening, t);
        }
    }

    private void opened(Lane<Q, R> lane, long opening, MultiEmitter<? super Q> emitter) {
        lock.lock();
        try {
            if (!lane.is(opening) || closed) {
                emitter.complete();
                return;
            }
            lane.opened(emitter, shape.credit(limits.window()));
            flush();
        } finally {
            lock.unlock();
        }
    }

    /** Gives what is queued to the replicas that take it, the one with the least under way first. */
    private void flush() {
        while (true) {
            Lane<Q, R> free = freest();
            Pending next = free == null ? null : queued.poll();
            if (free == null || next == null) {
                break;
            }
            if (next.missing.isEmpty()) {
                continue;
            }
            next.lane = free;
            next.sentNanos = timer.nanoTime();
            free.send(shape.narrowed(next.work, Set.copyOf(next.missing)));
        }
        freed.signalAll();
    }

    private @Nullable Lane<Q, R> freest() {
        Lane<Q, R> free = null;
        for (Lane<Q, R> lane : lanes.values()) {
            if (lane.takesWork() && (free == null || lane.underWay < free.underWay)) {
                free = lane;
            }
        }
        return free;
    }

    private void received(Lane<Q, R> lane, long opening, R response) {
        Pending finished = null;
        Pending owner = null;
        lock.lock();
        try {
            if (!lane.is(opening)) {
                return;
            }
            lane.came();
            absence.ends(this::callers);
            int granted = shape.creditOf(response);
            if (granted > 0) {
                lane.credits += granted;
                flush();
                return;
            }
            lane.taken(limits.window(), shape::credit);
            String key = shape.keyOf(response);
            owner = byKey.remove(key);
            if (owner == null || !owner.missing.remove(key)) {
                return;
            }
            owner.results.put(key, response);
            if (owner.missing.isEmpty()) {
                finished = owner;
                ended(owner);
            }
            if (waitingForKeys > 0) {
                freed.signalAll();
            }
            if (owner.future.isCancelled()) {
                return;
            }
        } finally {
            lock.unlock();
        }
        try {
            owner.onEach.accept(response);
        } catch (Throwable t) {
            // The stream is shared: what one consumer does wrong ends its own work and no other.
            owner.future.completeExceptionally(FailureLog.told(LOG, "a result of " + name, t));
            return;
        }
        if (finished != null) {
            finished.future.complete(finished.results);
        }
    }

    /** Work has its end, or none on its lane. */
    private void ended(Pending pending) {
        Lane<Q, R> lane = pending.lane;
        if (lane != null) {
            pending.lane = null;
            lane.underWay--;
            endWhenIdle(lane);
        }
    }

    private void broken(Lane<Q, R> lane, long opening, Throwable failure) {
        lock.lock();
        try {
            if (!lane.is(opening) || closed) {
                return;
            }
            FootholdException own = FootholdException.of(failure);
            absence.failed(failure);
            boolean was = lane.here;
            lane.closed();
            lane.backOff(limits.firstBackoff().toMillis(), limits.maxBackoff().toMillis());
            Set<Pending> back = new LinkedHashSet<>();
            for (Pending pending : byKey.values()) {
                if (pending.lane == lane) {
                    pending.lane = null;
                    back.add(pending);
                }
            }
            boolean nobody = lanes.values().stream().noneMatch(other -> other.here);
            if (nobody) {
                absence.begins();
                absence.lost(byKey.size(), own.text());
            } else if (was) {
                LOG.warnf(
                        "%s at %s broke with %d pieces of work under way: %s",
                        name, lane.replica, back.size(), own.text());
            }
            endWhenIdle(lane);
            if (!own.code().retryable()) {
                refused(nobody ? new LinkedHashSet<>(byKey.values()) : back, own);
                return;
            }
            for (Pending pending : back) {
                if (pending.future.isCancelled()) {
                    pending.missing.forEach(key -> byKey.remove(key, pending));
                } else {
                    queued.addFirst(pending);
                }
            }
            freed.signalAll();
            if (byKey.isEmpty()) {
                // Nobody waits for it: the time until somebody does is no waiting.
                absence.pauses();
            } else {
                // One that was late for a piece of work was not away.
                if (nobody && own.code() != ErrorCode.DEADLINE) {
                    absence.tell(callers(), own.text());
                }
                ensureOpen();
                flush();
            }
        } finally {
            lock.unlock();
        }
    }

    /** A refusal will be repeated by every attempt: the work that caused it is told at once. */
    private void refused(Set<Pending> whose, FootholdException refusal) {
        absence.pauses();
        whose.forEach(pending -> {
            queued.remove(pending);
            pending.missing.forEach(key -> byKey.remove(key, pending));
        });
        timer.after(Duration.ZERO, () -> whose.forEach(p -> p.future.completeExceptionally(refusal)));
        freed.signalAll();
    }

    private Set<Caller> callers() {
        Set<Caller> out = Collections.newSetFromMap(new IdentityHashMap<>());
        byKey.values().forEach(pending -> out.add(pending.caller));
        return out;
    }

    /** Whether the service is away now: no replica is there, or each was opened and nothing came yet. */
    public boolean away() {
        return absence.away();
    }

    /** A task that throws is not run again, and nothing would ever be late. */
    private void tick() {
        try {
            expire();
        } catch (Throwable t) {
            LOG.errorf(t, "stream to %s: late work could not be told", name);
        }
    }

    private void expire() {
        Map<Pending, Boolean> late = new LinkedHashMap<>();
        boolean gone;
        lock.lock();
        try {
            long now = timer.nanoTime();
            gone = absence.longerThan(limits.patience());
            boolean waited = false;
            Set<Lane<Q, R>> stuck = new LinkedHashSet<>();
            for (Iterator<Pending> it = byKey.values().iterator(); it.hasNext(); ) {
                Pending pending = it.next();
                if (gone || pending.late(now)) {
                    it.remove();
                    if (late.putIfAbsent(pending, pending.lane != null) == null) {
                        Lane<Q, R> lane = pending.lane;
                        waited |= lane == null;
                        if (lane != null) {
                            pending.lane = null;
                            lane.underWay--;
                            stuck.add(lane);
                        }
                    }
                }
            }
            if (gone) {
                absence.endsPatience();
            }
            if (late.isEmpty()) {
                return;
            }
            queued.removeAll(late.keySet());
            // A replica still holds credit for what is late, and who gave no credit in all that time holds it too: they
            // begin again.
            begin(waited || gone ? List.copyOf(lanes.values()) : stuck);
            freed.signalAll();
        } finally {
            lock.unlock();
        }
        late.forEach((pending, sent) -> {
            Duration limit =
                    sent && limits.answer().compareTo(limits.deadline()) < 0 ? limits.answer() : limits.deadline();
            pending.future.completeExceptionally(
                    gone
                            ? unavailable(pending.missing)
                            : new FootholdException(
                                    ErrorCode.DEADLINE,
                                    "no answer from " + name + " for " + pending.missing + " within " + text(limit)
                                            + lastReason()));
        });
    }

    /** Has clean streams in place of those that are stuck. */
    private void begin(Collection<Lane<Q, R>> stuck) {
        for (Lane<Q, R> lane : stuck) {
            Cancellable running = lane.running();
            if (running != null) {
                broken(
                        lane,
                        lane.opening(),
                        new FootholdException(ErrorCode.DEADLINE, "stream " + name + " was too slow"));
                cancelLater(running);
            }
        }
    }

    /** A duration as people write it, such as 5m or 1m30s. */
    private static String text(Duration duration) {
        return duration.toString().substring(2).toLowerCase(Locale.ROOT);
    }

    /** Ends the stream; work under way fails with {@link ErrorCode#CANCELLED}. */
    @Override
    public void close() {
        Set<Pending> open;
        List<Cancellable> running;
        lock.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            open = new LinkedHashSet<>(byKey.values());
            byKey.clear();
            queued.clear();
            running = lanes.values().stream()
                    .map(Lane::closed)
                    .filter(Objects::nonNull)
                    .toList();
            freed.signalAll();
        } finally {
            lock.unlock();
        }
        timer.close();
        running.forEach(Cancellable::cancel);
        open.forEach(p -> p.future.completeExceptionally(
                new FootholdException(ErrorCode.CANCELLED, "stream " + name + " was closed")));
    }
}
