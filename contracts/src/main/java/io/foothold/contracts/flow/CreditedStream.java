package io.foothold.contracts.flow;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.v1.Credit;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.subscription.BackPressureStrategy;
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
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The calling side of a credited stream: one call that stays open, opened again with back-off after a failure. Work that was
 * not answered is sent again under the same keys; results whose key nobody waits for are duplicates and are dropped.
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
    private static final long CHECK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final class Pending {
        private final Q work;
        private final Set<String> missing;
        private final Map<String, R> results = new LinkedHashMap<>();
        private final Consumer<R> onEach;
        private final Caller caller;
        private final CompletableFuture<Map<String, R>> future = new CompletableFuture<>();
        private final long deadlineNanos;
        private long sentNanos;
        private boolean sent;

        Pending(Q work, List<String> keys, Consumer<R> onEach, Caller caller) {
            this.work = work;
            this.missing = new LinkedHashSet<>(keys);
            this.onEach = onEach;
            this.caller = caller;
            this.deadlineNanos = timer.nanoTime() + limits.deadline().toNanos();
        }
    }

    private final String name;
    private final Shape<Q, R> shape;
    private final Function<Multi<Q>, Multi<R>> call;
    private final Limits limits;
    private final StreamTimer timer;
    private final ReentrantLock lock = new ReentrantLock();
    /** Space was freed, or a key. */
    private final Condition freed = lock.newCondition();

    private final Deque<Pending> queued = new ArrayDeque<>();
    private final Map<String, Pending> byKey = new HashMap<>();
    private @Nullable MultiEmitter<? super Q> outbound;
    private @Nullable Cancellable subscription;
    private long generation;
    private int credits;
    private int unreturned;
    private long backoffMillis;
    private boolean opening;
    private boolean closed;
    private boolean lost;
    /** Since when; meaningful while {@link #lost}. */
    private long lostSince;
    /** Who was told so. */
    private final Set<Caller> told = Collections.newSetFromMap(new IdentityHashMap<>());

    /** How many threads wait for a key that other work has. */
    private int waitingForKeys;
    /** How often the service was away for longer than the patience. */
    private int absences;
    /** Since when the service has been away; meaningful while {@link #away}. */
    private long awaySince;

    private volatile boolean away;
    private volatile @Nullable Throwable lastFailure;

    /** A stream that opens itself with the first piece of work, on the clock of the machine. */
    public CreditedStream(String name, Shape<Q, R> shape, Function<Multi<Q>, Multi<R>> call, Limits limits) {
        this(name, shape, call, limits, StreamTimer.system("stream-" + name + "-"));
    }

    /**
     * A stream that opens itself with the first piece of work.
     *
     * @param timer the stream's own; closed with it
     */
    public CreditedStream(
            String name, Shape<Q, R> shape, Function<Multi<Q>, Multi<R>> call, Limits limits, StreamTimer timer) {
        this.name = name;
        this.shape = shape;
        this.call = call;
        this.limits = limits;
        this.timer = timer;
        long shortest = Math.min(
                limits.deadline().toMillis(),
                Math.min(limits.patience().toMillis(), limits.answer().toMillis()));
        long tick = Math.clamp(shortest / 4, 10, 1000);
        timer.every(Duration.ofMillis(tick), this::tick);
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
            int before = absences;
            while (!closed && (queued.size() >= limits.maxQueued() || taken(keys))) {
                if (absences != before) {
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
            var unused = freed.awaitNanos(CHECK_NANOS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
        } finally {
            waitingForKeys -= forKey ? 1 : 0;
        }
    }

    private void givenUp(Pending pending) {
        lock.lock();
        try {
            if (!pending.sent) {
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
        Throwable last = lastFailure;
        return last == null
                ? ""
                : "; last failure: " + FootholdException.of(last).text();
    }

    private void ensureOpen() {
        if (outbound == null && !opening && !closed) {
            opening = true;
            timer.after(Duration.ofMillis(backoffMillis), this::open);
        }
    }

    private void open() {
        long mine;
        lock.lock();
        try {
            if (closed) {
                return;
            }
            mine = ++generation;
            wentAway();
            // Here and not when the outbound side opens: the service's first credit may come before that.
            credits = 0;
            unreturned = 0;
        } finally {
            lock.unlock();
        }
        Multi<Q> up = Multi.createFrom().emitter(emitter -> opened(mine, emitter), BackPressureStrategy.BUFFER);
        try {
            Cancellable started = call.apply(up)
                    .subscribe()
                    .with(
                            response -> received(mine, response),
                            failure -> broken(mine, failure),
                            () -> broken(
                                    mine,
                                    new FootholdException(
                                            ErrorCode.PEER_UNAVAILABLE,
                                            "stream " + name + " was ended by the service")));
            lock.lock();
            try {
                if (mine == generation) {
                    subscription = started;
                }
            } finally {
                lock.unlock();
            }
        } catch (Throwable t) {
            broken(mine, t);
        }
    }

    private void opened(long mine, MultiEmitter<? super Q> emitter) {
        lock.lock();
        try {
            if (mine != generation || closed) {
                emitter.complete();
                return;
            }
            outbound = emitter;
            opening = false;
            emitter.emit(shape.credit(limits.window()));
            flush();
        } finally {
            lock.unlock();
        }
    }

    private void flush() {
        MultiEmitter<? super Q> emitter = outbound;
        if (emitter == null) {
            return;
        }
        while (credits > 0) {
            Pending next = queued.poll();
            if (next == null) {
                break;
            }
            if (next.missing.isEmpty()) {
                continue;
            }
            credits--;
            next.sent = true;
            next.sentNanos = timer.nanoTime();
            emitter.emit(shape.narrowed(next.work, Set.copyOf(next.missing)));
        }
        freed.signalAll();
    }

    private void received(long mine, R response) {
        Pending finished = null;
        Pending owner = null;
        lock.lock();
        try {
            if (mine != generation) {
                return;
            }
            backoffMillis = 0;
            away = false;
            if (lost) {
                found();
            }
            int granted = shape.creditOf(response);
            if (granted > 0) {
                credits += granted;
                flush();
                return;
            }
            returnCredit();
            String key = shape.keyOf(response);
            owner = byKey.remove(key);
            if (owner == null || !owner.missing.remove(key)) {
                return;
            }
            owner.results.put(key, response);
            if (owner.missing.isEmpty()) {
                finished = owner;
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

    private void returnCredit() {
        unreturned++;
        MultiEmitter<? super Q> emitter = outbound;
        if (emitter != null && unreturned >= Math.max(1, limits.window() / 4)) {
            emitter.emit(shape.credit(unreturned));
            unreturned = 0;
        }
    }

    private void broken(long mine, Throwable failure) {
        lock.lock();
        try {
            if (mine != generation || closed) {
                return;
            }
            generation++;
            lastFailure = failure;
            wentAway();
            FootholdException own = FootholdException.of(failure);
            if (!lost) {
                lost = true;
                lostSince = timer.nanoTime();
                LOG.warnf("stream to %s broke with %d pieces of work under way: %s", name, byKey.size(), own.text());
            }
            outbound = null;
            subscription = null;
            opening = false;
            credits = 0;
            backoffMillis = backoffMillis == 0
                    ? limits.firstBackoff().toMillis()
                    : Math.min(backoffMillis * 2, limits.maxBackoff().toMillis());
            Set<Pending> unanswered = new LinkedHashSet<>();
            for (Pending pending : byKey.values()) {
                if (!queued.contains(pending)) {
                    unanswered.add(pending);
                }
            }
            if (!own.code().retryable()) {
                // A refusal will be repeated by every attempt: the work that caused it is told at once.
                away = false;
                queued.clear();
                Set<Pending> all = new LinkedHashSet<>(byKey.values());
                byKey.clear();
                timer.after(Duration.ZERO, () -> all.forEach(p -> p.future.completeExceptionally(own)));
                freed.signalAll();
                return;
            }
            for (Pending pending : unanswered) {
                pending.sent = false;
                if (pending.future.isCancelled()) {
                    pending.missing.forEach(key -> byKey.remove(key, pending));
                } else {
                    queued.addFirst(pending);
                }
            }
            freed.signalAll();
            if (byKey.isEmpty()) {
                // Nobody waits for it: the time until somebody does is no waiting.
                away = false;
            } else {
                // One that was late for a piece of work was not away.
                if (own.code() != ErrorCode.DEADLINE) {
                    tellLost(own.text());
                }
                ensureOpen();
            }
        } finally {
            lock.unlock();
        }
    }

    private Set<Caller> callers() {
        Set<Caller> out = Collections.newSetFromMap(new IdentityHashMap<>());
        byKey.values().forEach(pending -> out.add(pending.caller));
        return out;
    }

    private void tellLost(String reason) {
        Set<Caller> news = callers();
        news.removeAll(told);
        told.addAll(news);
        timer.after(Duration.ZERO, () -> news.forEach(caller -> caller.lost(name, reason)));
    }

    private void found() {
        lost = false;
        LOG.infof("%s is there again", name);
        Set<Caller> still = callers();
        still.retainAll(told);
        told.clear();
        if (!closed && !still.isEmpty()) {
            Duration after = Duration.ofNanos(timer.nanoTime() - lostSince);
            timer.after(Duration.ZERO, () -> still.forEach(caller -> caller.found(name, after)));
        }
    }

    private void wentAway() {
        if (!away) {
            away = true;
            awaySince = timer.nanoTime();
        }
    }

    /** Whether the service is away now: the stream broke, or was opened and nothing came yet. */
    public boolean away() {
        return away;
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
        Set<Pending> late = new LinkedHashSet<>();
        Cancellable stuck = null;
        boolean gone;
        lock.lock();
        try {
            long now = timer.nanoTime();
            gone = away && now - awaySince > limits.patience().toNanos();
            for (Iterator<Pending> it = byKey.values().iterator(); it.hasNext(); ) {
                Pending pending = it.next();
                if (gone
                        || now - pending.deadlineNanos > 0
                        || (pending.sent
                                && now - pending.sentNanos > limits.answer().toNanos())) {
                    late.add(pending);
                    it.remove();
                }
            }
            if (gone) {
                // Who asks again is given the whole patience again; who is still blocked waited as long as the others.
                away = false;
                absences++;
            }
            if (late.isEmpty()) {
                return;
            }
            queued.removeAll(late);
            // The service still holds credit for what is late: begin again with a clean stream.
            stuck = subscription;
            if (stuck != null) {
                broken(generation, new FootholdException(ErrorCode.DEADLINE, "stream " + name + " was too slow"));
            }
            freed.signalAll();
        } finally {
            lock.unlock();
        }
        if (stuck != null) {
            stuck.cancel();
        }
        for (Pending pending : late) {
            Duration limit = pending.sent && limits.answer().compareTo(limits.deadline()) < 0
                    ? limits.answer()
                    : limits.deadline();
            pending.future.completeExceptionally(
                    gone
                            ? unavailable(pending.missing)
                            : new FootholdException(
                                    ErrorCode.DEADLINE,
                                    "no answer from " + name + " for " + pending.missing + " within " + text(limit)
                                            + lastReason()));
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
        Cancellable running;
        lock.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            open = new LinkedHashSet<>(byKey.values());
            byKey.clear();
            queued.clear();
            running = subscription;
            outbound = null;
            freed.signalAll();
        } finally {
            lock.unlock();
        }
        timer.close();
        if (running != null) {
            running.cancel();
        }
        open.forEach(p -> p.future.completeExceptionally(
                new FootholdException(ErrorCode.CANCELLED, "stream " + name + " was closed")));
    }
}
