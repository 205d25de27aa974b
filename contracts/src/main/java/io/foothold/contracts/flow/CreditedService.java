package io.foothold.contracts.flow;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.metric.OpenWork;
import io.foothold.v1.Credit;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.subscription.BackPressureStrategy;
import io.smallrye.mutiny.subscription.Cancellable;
import io.smallrye.mutiny.subscription.MultiEmitter;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The serving side of a credited stream. As long as work under way leaves half of the window free, its caller has at least that
 * much credit.
 *
 * @param <Q> request message of the stream
 * @param <R> response message of the stream
 */
public final class CreditedService<Q, R> {

    /** How the messages of one contract look. */
    public interface Shape<Q, R> {
        /** The credit in a request, or 0 when the request is work. */
        int creditOf(Q request);

        /** A response that grants credit. */
        R credit(int items);

        /** What answers work whose handler threw: one result for every item of it. */
        List<R> failed(Q work, FootholdException failure);

        /** A shape from functions. */
        static <Q, R> Shape<Q, R> of(
                Function<Q, Credit> creditOf,
                Function<Credit, R> credit,
                BiFunction<Q, FootholdException, List<R>> failed) {
            return new Shape<>() {
                @Override
                public int creditOf(Q request) {
                    return creditOf.apply(request).getItems();
                }

                @Override
                public R credit(int items) {
                    return credit.apply(Credit.newBuilder().setItems(items).build());
                }

                @Override
                public List<R> failed(Q work, FootholdException failure) {
                    return failed.apply(work, failure);
                }
            };
        }
    }

    /** Where a handler puts the results of one piece of work; may be called from any thread. */
    public interface Results<R> {
        /** One result. */
        void emit(R result);

        /** No further result will come; the caller may send as much again. */
        void done();
    }

    /** Does the work. Must return quickly; long work belongs on the handler's own threads. */
    @FunctionalInterface
    public interface Handler<Q, R> {
        /** Starts one piece of work; the returned action stops it when the caller goes away. */
        Runnable start(Q work, Results<R> results);
    }

    private static final Logger LOG = Logger.getLogger(CreditedService.class);

    private final String name;
    private final Shape<Q, R> shape;
    private final int window;
    private final Handler<Q, R> handler;
    private final Set<Session> open = ConcurrentHashMap.newKeySet();
    /** Work of all streams that was taken and is not done. */
    private final OpenWork taken = new OpenWork();

    private volatile boolean stopped;

    /**
     * A service that holds at most {@code window} pieces of work a stream, their unsent results included.
     *
     * @param name names its streams in the log, such as {@code verification}
     */
    public CreditedService(String name, Shape<Q, R> shape, int window, Handler<Q, R> handler) {
        if (window < 1) {
            throw new IllegalArgumentException("window must be at least 1: " + window);
        }
        this.name = name;
        this.shape = shape;
        this.window = window;
        this.handler = handler;
    }

    /** Serves one stream. */
    public Multi<R> serve(Multi<Q> inbound) {
        return Multi.createFrom().emitter(emitter -> new Session(emitter).open(inbound), BackPressureStrategy.BUFFER);
    }

    /**
     * Ends all streams with {@link ErrorCode#DRAINING} and stops their work; every further stream ends like that at once. Callers send what
     * had no answer to whoever serves next: what a handler makes of its own interruption is nobody's result. Thread-safe.
     */
    public void stop() {
        stopped = true;
        open.forEach(Session::drained);
    }

    /** The work of all its streams. */
    public OpenWork work() {
        return taken;
    }

    private final class Work implements Results<R> {
        private final OpenWork.Piece piece = taken.begin();
        private final Session session;
        private boolean finished;
        private @Nullable Runnable stop;

        Work(Session session) {
            this.session = session;
        }

        @Override
        public void emit(R result) {
            session.ready(new Item<>(this, result));
        }

        @Override
        public void done() {
            session.ready(new Item<>(this, null));
        }
    }

    /** A result, or with a null result the end of its work. */
    private record Item<W, R>(W work, @Nullable R result) {}

    private final class Session {
        private final ReentrantLock lock = new ReentrantLock();
        private final MultiEmitter<? super R> emitter;
        private final Deque<Item<Work, R>> ready = new ArrayDeque<>();
        private final Set<Work> active = new LinkedHashSet<>();
        private long credits;
        /** Credits of work that is done, which the caller did not get back yet. */
        private int unreturned;

