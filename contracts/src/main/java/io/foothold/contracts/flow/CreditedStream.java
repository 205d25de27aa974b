package io.foothold.contracts.flow;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.v1.Credit;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.subscription.BackPressureStrategy;
import io.smallrye.mutiny.subscription.Cancellable;
import io.smallrye.mutiny.subscription.MultiEmitter;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
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
 * credit. Result consumers run on a transport thread and must not block.
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

    /**
     * Limits of a stream.
     *
     * @param window results that may be on their way to us
     * @param maxQueued pieces of work that may wait for credit before {@link #submit} blocks
     * @param deadline time a piece of work may take from submission, reconnections included
     * @param firstBackoff pause before the second attempt to open the stream; doubles up to {@code maxBackoff}
     * @param maxBackoff longest pause
     */
    public record Limits(int window, int maxQueued, Duration deadline, Duration firstBackoff, Duration maxBackoff) {
        /** Limits fit for services on one machine. */
        public static Limits standard() {
            return new Limits(256, 64, Duration.ofMinutes(10), Duration.ofMillis(50), Duration.ofSeconds(5));
        }

        /** The same with another deadline. */
        public Limits withDeadline(Duration value) {
            return new Limits(window, maxQueued, value, firstBackoff, maxBackoff);
        }
    }

    private static final Logger LOG = Logger.getLogger(CreditedStream.class);

    private final class Pending {
        private final Q work;
        private final Set<String> missing;
        private final Map<String, R> results = new LinkedHashMap<>();
        private final Consumer<R> onEach;
        private final CompletableFuture<Map<String, R>> future = new CompletableFuture<>();
        private final long deadlineNanos;

        Pending(Q work, List<String> keys, Consumer<R> onEach) {
            this.work = work;
            this.missing = new LinkedHashSet<>(keys);
            this.onEach = onEach;
            this.deadlineNanos = System.nanoTime() + limits.deadline().toNanos();
        }
    }

    private final String name;
    private final Shape<Q, R> shape;
    private final Function<Multi<Q>, Multi<R>> call;
    private final Limits limits;
    private final ScheduledExecutorService timer;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition spaceFreed = lock.newCondition();
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
    private @Nullable Throwable lastFailure;

    /** A stream that opens itself with the first piece of work. */
    public CreditedStream(String name, Shape<Q, R> shape, Function<Multi<Q>, Multi<R>> call, Limits limits) {
        this.name = name;
        this.shape = shape;
        this.call = call;
        this.limits = limits;
        this.timer = Executors.newSingleThreadScheduledExecutor(
                Thread.ofPlatform().daemon().name("stream-" + name + "-", 0).factory());
        long tick = Math.clamp(limits.deadline().toMillis() / 4, 10, 1000);
        var unused = timer.scheduleWithFixedDelay(this::expire, tick, tick, TimeUnit.MILLISECONDS);
    }

    /**
     * Sends one piece of work and gives its results by key once all of them are there. Fails with {@link ErrorCode#DEADLINE}
     * or {@link ErrorCode#PEER_UNAVAILABLE} when they are not there by the deadline, and with {@link ErrorCode#INVALID_INPUT} when
     * the work is larger than {@link MessageLimit#BYTES}.
     *
     * @param keys the keys that the results will carry; no other work under way may use one of them
     * @param onEach called with every result as it comes
     */
    public CompletableFuture<Map<String, R>> submit(Q work, List<String> keys, Consumer<R> onEach) {
        // One piece that is too large must not end the stream for all the others.
        FootholdException refusal = MessageLimit.refusal(work, name + ", " + String.join(", ", keys));
        if (refusal != null) {
            return CompletableFuture.failedFuture(refusal);
        }
        Pending pending = new Pending(work, keys, onEach);
        lock.lock();
        try {
            while (!closed && queued.size() >= limits.maxQueued()) {
                spaceFreed.awaitUninterruptibly();
            }
            if (closed) {
                throw new FootholdException(ErrorCode.DRAINING, "stream " + name + " is closed");
            }
            for (String key : keys) {
                if (byKey.containsKey(key)) {
                    throw new FootholdException(ErrorCode.CONFLICT, "work under way already has key " + key);
                }
            }
            keys.forEach(key -> byKey.put(key, pending));
            queued.add(pending);
            ensureOpen();
            flush();
        } finally {
            lock.unlock();
        }
        return pending.future;
    }

    private void ensureOpen() {
        if (outbound == null && !opening && !closed) {
            opening = true;
            var unused = timer.schedule(this::open, backoffMillis, TimeUnit.MILLISECONDS);
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
        } catch (RuntimeException e) {
            broken(mine, e);
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
            emitter.emit(shape.narrowed(next.work, Set.copyOf(next.missing)));
        }
        spaceFreed.signalAll();
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
            if (lost) {
                lost = false;
                LOG.infof("%s is there again", name);
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
        } finally {
            lock.unlock();
        }
        owner.onEach.accept(response);
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
            if (!lost) {
                lost = true;
                LOG.warnf(
                        "stream to %s broke with %d pieces of work under way: %s",
                        name, byKey.size(), FootholdException.of(failure).text());
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
            FootholdException own = FootholdException.of(failure);
            if (!own.code().retryable()) {
                // A refusal will be repeated by every attempt: the work that caused it is told at once.
                queued.clear();
                Set<Pending> all = new LinkedHashSet<>(byKey.values());
                byKey.clear();
                timer.execute(() -> all.forEach(p -> p.future.completeExceptionally(own)));
                spaceFreed.signalAll();
                return;
            }
            unanswered.forEach(queued::addFirst);
            if (!byKey.isEmpty()) {
                ensureOpen();
            }
        } finally {
            lock.unlock();
        }
    }

    private void expire() {
        Set<Pending> late = new LinkedHashSet<>();
        Cancellable stuck = null;
        lock.lock();
        try {
            long now = System.nanoTime();
            for (Iterator<Pending> it = byKey.values().iterator(); it.hasNext(); ) {
                Pending pending = it.next();
                if (now - pending.deadlineNanos > 0) {
                    late.add(pending);
                    it.remove();
                }
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
            spaceFreed.signalAll();
        } finally {
            lock.unlock();
        }
        if (stuck != null) {
            stuck.cancel();
        }
        for (Pending pending : late) {
            String why = lastFailure == null
                    ? ""
                    : "; last failure: " + FootholdException.of(lastFailure).text();
            pending.future.completeExceptionally(new FootholdException(
                    ErrorCode.DEADLINE,
                    "no answer from " + name + " for " + pending.missing + " within " + limits.deadline() + why));
        }
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
            spaceFreed.signalAll();
        } finally {
            lock.unlock();
        }
        timer.shutdownNow();
        if (running != null) {
            running.cancel();
        }
        open.forEach(p -> p.future.completeExceptionally(
                new FootholdException(ErrorCode.CANCELLED, "stream " + name + " was closed")));
    }
}
