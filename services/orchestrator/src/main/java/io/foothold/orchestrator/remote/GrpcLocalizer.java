package io.foothold.orchestrator.remote;

import io.foothold.contracts.flow.CreditedStream;
import io.foothold.contracts.flow.Replicas;
import io.foothold.contracts.flow.StreamLimits;
import io.foothold.contracts.flow.StreamShape;
import io.foothold.v1.LocalizeRequest;
import io.foothold.v1.LocalizeResponse;
import io.foothold.v1.MutinyLocalizerServiceGrpc;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A localizer behind a connection, as one run sees it. */
final class GrpcLocalizer implements Localizer {
    private final Calls calls;
    private final CreditedStream<LocalizeRequest, LocalizeResponse> localization;

    GrpcLocalizer(Calls calls, CreditedStream<LocalizeRequest, LocalizeResponse> localization) {
        this.calls = calls;
        this.localization = localization;
    }

    static CreditedStream<LocalizeRequest, LocalizeResponse> stream(
            String name, Replicas replicas, StreamLimits limits) {
        return replicas.stream(
                name,
                StreamShape.of(
                        c -> LocalizeRequest.newBuilder().setCredit(c).build(),
                        LocalizeResponse::getCredit,
                        r -> r.getLocalization().getRolloutId()),
                channel -> MutinyLocalizerServiceGrpc.newMutinyStub(channel)::localize,
                limits);
    }

    @Override
    public CompletableFuture<Answer> localize(Work work) {
        String key = work.rollout().id();
        return calls.ask(
                        localization,
                        LocalizeRequest.newBuilder()
                                .setWork(LocalizerMessages.work(work))
                                .build(),
                        List.of(key),
                        r -> {})
                .thenApply(
                        byKey -> LocalizerMessages.answer(Calls.need(byKey, key).getLocalization(), work));
    }
}
