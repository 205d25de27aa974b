package io.foothold.contracts.simulation;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.subscription.BackPressureStrategy;
import io.smallrye.mutiny.subscription.Cancellable;
import io.smallrye.mutiny.subscription.MultiEmitter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Connections between one caller and one service. As on a gRPC stream, what goes one way arrives in order or not at all; how long it
 * takes is random, and so is what is still delivered of a connection that breaks and when each end learns of it. Streams on different
 * connections overtake each other. For one thread.
 *
 * @param <Q> what goes to the service
 * @param <R> what comes back
 */
public final class SimulatedNetwork<Q, R> {
    private final SimulatedTime time;
    private final RandomGenerator random;
    private final Duration slowest;
    private final Watch<Q, R> watch;
    private final List<Connection> open = new ArrayList<>();
    private @Nullable Function<Multi<Q>, Multi<R>> service;

    /** Told what passes, by the service's side of each connection. */
    public interface Watch<Q, R> {
        /** A connection reached the service. */
        void opened(Object connection);

        /** Something reached the service. */
        void received(Object connection, Q message);

        /** The service sent something. */
        void sent(Object connection, R message);

        /** The service ended a connection by itself. */
        void ended(Object connection, @Nullable Throwable failure);
    }

    /** A network without a service. */
    public SimulatedNetwork(SimulatedTime time, RandomGenerator random, Duration slowest, Watch<Q, R> watch) {
        this.time = time;
        this.random = random;
        this.slowest = slowest;
        this.watch = watch;
    }

    /** The service is there from now on, a new incarnation where one was before; without one, nobody is. */
    public void serve(@Nullable Function<Multi<Q>, Multi<R>> incarnation) {
        service = incarnation;
        List.copyOf(open).forEach(Connection::die);
    }

    /** Breaks one of the connections, if any. */
    public void breakOne() {
        pick(Connection::die);
    }

    /** One of the connections delivers nothing from now on, and neither end is told. */
    public void stallOne() {
        pick(c -> c.stalled = true);
    }

    private void pick(java.util.function.Consumer<Connection> fault) {
        if (!open.isEmpty()) {
            fault.accept(open.get(random.nextInt(open.size())));
        }
    }

    /** The caller's side: one stream. */
    public Multi<R> call(Multi<Q> up) {
        return Multi.createFrom().emitter(down -> new Connection(down).open(up), BackPressureStrategy.BUFFER);
    }

    private final class Connection {
        private final MultiEmitter<? super R> down;
        private @Nullable MultiEmitter<? super Q> inbound;
        private final List<Cancellable> subscriptions = new ArrayList<>();
        private boolean stalled;
        /** The service ended the stream, or knows of its end. */
        private boolean serviceDone;

        /** The caller ended the stream, or knows of its end. */
        private boolean callerDone;

        private boolean dead;
        /** Whether what is on its way still arrives at each end after the connection died. */
        private boolean losesUp;

        private boolean losesDown;
        private long upAt;
        private long downAt;

        Connection(MultiEmitter<? super R> down) {
            this.down = down;
        }

        void open(Multi<Q> up) {
            open.add(this);
            down.onTermination(() -> {
                callerDone = true;
                open.remove(this);
                // Who is cut off cannot say that it gives up either; the service's side is told by its keep-alive.
                time.after(slowest, () -> {
                    dead = true;
                    losesUp = true;
                    tellService();
                });
            });
            Function<Multi<Q>, Multi<R>> reached = service;
            if (reached == null) {
                serviceDone = true;
                open.remove(this);
                towardsCaller(() -> tellCaller(gone("connection refused")));
                return;
            }
            towardsService(() -> {
                Multi<Q> in = Multi.createFrom().emitter(e -> inbound = e, BackPressureStrategy.BUFFER);
                watch.opened(this);
                subscriptions.add(reached.apply(in)
                        .subscribe()
                        .with(
                                message -> {
                                    watch.sent(this, message);
                                    towardsCaller(() -> down.emit(message));
                                },
                                failure -> {
                                    serviceDone = true;
                                    watch.ended(this, failure);
                                    towardsCaller(() -> tellCaller(failure));
                                },
                                () -> {
                                    serviceDone = true;
                                    watch.ended(this, null);
                                    towardsCaller(down::complete);
                                }));
            });
            subscriptions.add(up.subscribe()
                    .with(
                            message -> towardsService(() -> {
                                watch.received(this, message);
                                if (inbound != null) {
                                    inbound.emit(message);
                                }
                            }),
                            failure -> die(),
                            () -> towardsService(() -> {
                                if (inbound != null) {
                                    inbound.complete();
                                }
                            })));
        }

        private void towardsService(Runnable delivery) {
            upAt = Math.max(upAt, time.now() + time.upTo(slowest).toNanos());
            time.at(upAt, () -> {
                if (!stalled && !(dead && losesUp)) {
                    delivery.run();
                }
            });
        }

        private void towardsCaller(Runnable delivery) {
            downAt = Math.max(downAt, time.now() + time.upTo(slowest).toNanos());
            time.at(downAt, () -> {
                if (!stalled && !(dead && losesDown)) {
                    delivery.run();
                }
            });
        }

        void die() {
            if (dead) {
                return;
            }
            dead = true;
            open.remove(this);
            losesUp = random.nextBoolean();
            losesDown = random.nextBoolean();
            time.at(
                    Math.max(
                            losesDown ? 0 : downAt,
                            time.now() + time.upTo(slowest).toNanos()),
                    () -> tellCaller(gone("connection reset")));
            time.at(Math.max(losesUp ? 0 : upAt, time.now() + time.upTo(slowest).toNanos()), this::tellService);
        }

        private void tellCaller(Throwable failure) {
            if (!callerDone) {
                callerDone = true;
                down.fail(failure);
            }
        }

        private void tellService() {
            if (serviceDone) {
                return;
            }
            serviceDone = true;
            if (inbound != null) {
                inbound.fail(gone("the caller went away"));
            }
            subscriptions.forEach(Cancellable::cancel);
        }
    }

    private static FootholdException gone(String how) {
        return new FootholdException(ErrorCode.PEER_UNAVAILABLE, how);
    }
}
