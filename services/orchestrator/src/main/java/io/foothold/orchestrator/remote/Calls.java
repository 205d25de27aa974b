package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedStream;
import io.foothold.contracts.flow.StreamCaller;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** How one run asks services and waits for their answers: until it is asked to stop, and patiently. Thread-safe. */
final class Calls {
    /** For what a run gives back at its end. */
    static final Duration RELEASE = Duration.ofSeconds(3);

    private static final Duration CALL = Duration.ofMinutes(2);

    private final StopSignal stop;
    private final Waits waits;
    private final Patience patience;
    /** The run, towards the streams that a stop lets go. */
    private final StreamCaller items;

    Calls(Duration patience, StopSignal stop, Waits waits) {
        this.stop = stop;
        this.waits = waits;
        this.patience = new Patience(patience, stop, waits);
        this.items = caller(stop::check);
    }

    StopSignal stop() {
        return stop;
    }

    Patience patience() {
        return patience;
    }

    /**
     * The run, towards a stream.
     *
     * @param whether throws when the run does not wait any more
     */
    StreamCaller caller(Runnable whether) {
        return new Waiter(waits, whether);
    }

    /** Has a run told of streams that are lost while it waits for their answers, as of calls. */
    private record Waiter(Waits waits, Runnable whether) implements StreamCaller {
        @Override
        public void check() {
            whether.run();
        }

        @Override
        public void lost(String service, String reason) {
            waits.lost(service, reason);
        }

        @Override
        public void found(String service, Duration after) {
            waits.found(service, after);
        }
    }

    /** Sends work that is given up when the run is asked to stop, also while it waits to be queued. */
    <Q, R> CompletableFuture<Map<String, R>> ask(
            CreditedStream<Q, R> stream, Q request, List<String> keys, Consumer<R> onEach) {
        stop.check();
        CompletableFuture<Map<String, R>> work = stream.submit(request, keys, onEach, items);
        CompletableFuture<Map<String, R>> answer = stop.guard(work);
        var unused = answer.whenComplete((results, failure) -> {
            if (failure != null) {
                work.cancel(false);
            }
        });
        return answer;
    }

    static <T> T need(Map<String, T> byKey, String key) {
        T value = byKey.get(key);
        if (value == null) {
            throw new IllegalStateException("no result for " + key);
        }
        return value;
    }

    /** A call that is repeated while its service is away, and given up when the run is asked to stop. */
    <T> T call(String peer, Supplier<Uni<T>> call) {
        return patience.call(
                peer,
                () -> named(
                        peer,
                        stop.guard(call.get().ifNoItem().after(CALL).fail().subscribeAsCompletionStage())));
    }

    /** The same for a call whose answer may take hours: a service that is lost is told by its connection, which is pinged. */
    <T> T longCall(String peer, Supplier<Uni<T>> call) {
        return patience.call(peer, () -> named(peer, stop.guard(call.get().subscribeAsCompletionStage())));
    }

    static <T> T once(String peer, Uni<T> call) {
        return named(peer, call.ifNoItem().after(CALL).fail().subscribeAsCompletionStage());
    }

    /** Waits; a failure of the connection names who is at its other end, and what to do. */
    private static <T> T named(String peer, CompletableFuture<T> answer) {
        try {
            return StopSignal.await(answer);
        } catch (FootholdException e) {
            if (!e.ofConnection()) {
                throw e;
            }
            throw new FootholdException(
                    e.code(),
                    e.code() == ErrorCode.DEADLINE
                            ? peer + " gave no answer within " + CALL.toSeconds() + " s"
                            : peer + " cannot be reached or went away (" + e.text() + "); is it running?",
                    e);
        }
    }
}
