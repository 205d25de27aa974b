package io.foothold.augmentation.grpc;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.metric.OpenWork;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/**
 * Where files are waited for and start states are made: a few threads of their own, so that a slow disk holds up neither I/O threads nor
 * whoever does not need it. Platform threads, because looking at a file holds its thread whatever kind it is.
 */
final class FileThreads {
    private static final int WAITING = 256;

    private final ThreadPoolExecutor threads;
    private final Duration deadline;
    private final OpenWork open = new OpenWork();

    /**
     * Threads.
     *
     * @param count how many
     * @param deadline how long a piece of work may take, waiting included; then its thread is interrupted
     */
    FileThreads(int count, Duration deadline) {
        this.deadline = deadline;
        this.threads = new ThreadPoolExecutor(
                count,
                count,
                1,
                TimeUnit.MINUTES,
                new ArrayBlockingQueue<>(WAITING),
                Thread.ofPlatform().daemon().name("files-", 0).factory());
    }

    /**
     * Does work there once it is asked for.
     *
     * @param what names the work in messages
     */
    <T> Uni<T> run(String what, Supplier<T> work) {
        return Uni.createFrom()
                .<T>emitter(emitter -> {
                    try {
                        AtomicBoolean done = new AtomicBoolean();
                        OpenWork.Piece piece = open.begin();
                        emitter.onTermination(() -> open.end(piece));
                        Future<?> under = threads.submit(() -> {
                            T result;
                            try {
                                result = work.get();
                            } catch (Throwable t) {
                                done.set(true);
                                emitter.fail(t);
                                return;
                            }
                            done.set(true);
                            emitter.complete(result);
                        });
                        emitter.onTermination(() -> {
                            open.end(piece);
                            if (!done.get()) {
                                under.cancel(true);
                            }
                        });
                    } catch (RejectedExecutionException e) {
                        emitter.fail(new FootholdException(
                                ErrorCode.DEADLINE,
                                what + ": " + WAITING + " others are waiting for files already",
                                e));
                    }
                })
                .ifNoItem()
                .after(deadline)
                .failWith(() -> new FootholdException(
                        ErrorCode.DEADLINE,
                        what + " took longer than " + deadline.toSeconds()
                                + " s; a set that is being read goes on being read for whoever asks again"));
    }

    /** What waits or is being done for whoever still waits for it. */
    OpenWork work() {
        return open;
    }

    /** Stops what is under way. */
    void close() {
        threads.shutdownNow();
    }
}
