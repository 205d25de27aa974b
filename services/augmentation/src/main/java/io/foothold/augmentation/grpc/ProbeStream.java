package io.foothold.augmentation.grpc;

import io.foothold.contracts.error.FailureLog;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.subscription.BackPressureStrategy;
import io.smallrye.mutiny.subscription.Cancellable;
import io.smallrye.mutiny.subscription.MultiEmitter;
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

    private final Function<Q, Session<Q, R>> open;
    private final MultiEmitter<? super R> emitter;
    private @Nullable Session<Q, R> session;
    private boolean over;

    private ProbeStream(Function<Q, Session<Q, R>> open, MultiEmitter<? super R> emitter) {
        this.open = open;
        this.emitter = emitter;
    }

    /** Serves one stream; its first message opens the session. */
    static <Q, R> Multi<R> serve(Multi<Q> requests, Function<Q, Session<Q, R>> open) {
        return Multi.createFrom()
                .emitter(
                        emitter -> {
                            ProbeStream<Q, R> stream = new ProbeStream<>(open, emitter);
                            Cancellable upstream =
                                    requests.subscribe().with(stream::take, stream::fail, stream::halfClosed);
                            emitter.onTermination(upstream::cancel);
                        },
                        BackPressureStrategy.BUFFER);
    }

    private synchronized void take(Q request) {
        if (over) {
            return;
        }
        try {
            Session<Q, R> current = session;
            if (current == null) {
                current = open.apply(request);
                session = current;
            } else {
                current.take(request).forEach(emitter::emit);
            }
            current.end().ifPresent(last -> {
                over = true;
                emitter.emit(last);
                emitter.complete();
            });
        } catch (RuntimeException e) {
            fail(e);
        }
    }

    private synchronized void fail(Throwable t) {
        if (!over) {
            over = true;
            emitter.fail(FailureLog.told(LOG, "a stream of probes", t).toStatus());
        }
    }

    private synchronized void halfClosed() {
        if (!over) {
            over = true;
            emitter.complete();
        }
    }
}
