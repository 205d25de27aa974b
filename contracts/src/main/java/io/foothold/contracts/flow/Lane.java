package io.foothold.contracts.flow;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.subscription.BackPressureStrategy;
import io.smallrye.mutiny.subscription.Cancellable;
import io.smallrye.mutiny.subscription.MultiEmitter;
import java.time.Duration;
import java.util.function.Function;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * The connection of a credited stream to one replica of its service: one call that stays open, opened again with back-off. Its fields
 * are the stream's, which holds its lock whenever it touches them; only {@link #connect} is called without it.
 *
 * @param <Q> request message of the stream
 * @param <R> response message of the stream
 */
final class Lane<Q, R> {
    /** Address of the replica, as people look for it. */
    final String replica;

    /** How it is called; another one where the replica came back under its address. */
    Function<Multi<Q>, Multi<R>> call;

    private final CreditedStream<Q, R> owner;
    /** Number of the opening; what belongs to another is late. */
    private long opening;

    private @Nullable MultiEmitter<? super Q> outbound;
    private @Nullable Cancellable subscription;
    private boolean connecting;
    private int unreturned;
    private long begunNanos;
    private long backoffMillis;

    /** Pieces of work that the replica takes now. */
    int credits;

    /** Pieces of work that were sent and have no end. */
    int underWay;

    /** Whether something came since it was opened. */
    boolean here;

    /** Whether the replica left its service: what it has it may answer, it gets nothing more. */
    boolean leaving;

    /** Whether it is no lane of the stream any more. */
    boolean gone;

    Lane(String replica, Function<Multi<Q>, Multi<R>> call, CreditedStream<Q, R> owner) {
        this.replica = replica;
        this.call = call;
        this.owner = owner;
    }

    /** Whether this is the opening that counts. */
    boolean is(long number) {
        return number == opening && !gone;
    }

    boolean takesWork() {
        return outbound != null && !leaving && credits > 0;
    }

    /** Whether it is for its stream to have it opened; it is from then on being opened. */
    boolean mayConnect() {
        if (outbound != null || connecting || leaving || gone) {
            return false;
        }
        connecting = true;
        return true;
    }

    /** Milliseconds to wait before it is opened. */
    long backoffMillis() {
        return backoffMillis;
    }

    /** Begins an opening. Here and not when the outbound side opens: the service's first credit may come before that. */
    long begin(long nanos) {
        begunNanos = nanos;
        here = false;
        credits = 0;
        unreturned = 0;
        return ++opening;
    }

    /** Calls the replica; without the lock. What was started may be over already. */
    Cancellable connect(long number) {
        Multi<Q> up =
                Multi.createFrom().emitter(emitter -> owner.opened(this, number, emitter), BackPressureStrategy.BUFFER);
        return call.apply(up)
                .subscribe()
                .with(
                        response -> owner.received(this, number, response),
                        failure -> owner.broken(this, number, failure),
                        () -> owner.ended(this, number));
    }

    /** Whether it has been open for longer than this and nothing came, not even a first credit. */
    boolean silent(long nanos, Duration longest) {
        return subscription != null && !here && nanos - begunNanos > longest.toNanos();
    }

    long opening() {
        return opening;
    }

    /** The call that is open, if one is. */
    @Nullable
    Cancellable running() {
        return subscription;
    }

    void connected(Cancellable started) {
        subscription = started;
    }

    void opened(MultiEmitter<? super Q> emitter, Q firstCredit) {
        outbound = emitter;
        connecting = false;
        emitter.emit(firstCredit);
    }

    void send(Q work) {
        credits--;
        underWay++;
        if (outbound != null) {
            outbound.emit(work);
        }
    }

    /** A result came: gives credit back, a quarter of the window in one message. */
    void taken(int window, IntFunction<Q> credit) {
        unreturned++;
        if (outbound != null && unreturned >= Math.max(1, window / 4)) {
            outbound.emit(credit.apply(unreturned));
            unreturned = 0;
        }
    }

    /** Something came: it is there, and after its next break it is opened at once. */
    void came() {
        here = true;
        backoffMillis = 0;
    }

    /** Is closed for its stream, whatever still comes of it. */
    @Nullable
    Cancellable closed() {
        opening++;
        here = false;
        Cancellable running = subscription;
        outbound = null;
        subscription = null;
        connecting = false;
        credits = 0;
        underWay = 0;
        return running;
    }

    /** The next opening waits twice as long as the one before. */
    void backOff(long firstMillis, long longestMillis) {
        backoffMillis = backoffMillis == 0 ? firstMillis : Math.min(backoffMillis * 2, longestMillis);
    }
}
