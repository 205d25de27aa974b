package io.foothold.contracts.flow;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.subscription.Cancellable;
import io.smallrye.mutiny.subscription.MultiEmitter;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
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

    private static final Logger LOG = Logger.getLogger(CreditedStream.class);

    private final String name;
    private final StreamShape<Q, R> shape;
    private final StreamLimits limits;
    private final StreamTimer timer;
    private final ReentrantLock lock = new ReentrantLock();
    private final Lanes<Q, R> lanes;
    private final Backlog<Q, R> backlog = new Backlog<>();
    private final Absence absence;
    private final Blocked blocked;
    private boolean closed;

    /** A stream to a service of one replica, on the clock of the machine. It opens itself with the first piece of work. */
    public CreditedStream(
            String name, StreamShape<Q, R> shape, Function<Multi<Q>, Multi<R>> call, StreamLimits limits) {
        this(name, shape, limits, StreamTimer.system("stream-" + name + "-"));
        replicas(Map.of(name, call));
    }

    /**
     * A stream to a service of which no replica is known yet: see {@link #replicas}. It opens itself with the first piece of work.
     *
     * @param timer the stream's own; closed with it
     */
    public CreditedStream(String name, StreamShape<Q, R> shape, StreamLimits limits, StreamTimer timer) {
        this.name = name;
        this.shape = shape;
        this.limits = limits;
        this.timer = timer;
        this.lanes = new Lanes<>(this, lock, timer);
        this.absence = new Absence(name, timer);
        this.blocked = new Blocked(lock, timer);
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
            if (lanes.are(calls)) {
                awayWithoutReplica();
            }
            if (!backlog.isEmpty()) {
                ensureOpen();
                flush();
            }
        } finally {
            lock.unlock();
        }
    }

    private void awayWithoutReplica() {
        if (lanes.noneHere() && !backlog.isEmpty()) {
            absence.begins();
        }
    }

    private void endWhenIdle(Lane<Q, R> lane) {
        if (lanes.endWhenIdle(lane)) {
            awayWithoutReplica();
        }
    }

    /** As {@link #submit(Object, List, Consumer, StreamCaller)}, for a patient caller. */
    public CompletableFuture<Map<String, R>> submit(Q work, List<String> keys, Consumer<R> onEach) {
        return submit(work, keys, onEach, StreamCaller.PATIENT);
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
    public CompletableFuture<Map<String, R>> submit(
            Q work, List<String> keys, Consumer<R> onEach, StreamCaller caller) {
        // One piece that is too large must not end the stream for all the others.
        FootholdException refusal = MessageLimit.refusal(work, name + ", " + String.join(", ", keys));
        if (refusal != null) {
            return CompletableFuture.failedFuture(refusal);
        }
        Backlog.Piece<Q, R> piece;
        lock.lock();
        try {
            int before = absence.tooLong();
            while (!closed && (backlog.queued() >= limits.maxQueued() || backlog.has(keys))) {
                if (absence.tooLong() != before) {
                    return CompletableFuture.failedFuture(absence.unavailable(keys, limits.patience()));
                }
                caller.check();
                blocked.await(backlog.has(keys));
            }
            if (closed) {
                throw new FootholdException(ErrorCode.DRAINING, "stream " + name + " is closed");
            }
            piece = new Backlog.Piece<>(
                    work,
                    keys,
                    onEach,
                    caller,
                    timer.nanoTime() + limits.deadline().toNanos());
            backlog.add(piece);
            ensureOpen();
            flush();
        } finally {
            lock.unlock();
        }
        var unused = piece.future.whenComplete((results, failure) -> {
            if (piece.future.isCancelled()) {
                givenUp(piece);
            }
        });
        return piece.future;
    }

    private void givenUp(Backlog.Piece<Q, R> piece) {
        lock.lock();
        try {
            if (piece.lane == null) {
                backlog.remove(piece);
                blocked.freed();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Has every replica called that is not. */
    private void ensureOpen() {
        if (closed) {
            return;
        }
        if (lanes.all().isEmpty()) {
            absence.begins();
        }
        lanes.open();
    }

    /** A lane is about to be opened; gives the opening's number, or 0 when the stream was closed meanwhile. */
    long opens(Lane<Q, R> lane) {
        lock.lock();
        try {
            if (closed || lane.gone) {
                return 0;
            }
            long opening = lane.begin(timer.nanoTime());
            awayWithoutReplica();
            return opening;
        } finally {
            lock.unlock();
        }
    }

    /** The outbound side of a lane is open. Told on any thread; what is of an earlier opening is passed over, here and below. */
    void opened(Lane<Q, R> lane, long opening, MultiEmitter<? super Q> emitter) {
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
            Lane<Q, R> free = lanes.freest();
            Backlog.Piece<Q, R> next = free == null ? null : backlog.next();
            if (free == null || next == null) {
                break;
            }
            next.lane = free;
            next.sentNanos = timer.nanoTime();
            free.send(shape.narrowed(next.work, Set.copyOf(next.missing)));
        }
        blocked.freed();
    }

    /** Something came on a lane. */
    void received(Lane<Q, R> lane, long opening, R response) {
        Backlog.Piece<Q, R> piece;
        boolean finished;
        lock.lock();
        try {
            if (!lane.is(opening)) {
                return;
            }
            lane.came();
            absence.ends(backlog::callers);
            int granted = shape.creditOf(response);
            if (granted > 0) {
                lane.credits += granted;
                flush();
                return;
            }
            lane.taken(limits.window(), shape::credit);
            piece = backlog.answered(shape.keyOf(response), response);
            if (piece == null) {
                return;
            }
            finished = piece.missing.isEmpty();
            Lane<Q, R> left = finished ? piece.leavesLane() : null;
            if (left != null) {
                endWhenIdle(left);
            }
            blocked.keyFreed();
            if (piece.future.isCancelled()) {
                return;
            }
        } finally {
            lock.unlock();
        }
        try {
            piece.onEach.accept(response);
        } catch (Throwable t) {
            // The stream is shared: what one consumer does wrong ends its own work and no other.
            piece.future.completeExceptionally(FailureLog.told(LOG, "a result of " + name, t));
            return;
        }
        if (finished) {
            piece.future.complete(piece.results);
        }
    }

    /** The call of a lane was ended by the service. */
    void ended(Lane<Q, R> lane, long opening) {
        broken(
                lane,
                opening,
                new FootholdException(ErrorCode.PEER_UNAVAILABLE, "stream " + name + " was ended by the service"));
    }

    /** The call of a lane failed. */
    void broken(Lane<Q, R> lane, long opening, Throwable failure) {
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
            Set<Backlog.Piece<Q, R>> back = backlog.leave(lane);
            boolean nobody = lanes.noneHere();
            if (nobody) {
                absence.begins();
                absence.lost(backlog.keys(), own.text());
            } else if (was) {
                LOG.warnf(
                        "%s at %s broke with %d pieces of work under way: %s",
                        name, lane.replica, back.size(), own.text());
            }
            endWhenIdle(lane);
            if (!own.code().retryable()) {
                refused(nobody ? backlog.all() : back, own);
                return;
            }
            backlog.again(back);
            blocked.freed();
            if (backlog.isEmpty()) {
                // Nobody waits for it: the time until somebody does is no waiting.
                absence.pauses();
            } else {
                // One that was late for a piece of work was not away.
                if (nobody && own.code() != ErrorCode.DEADLINE) {
                    absence.tell(backlog.callers(), own.text());
                }
                ensureOpen();
                flush();
            }
        } finally {
            lock.unlock();
        }
    }

    /** A refusal will be repeated by every attempt: the work that caused it is told at once. */
    private void refused(Set<Backlog.Piece<Q, R>> whose, FootholdException refusal) {
        absence.pauses();
        whose.forEach(backlog::remove);
        timer.after(Duration.ZERO, () -> whose.forEach(piece -> piece.future.completeExceptionally(refusal)));
        blocked.freed();
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
        Map<Backlog.Piece<Q, R>, @Nullable Lane<Q, R>> late;
        boolean gone;
        lock.lock();
        try {
            gone = absence.longerThan(limits.patience());
            late = backlog.late(gone, timer.nanoTime(), limits.answer());
            if (gone) {
                absence.endsPatience();
            }
            if (late.isEmpty()) {
                begin(lanes.silent(limits.firstCredit()));
                return;
            }
            // A replica still holds credit for what is late, and who gave no credit in all that time holds it too: they
            // begin again.
            boolean waited = late.containsValue(null);
            begin(waited || gone ? lanes.all() : new LinkedHashSet<>(late.values()));
            blocked.freed();
        } finally {
            lock.unlock();
        }
        late.forEach((piece, lane) -> {
            Duration limit = lane != null && limits.answer().compareTo(limits.deadline()) < 0
                    ? limits.answer()
                    : limits.deadline();
            piece.future.completeExceptionally(
                    gone ? absence.unavailable(piece.missing, limits.patience()) : absence.late(piece.missing, limit));
        });
    }

    /** Has clean streams in place of those that are stuck. */
    private void begin(Collection<? extends @Nullable Lane<Q, R>> stuck) {
        for (Lane<Q, R> lane : stuck) {
            Cancellable running = lane == null ? null : lane.running();
            if (lane != null && running != null) {
                broken(
                        lane,
                        lane.opening(),
                        new FootholdException(ErrorCode.DEADLINE, "stream " + name + " was too slow"));
                lanes.cancelLater(running);
            }
        }
    }

    /** Ends the stream; work under way fails with {@link ErrorCode#CANCELLED}. */
    @Override
    public void close() {
        Set<Backlog.Piece<Q, R>> open;
        List<Cancellable> running;
        lock.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            open = backlog.clear();
            running = lanes.close();
            blocked.freed();
        } finally {
            lock.unlock();
        }
        timer.close();
        running.forEach(Cancellable::cancel);
        open.forEach(piece -> piece.future.completeExceptionally(
                new FootholdException(ErrorCode.CANCELLED, "stream " + name + " was closed")));
    }
}
