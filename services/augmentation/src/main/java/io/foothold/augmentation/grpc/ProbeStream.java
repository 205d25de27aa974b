package io.foothold.augmentation.grpc;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.BackPressureStrategy;
import io.smallrye.mutiny.subscription.Cancellable;
import io.smallrye.mutiny.subscription.MultiEmitter;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** A stream on which the service asks and the caller answers; questions cost the caller's credits. */
final class ProbeStream<Q, R> {
    private static final Logger LOG = Logger.getLogger(ProbeStream.class);

    /** One stream's state. */
    interface Session<Q, R> {
        /** What to send after a message. */
        List<R> take(Q request);

        /** The last message, once there is nothing left to ask. */
        Optional<R> end();
    }

    /** Messages that a caller may send while its session is being opened. */
    private static final int WAITING = 1000;

    private final Function<Q, Uni<Session<Q, R>>> open;
    private final MultiEmitter<? super R> emitter;
    private final Deque<Q> waiting = new ArrayDeque<>();
    private @Nullable Session<Q, R> session;
    private boolean opening;
    private boolean ended;
    private boolean over;

    private ProbeStream(Function<Q, Uni<Session<Q, R>>> open, MultiEmitter<? super R> emitter) {
        this.open = open;
        this.emitter = emitter;
    }

    /**
     * Serves one stream.
     *
     * @param open makes the session from the first message, on whatever thread it likes
     */
    static <Q, R> Multi<R> serve(Multi<Q> requests, Function<Q, Uni<Session<Q, R>>> open) {
        return Multi.createFrom()
                .emitter(
                        emitter -> {
                            ProbeStream<Q, R> stream = new ProbeStream<>(open, emitter);
                            Cancellable upstream =
                                    requests.subscribe().with(stream::take, stream::fail, stream::halfClosed);
                            emitter.onTermination(() -> {
                                upstream.cancel();
                                stream.gone();
                            });
                        },
                        BackPressureStrategy.BUFFER);
    }

    private synchronized void take(Q request) {
        if (over) {
            return;
        }
        Session<Q, R> current = session;
        if (current != null) {
            process(current, request);
        } else if (opening && waiting.size() == WAITING) {
            fail(new FootholdException(
                    ErrorCode.NO_CREDIT, "more than " + WAITING + " messages before the first was answered"));
        } else if (opening) {
            waiting.add(request);
        } else {
            opening = true;
            try {
                open.apply(request).subscribe().with(this::opened, this::fail);
            } catch (Throwable t) {
                fail(t);
            }
        }
    }

    private synchronized void opened(Session<Q, R> made) {
        if (over) {
            return;
        }
        session = made;
        endIfDone(made);
        for (Q next = waiting.poll(); next != null; next = waiting.poll()) {
            process(made, next);
        }
        if (ended) {
            complete();
        }
    }

    private void process(Session<Q, R> current, Q request) {
        if (over) {
            return;
        }
        try {
            current.take(request).forEach(emitter::emit);
            endIfDone(current);
        } catch (Throwable t) {
            // Whatever it is: who asked waits for an answer.
            fail(t);
        }
    }

    private void endIfDone(Session<Q, R> current) {
        current.end().ifPresent(last -> {
            over = true;
            emitter.emit(last);
            emitter.complete();
        });
    }

    private synchronized void fail(Throwable t) {
        if (!over) {
            over = true;
            waiting.clear();
            emitter.fail(FailureLog.told(LOG, "a stream of probes", t).toStatus());
        }
    }

    /** The caller asks nothing more; what it asked before is answered first. */
    private synchronized void halfClosed() {
        if (opening && session == null) {
            ended = true;
        } else {
            complete();
        }
    }

    private synchronized void gone() {
        over = true;
        waiting.clear();
    }

    private void complete() {
        if (!over) {
            over = true;
            emitter.complete();
        }
    }
}
