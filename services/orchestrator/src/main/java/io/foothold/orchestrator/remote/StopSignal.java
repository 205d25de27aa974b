package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Ends what a run waits for, all of it at once: when a person asks the run to stop, or when something it cannot do without is gone
 * for good. Thread-safe.
 */
public final class StopSignal {
    private static final Duration LOOK_EVERY = Duration.ofMillis(500);

    private final WaitClock clock;
    private final AtomicReference<@Nullable FootholdException> reason = new AtomicReference<>();
    private final Set<CompletableFuture<?>> waiting = ConcurrentHashMap.newKeySet();
    private final CompletableFuture<Void> aborted = new CompletableFuture<>();

    /** A signal on the clock of the machine. */
    public StopSignal() {
        this(WaitClock.system());
    }

    /**
     * A signal that nobody gave yet.
     *
     * @param clock what is waited by
     */
    public StopSignal(WaitClock clock) {
        this.clock = clock;
    }

    /** What is waited by. */
    WaitClock clock() {
        return clock;
    }

    /** Asks for the end: waits fail with {@link ErrorCode#CANCELLED}. */
    public void stop() {
        end(new FootholdException(ErrorCode.CANCELLED, "the run was asked to stop"));
    }

    /** Ends everything, an update under way included: waits fail with the reason. */
    public void abort(FootholdException why) {
        end(why);
        aborted.completeExceptionally(why);
    }

    private void end(FootholdException why) {
        if (reason.compareAndSet(null, why) || why.code() != ErrorCode.CANCELLED) {
            reason.set(why);
            waiting.forEach(w -> w.completeExceptionally(why));
        }
    }

    /** Whether the end was asked for, in either way. */
    public boolean asked() {
        return reason.get() != null;
    }

    /** Whether a failure is no more than what a stop that was asked for makes of waits. */
    public boolean explains(FootholdException failure) {
        return asked() && failure.code() == ErrorCode.CANCELLED;
    }

    /** Throws the reason when the end was asked for. */
    public void check() {
        FootholdException why = reason.get();
        if (why != null) {
            throw why;
        }
    }

    /** Throws the reason when everything was ended; nothing happens when only a stop was asked for. */
    public void checkAborted() {
        FootholdException why = reason.get();
        if (why != null && aborted.isDone()) {
            throw why;
        }
    }

    /** The same result, or the reason when the end is asked for first. */
    public <T> CompletableFuture<T> guard(CompletableFuture<T> future) {
        CompletableFuture<T> out = new CompletableFuture<>();
        waiting.add(out);
        var unused = future.whenComplete((value, failure) -> {
            waiting.remove(out);
            if (failure == null) {
                out.complete(value);
            } else {
                out.completeExceptionally(failure);
            }
        });
        FootholdException why = reason.get();
        if (why != null) {
            waiting.remove(out);
            out.completeExceptionally(why);
        }
        return out;
    }

    /** Pauses; throws the reason when the end is asked for before. */
    public void sleep(Duration pause) {
        await(guard(clock.after(pause)));
    }

    /** Throws the reason of an abort, or that of a stop while the service that trains the update is away. */
    public void checkUpdate(BooleanSupplier away) {
        if (aborted.isCompletedExceptionally() || away.getAsBoolean()) {
            check();
        }
    }

    /** Waits for a future that no stop ends, only {@link #abort}, or a stop while the service that answers is away. */
    public <T> T awaitUpdate(CompletableFuture<T> future, BooleanSupplier away) {
        CompletableFuture<Object> either = CompletableFuture.anyOf(future, aborted);
        while (!either.isDone()) {
            var unused = await(CompletableFuture.anyOf(either, clock.after(LOOK_EVERY)));
            if (!either.isDone() && away.getAsBoolean()) {
                check();
            }
        }
        var unused = await(either);
        return await(future);
    }

    /** Waits; every failure as ours. */
    static <T> T await(CompletableFuture<T> future) {
        try {
            return future.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
        } catch (ExecutionException | RuntimeException e) {
            throw FootholdException.of(e);
        }
    }
}
