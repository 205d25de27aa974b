package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.stats.SetStatistics;
import io.foothold.v1.Credit;
import io.foothold.v1.Probe;
import io.foothold.v1.ProbeOutcome;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.subscription.BackPressureStrategy;
import io.smallrye.mutiny.subscription.Cancellable;
import io.smallrye.mutiny.subscription.MultiEmitter;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/** A stream on which augmentation asks for outcomes of probes until it has its result. */
final class ProbeStream<Q, T> {
    private final CompletableFuture<MultiEmitter<? super Q>> out = new CompletableFuture<>();
    /** Gives the result, or throws what made a probe fail; fails itself when augmentation went away or refused. */
    private final CompletableFuture<Supplier<T>> result = new CompletableFuture<>();

    private final StopSignal stop;
    private final Q start;
    private final Function<Credit, Q> credit;
    private final Function<ProbeOutcome, Q> outcome;
    private final int window;
    private final Function<Augmentation.Probe, CompletableFuture<SetStatistics.Count>> answer;

    ProbeStream(
            StopSignal stop,
            Q start,
            Function<Credit, Q> credit,
            Function<ProbeOutcome, Q> outcome,
            int window,
            Function<Augmentation.Probe, CompletableFuture<SetStatistics.Count>> answer) {
        this.stop = stop;
        this.start = start;
        this.credit = credit;
        this.outcome = outcome;
        this.window = window;
        this.answer = answer;
    }

    Multi<Q> requests() {
        return Multi.createFrom()
                .emitter(
                        e -> {
                            out.complete(e);
                            e.emit(start);
                            e.emit(credit.apply(
                                    Credit.newBuilder().setItems(window).build()));
                        },
                        BackPressureStrategy.BUFFER);
    }

    /** Answers a probe and grants another. */
    void probed(Probe probe) {
        var unused = answer.apply(AugmentationMessages.probe(probe)).whenComplete((known, failure) -> {
            if (failure != null) {
                FootholdException own = FootholdException.of(failure);
                result.complete(() -> {
                    throw own;
                });
            } else {
                out.join().emit(outcome.apply(AugmentationMessages.outcome(probe, known)));
                out.join().emit(credit.apply(Credit.newBuilder().setItems(1).build()));
            }
        });
    }

    void ended(T value) {
        result.complete(() -> value);
    }

    void ended() {
        result.completeExceptionally(new FootholdException(
                ErrorCode.PEER_UNAVAILABLE, "the augmentation service ended the stream before its result"));
    }

    <R> Supplier<T> run(Multi<R> responses, Consumer<R> received) {
        Cancellable running = responses.subscribe().with(received, result::completeExceptionally, this::ended);
        try {
            return StopSignal.await(stop.guard(result));
        } finally {
            running.cancel();
        }
    }
}
