package io.foothold.learner.torch;

import com.google.common.util.concurrent.ListenableFuture;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.v1.GetBackendStatusRequest;
import io.foothold.v1.TensorBackendServiceGrpc;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Calls of a worker whose ranks are watched: they are waited for as long as the ranks live and get on. Owned by the backend's thread. */
final class WatchedCalls {
    private static final Duration LOOK = Duration.ofMillis(200);
    private static final Duration ASK = Duration.ofSeconds(2);
    private static final Duration ANSWER = Duration.ofSeconds(10);

    private final Ranks ranks;
    private final Duration hang;
    private final Runnable lost;

    /**
     * Calls of these ranks.
     *
     * @param hang how long they may stand still
     * @param lost told before a call fails because the ranks are of no further use
     */
    WatchedCalls(Ranks ranks, Duration hang, Runnable lost) {
        this.ranks = ranks;
        this.hang = hang;
        this.lost = lost;
    }

    /** Waits for an answer, as long as the ranks live and get on. */
    <T> T of(String name, ListenableFuture<T> answer) {
        long progress = -1;
        long movedAt = System.nanoTime();
        long askAt = movedAt + ASK.toNanos();
        while (true) {
            try {
                return answer.get(LOOK.toNanos(), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                Optional<String> death = ranks.death();
                if (death.isPresent()) {
                    throw lost(name, ranks.deathSoon().orElse(death.get()), answer);
                }
                long now = System.nanoTime();
                if (now > askAt) {
                    long seen = progress();
                    movedAt = seen == progress ? movedAt : now;
                    progress = seen;
                    askAt = now + ASK.toNanos();
                }
                if (now - movedAt > hang.toNanos()) {
                    throw lost(name, "no progress for " + hang.toSeconds() + " s: a rank hangs", answer);
                }
            } catch (ExecutionException e) {
                throw failure(name, e, answer);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw lost(name, "the learner is shutting down", answer);
            }
        }
    }

    /** How far the worker says that it has come; −1 when it does not say. */
    private long progress() {
        try {
            return TensorBackendServiceGrpc.newBlockingStub(ranks.channel())
                    .withDeadlineAfter(ANSWER.toMillis(), TimeUnit.MILLISECONDS)
                    .getBackendStatus(GetBackendStatusRequest.getDefaultInstance())
                    .getProgress();
        } catch (StatusRuntimeException e) {
            return -1;
        }
    }

    private FootholdException failure(String name, ExecutionException e, ListenableFuture<?> answer) {
        if (e.getCause() instanceof StatusRuntimeException status) {
            String text = status.getStatus().getDescription();
            if (status.getStatus().getCode() == Status.Code.INVALID_ARGUMENT) {
                return new FootholdException(ErrorCode.INVALID_DATA, text, e);
            }
            String told = text == null ? status.getStatus().getCode().name() : text;
            // A rank that is gone says nothing itself; its peers say that they miss it.
            boolean connection = status.getStatus().getCode() != Status.Code.RESOURCE_EXHAUSTED;
            return lost(name, (connection ? ranks.deathSoon() : Optional.<String>empty()).orElse(told), answer);
        }
        return lost(name, String.valueOf(e.getCause()), answer);
    }

    private FootholdException lost(String name, String why, ListenableFuture<?> answer) {
        answer.cancel(true);
        lost.run();
        return new FootholdException(ErrorCode.WRONG_STATE, "the torch backend was lost in " + name + ": " + why);
    }
}
