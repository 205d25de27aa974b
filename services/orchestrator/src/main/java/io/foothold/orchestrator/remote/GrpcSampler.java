package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedStream;
import io.foothold.v1.*;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** A sampler behind a connection, as one run sees it. */
final class GrpcSampler implements Sampler {
    private final Calls calls;
    private final String name;
    private final MutinySamplerServiceGrpc.MutinySamplerServiceStub sampler;
    private final CreditedStream<SampleRequest, SampleResponse> sampling;

    GrpcSampler(
            Calls calls,
            String name,
            MutinySamplerServiceGrpc.MutinySamplerServiceStub sampler,
            CreditedStream<SampleRequest, SampleResponse> sampling) {
        this.calls = calls;
        this.name = name;
        this.sampler = sampler;
        this.sampling = sampling;
    }

    static CreditedStream<SampleRequest, SampleResponse> stream(
            String name, MutinySamplerServiceGrpc.MutinySamplerServiceStub sampler, CreditedStream.Limits limits) {
        return new CreditedStream<>(
                name,
                CreditedStream.Shape.of(
                        c -> SampleRequest.newBuilder().setCredit(c).build(),
                        SampleResponse::getCredit,
                        r -> r.hasRollout()
                                ? r.getRollout().getId()
                                : r.getFailed().getRolloutId(),
                        GrpcSampler::narrowed),
                sampler::sample,
                limits);
    }

    @Override
    public CompletableFuture<Void> sample(SampleWork work, Consumer<SampleResponse> onEach) {
        List<String> keys = work.getReservationsList().stream()
                .map(Reservation::getRolloutId)
                .toList();
        return calls.ask(sampling, SampleRequest.newBuilder().setWork(work).build(), keys, onEach)
                .thenApply(byKey -> null);
    }

    @Override
    public PublishPolicyResponse publish(PublishPolicyRequest request) {
        return calls.call(name, () -> sampler.publishPolicy(request));
    }

    @Override
    public void publishedStill(PublishPolicyRequest request) {
        Calls.once(name, sampler.publishPolicy(request));
    }

    @Override
    public void release(Publisher publisher) {
        StopSignal.await(sampler.releasePolicy(ReleasePolicyRequest.newBuilder()
                        .setPublisher(publisher)
                        .build())
                .ifNoItem()
                .after(Calls.RELEASE)
                .fail()
                .subscribeAsCompletionStage());
    }

    @Override
    public void preparePrompts(List<String> prompts, SamplingSettings settings) {
        Calls.once(name, sampler.preparePrompts(encoding(prompts, settings)));
    }

    @Override
    public List<Integer> countTokens(List<String> prompts, SamplingSettings settings) {
        List<Integer> counts = calls.call(name, () -> sampler.preparePrompts(encoding(prompts, settings)))
                .getTokenCountsList();
        if (counts.size() != prompts.size()) {
            throw new FootholdException(
                    ErrorCode.INTERNAL, "the sampler counted " + counts.size() + " of " + prompts.size() + " prompts");
        }
        return counts;
    }

    @Override
    public List<PromptTokens> tokens(List<String> prompts, SamplingSettings settings) {
        PreparePromptsRequest request =
                encoding(prompts, settings).toBuilder().setWithTokens(true).build();
        List<PromptTokens> tokens =
                calls.call(name, () -> sampler.preparePrompts(request)).getTokensList();
        if (tokens.size() != prompts.size()) {
            throw new FootholdException(
                    ErrorCode.INTERNAL,
                    "the sampler gave the tokens of " + tokens.size() + " of " + prompts.size() + " prompts");
        }
        return tokens;
    }

    private static PreparePromptsRequest encoding(List<String> prompts, SamplingSettings settings) {
        PreparePromptsRequest.Builder request =
                PreparePromptsRequest.newBuilder().addAllPrompts(prompts);
        if (settings.hasChat()) {
            request.setChat(settings.getChat());
        }
        return request.build();
    }

    @Override
    public GetSamplerStatusResponse samplerStatus() {
        return calls.call(name, () -> sampler.getSamplerStatus(GetSamplerStatusRequest.getDefaultInstance()));
    }

    private static SampleRequest narrowed(SampleRequest request, Set<String> missing) {
        SampleWork work = request.getWork();
        return request.toBuilder()
                .setWork(work.toBuilder()
                        .clearReservations()
                        .addAllReservations(work.getReservationsList().stream()
                                .filter(r -> missing.contains(r.getRolloutId()))
                                .toList()))
                .build();
    }
}