        private boolean halfClosed;
        private boolean closed;
        private boolean draining;
        private long came;
        /** Whether its end was logged. */
        private boolean told;

        Session(MultiEmitter<? super R> emitter) {
            this.emitter = emitter;
        }

        void open(Multi<Q> inbound) {
            LOG.infof("a %s stream was opened", name);
            emitter.emit(shape.credit(window));
            Cancellable upstream = inbound.subscribe().with(this::receive, this::abort, this::halfClose);
            open.add(this);
            emitter.onTermination(() -> {
                open.remove(this);
                upstream.cancel();
                stopAll();
            });
            if (stopped) {
                drained();
            }
        }

        void drained() {
            abort(new FootholdException(ErrorCode.DRAINING, "the service is shutting down"));
        }

        private void receive(Q request) {
            int granted = shape.creditOf(request);
            if (granted > 0) {
                lock.lock();
                try {
                    credits += granted;
                    drain();
                } finally {
                    lock.unlock();
                }
                return;
            }
            Work work = new Work(this);
            lock.lock();
            try {
                if (closed) {
                    taken.end(work.piece);
                    return;
                }
                if (active.size() >= window) {
                    taken.end(work.piece);
                    fail(new FootholdException(
                            ErrorCode.NO_CREDIT, "work without credit: all " + window + " credits are in use"));
                    return;
                }
                active.add(work);
                came++;
                drain();
            } finally {
                lock.unlock();
            }
            try {
                Runnable stop = handler.start(request, work);
                boolean stopNow;
                lock.lock();
                try {
                    work.stop = stop;
                    stopNow = closed;
                } finally {
                    lock.unlock();
                }
                if (stopNow) {
                    stop.run();
                }
            } catch (Throwable t) {
                // Whatever it is: the caller waits for an answer.
                shape.failed(request, FailureLog.told(LOG, "work of a " + name + " stream", t))
                        .forEach(work::emit);
                work.done();
            }
        }

        private void ready(Item<Work, R> item) {
            lock.lock();
            try {
                if (!closed && !item.work().finished) {
                    item.work().finished = item.result() == null;
                    ready.add(item);
                    drain();
                }
            } finally {
                lock.unlock();
            }
        }

        /** Sends what may be sent. Emission can call back into this session on the same thread: only the outermost drains. */
        private void drain() {
            if (draining) {
                return;
            }
            draining = true;
            try {
                do {
                    send();
                } while (returnCredits());
                if (!closed && halfClosed && active.isEmpty()) {
                    closed = true;
                    emitter.complete();
                }
            } finally {
                draining = false;
            }
        }

        private void send() {
            while (!closed) {
                Item<Work, R> next = ready.peek();
                if (next == null || (next.result() != null && credits == 0)) {
                    return;
                }
                ready.poll();
                R result = next.result();
                if (result == null) {
                    active.remove(next.work());
                    taken.end(next.work().piece);
                    unreturned++;
                } else {
                    credits--;
                    emitter.emit(result);
                }
            }
        }

        /** Many in one message: a caller that has half its window left waits for none. */
        private boolean returnCredits() {
            if (closed || unreturned == 0 || window - active.size() - unreturned >= (window + 1) / 2) {
                return false;
            }
            int returned = unreturned;
            unreturned = 0;
            emitter.emit(shape.credit(returned));
            return true;
        }

        private void halfClose() {
            lock.lock();
            try {
                halfClosed = true;
                drain();
            } finally {
                lock.unlock();
            }
        }

        private void abort(Throwable cause) {
            lock.lock();
            try {
                fail(FootholdException.of(cause));
            } finally {
                lock.unlock();
            }
            stopAll();
        }

        private void fail(FootholdException failure) {
            if (!closed) {
                closed = true;
                emitter.fail(
                        FailureLog.told(LOG, "a " + name + " stream", failure).toStatus());
            }
        }

        private void stopAll() {
            Runnable[] stops;
            lock.lock();
            try {
                closed = true;
                if (!told) {
                    told = true;
                    LOG.infof(
                            "a %s stream was closed: %d pieces of work came, %d of them were given up",
                            name, came, active.size());
                }
                active.forEach(work -> taken.end(work.piece));
                stops = active.stream()
                        .map(w -> w.stop)
                        .filter(java.util.Objects::nonNull)
                        .toArray(Runnable[]::new);
                active.clear();
                ready.clear();
            } finally {
                lock.unlock();
            }
            for (Runnable stop : stops) {
                stop.run();
            }
        }
    }
}
