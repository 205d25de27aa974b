package io.foothold.orchestrator.simulation;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedService;
import io.foothold.contracts.flow.CreditedStream;
import io.foothold.contracts.flow.StreamLimits;
import io.foothold.contracts.flow.StreamShape;
import io.foothold.contracts.simulation.SimulatedNetwork;
import io.foothold.v1.Credit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A process of a service: may be killed and started again, and has calls and credited streams that break. */
class SimulatedNode {
    private static final Duration SLOWEST = Duration.ofMillis(30);
    private static final Duration LATE = Duration.ofSeconds(3);
    private static final Duration CALL = Duration.ofMinutes(2);
    private static final int WINDOW = 64;
    private static final StreamLimits LIMITS = new StreamLimits(
            256,
            64,
            Duration.ofMinutes(10),
            Duration.ofMillis(50),
            Duration.ofSeconds(5),
            Duration.ofMinutes(5),
            Duration.ofSeconds(20));

    /** What goes up a stream: credit, or work with the keys that are left to answer. */
    record Up<Q>(int credit, @Nullable Q work, List<String> keys) {}

    /** What comes down: credit, or a result. */
    record Down<R>(int credit, String key, @Nullable R result) {}

    /** Does a stream's work. */
    interface Worker<Q, R> {
        void work(Q work, List<String> keys, CreditedService.Results<Down<R>> results);
    }

    final Weather weather;
    final String name;
    private final Set<CompletableFuture<?>> calls = new LinkedHashSet<>();
    private final List<Line<?, ?>> lines = new ArrayList<>();
    private boolean up = true;
    private int incarnation;

    SimulatedNode(Weather weather, String name) {
        this.weather = weather;
        this.name = name;
    }

    boolean up() {
        return up;
    }

    /** Ends at once, with what it had in memory. */
    void kill() {
        up = false;
        incarnation++;
        forget();
        List.copyOf(calls).forEach(call -> call.completeExceptionally(gone("connection reset")));
        calls.clear();
        lines.forEach(line -> line.network.serve(null));
        weather.meet(name + " died");
    }

    /** Starts again. */
    void start() {
        if (!up) {
            up = true;
            lines.forEach(Line::serve);
        }
    }

    /** What was in memory is gone. */
    void forget() {}

    /** Breaks a connection. */
    void disconnect() {
        if (!lines.isEmpty()) {
            line().network.breakOne();
            weather.meet("stream broke");
        }
    }

    /** Has a connection deliver nothing any more, of which nobody is told. */
    void stall() {
        if (!lines.isEmpty()) {
            line().network.stallOne();
            weather.meet("stream stalled");
        }
    }

    private Line<?, ?> line() {
        return lines.get(weather.random.nextInt(lines.size()));
    }

    /** Does something later, unless it was killed until then. */
    void after(Duration pause, Runnable step) {
        int mine = incarnation;
        weather.time.after(pause, () -> {
            if (mine == incarnation && up) {
                step.run();
            }
        });
    }

    private static FootholdException gone(String how) {
        return new FootholdException(ErrorCode.PEER_UNAVAILABLE, how);
    }

    /**
     * A call. The request or its answer may be lost, be late, or arrive twice; who calls hears of a broken connection then, or nothing until
     * the deadline.
     */
    <T> CompletableFuture<T> call(Supplier<CompletableFuture<T>> service) {
        CompletableFuture<T> out = new CompletableFuture<>();
        weather.time.after(
                CALL,
                () -> out.completeExceptionally(new FootholdException(ErrorCode.DEADLINE, name + " gave no answer")));
        if (weather.strikes(20)) {
            weather.meet("request lost");
            weather.time.after(weather.upTo(LATE), () -> out.completeExceptionally(gone("connection reset")));
        } else if (weather.strikes(20)) {
            weather.meet("request late");
            weather.time.after(weather.upTo(SLOWEST), () -> out.completeExceptionally(gone("connection reset")));
            weather.time.after(weather.upTo(LATE), () -> arrive(service, new CompletableFuture<>()));
        } else if (weather.strikes(20)) {
            weather.meet("answer lost");
            weather.time.after(weather.upTo(SLOWEST), () -> arrive(service, new CompletableFuture<>()));
            weather.time.after(weather.upTo(LATE), () -> out.completeExceptionally(gone("connection reset")));
        } else {
            weather.time.after(weather.upTo(SLOWEST), () -> arrive(service, out));
            if (weather.strikes(20)) {
                weather.meet("request twice");
                weather.time.after(weather.upTo(LATE), () -> arrive(service, new CompletableFuture<>()));
            }
        }
        return out;
    }

    private <T> void arrive(Supplier<CompletableFuture<T>> service, CompletableFuture<T> out) {
        if (!up) {
            weather.time.after(weather.upTo(SLOWEST), () -> out.completeExceptionally(gone("connection refused")));
            return;
        }
        CompletableFuture<T> answer;
        try {
            answer = service.get();
        } catch (FootholdException e) {
            answer = CompletableFuture.failedFuture(e);
        }
        calls.add(out);
        int mine = incarnation;
        var unused = answer.whenComplete((value, failure) -> {
            if (mine != incarnation) {
                return;
            }
            weather.time.after(weather.upTo(SLOWEST), () -> {
                calls.remove(out);
                if (failure == null) {
                    out.complete(value);
                } else {
                    out.completeExceptionally(failure);
                }
            });
        });
    }

    /** A credited stream from a process to this one. */
    <Q, R> CreditedStream<Up<Q>, Down<R>> stream(SimulatedProcess from, Worker<Q, R> worker) {
        Line<Q, R> line = new Line<>(worker);
        lines.add(line);
        if (up) {
            line.serve();
        }
        var timer = weather.time.timer();
        CreditedStream<Up<Q>, Down<R>> stream = new CreditedStream<>(
                name,
                StreamShape.of(
                        credit -> new Up<>(credit.getItems(), null, List.of()),
                        down -> Credit.newBuilder().setItems(down.credit()).build(),
                        Down::key,
                        (sent, missing) -> new Up<>(
                                0,
                                sent.work(),
                                sent.keys().stream().filter(missing::contains).toList())),
                LIMITS,
                timer);
        stream.replicas(Map.of(name, line.network::call));
        from.atDeath(() -> {
            timer.close();
            line.network.serve(null);
            lines.remove(line);
        });
        return stream;
    }

    private final class Line<Q, R> {
        private final Worker<Q, R> worker;
        private final SimulatedNetwork<Up<Q>, Down<R>> network =
                new SimulatedNetwork<>(weather.time, weather.random, SLOWEST, new Unwatched<>());

        Line(Worker<Q, R> worker) {
            this.worker = worker;
        }

        void serve() {
            CreditedService<Up<Q>, Down<R>> service = new CreditedService<>(
                    name,
                    CreditedService.Shape.of(
                            sent -> Credit.newBuilder().setItems(sent.credit()).build(),
                            credit -> new Down<>(credit.getItems(), "", null),
                            (sent, failure) -> {
                                throw failure;
                            }),
                    WINDOW,
                    (sent, results) -> {
                        worker.work(java.util.Objects.requireNonNull(sent.work()), sent.keys(), results);
                        return () -> {};
                    });
            network.serve(service::serve);
        }
    }

    private static final class Unwatched<Q, R> implements SimulatedNetwork.Watch<Q, R> {
        @Override
        public void opened(Object connection) {}

        @Override
        public void received(Object connection, Q message) {}

        @Override
        public void sent(Object connection, R message) {}

        @Override
        public void ended(Object connection, @Nullable Throwable failure) {}
    }
}
