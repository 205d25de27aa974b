package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.rollout.Sampling;
import io.foothold.orchestrator.update.Artefact;
import io.foothold.orchestrator.update.ServerState;
import io.foothold.v1.GetSamplerStatusRequest;
import io.foothold.v1.PreparePromptsRequest;
import io.foothold.v1.PromptTokens;
import io.foothold.v1.PublishPolicyRequest;
import io.foothold.v1.SampleRequest;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** Samplers behind connections, as one run sees them. */
final class GrpcSampler implements Sampler {
    private final Calls calls;
    private final SamplerReplicas samplers;

    GrpcSampler(Calls calls, SamplerReplicas samplers) {
        this.calls = calls;
        this.samplers = samplers;
    }

    @Override
    public CompletableFuture<Void> sample(Work work, Consumer<Answer> onEach) {
        List<String> keys =
                work.reservations().stream().map(Reservation::rolloutId).toList();
        return calls.ask(
                        samplers.stream(),
                        SampleRequest.newBuilder()
                                .setWork(RolloutMessages.message(work))
                                .build(),
                        keys,
                        response -> onEach.accept(RolloutMessages.answer(response)))
                .thenApply(byKey -> null);
    }

    @Override
    public Duration publish(Artefact artefact, Holder publisher) {
        PublishPolicyRequest request = UpdateMessages.publish(artefact, publisher);
        return Duration.of(
                calls.call(samplers.name(), () -> samplers.publish(request)).getPauseMicros(), ChronoUnit.MICROS);
    }

    @Override
    public void publishedStill(Artefact artefact, Holder publisher) {
        Calls.once(samplers.name(), samplers.publish(UpdateMessages.publish(artefact, publisher)));
    }

    @Override
    public void release(Holder publisher) {
        StopSignal.await(samplers.release(UpdateMessages.message(publisher))
                .ifNoItem()
                .after(Calls.RELEASE)
                .fail()
                .subscribeAsCompletionStage());
    }

    @Override
    public void preparePrompts(List<String> prompts, Sampling sampling) {
        Calls.once(samplers.name(), samplers.prepare(encoding(prompts, sampling)));
    }

    @Override
    public List<Integer> countTokens(List<String> prompts, Sampling sampling) {
        List<Integer> counts = calls.call(
                        samplers.name(), () -> samplers.any().preparePrompts(encoding(prompts, sampling)))
                .getTokenCountsList();
        if (counts.size() != prompts.size()) {
            throw new FootholdException(
                    ErrorCode.INTERNAL, "the sampler counted " + counts.size() + " of " + prompts.size() + " prompts");
        }
        return counts;
    }

    @Override
    public List<List<Integer>> tokens(List<String> prompts, Sampling sampling) {
        PreparePromptsRequest request =
                encoding(prompts, sampling).toBuilder().setWithTokens(true).build();
        List<PromptTokens> tokens = calls.call(
                        samplers.name(), () -> samplers.any().preparePrompts(request))
                .getTokensList();
        if (tokens.size() != prompts.size()) {
            throw new FootholdException(
                    ErrorCode.INTERNAL,
                    "the sampler gave the tokens of " + tokens.size() + " of " + prompts.size() + " prompts");
        }
        return tokens.stream().map(PromptTokens::getIdsList).toList();
    }

    private static PreparePromptsRequest encoding(List<String> prompts, Sampling sampling) {
        PreparePromptsRequest.Builder request =
                PreparePromptsRequest.newBuilder().addAllPrompts(prompts);
        sampling.chat().ifPresent(chat -> request.setChat(RolloutMessages.message(chat)));
        return request.build();
    }

    @Override
    public List<ServerState> servers() {
        return calls
                .call(samplers.name(), () -> samplers.any()
                        .getSamplerStatus(GetSamplerStatusRequest.getDefaultInstance()))
                .getServersList()
                .stream()
                .map(UpdateMessages::server)
                .toList();
    }
}
