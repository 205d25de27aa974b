package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedStream;
import io.foothold.v1.*;
import io.grpc.Channel;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.BackPressureStrategy;
import io.smallrye.mutiny.subscription.MultiEmitter;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The services that a run needs, as the run sees them. Long streams stay open and heal themselves; unary calls have a deadline
 * each. Thread-safe.
 */
public final class Services implements AutoCloseable {
    private static final Duration CALL = Duration.ofMinutes(2);

    /** How to reach them. */
    public record Channels(Channel augmentation, Channel sampler, Channel verifier, Channel learner) {}

    private final MutinyAugmentationServiceGrpc.MutinyAugmentationServiceStub augmentation;
    private final MutinySamplerServiceGrpc.MutinySamplerServiceStub sampler;
    private final MutinyLearnerServiceGrpc.MutinyLearnerServiceStub learner;
    private final CreditedStream<SampleRequest, SampleResponse> sampling;
    private final CreditedStream<VerifyRequest, VerifyResponse> verification;
    private final CreditedStream<TrainRequest, TrainResponse> training;

    /** Services behind these channels. */
    public Services(Channels channels, CreditedStream.Limits limits) {
        this.augmentation = MutinyAugmentationServiceGrpc.newMutinyStub(channels.augmentation());
        this.sampler = MutinySamplerServiceGrpc.newMutinyStub(channels.sampler());
        this.learner = MutinyLearnerServiceGrpc.newMutinyStub(channels.learner());
        var verifier = MutinyVerifierServiceGrpc.newMutinyStub(channels.verifier());
        this.sampling = new CreditedStream<>(
                "sampler",
                CreditedStream.Shape.of(
                        c -> SampleRequest.newBuilder().setCredit(c).build(),
                        SampleResponse::getCredit,
                        r -> r.hasRollout()
                                ? r.getRollout().getId()
                                : r.getFailed().getRolloutId(),
                        Services::narrowed),
                sampler::sample,
                limits);
        this.verification = new CreditedStream<>(
                "verifier",
                CreditedStream.Shape.of(
                        c -> VerifyRequest.newBuilder().setCredit(c).build(),
                        VerifyResponse::getCredit,
                        r -> r.getResult().getRolloutId()),
                verifier::verify,
                limits);
        this.training = new CreditedStream<>(
                "learner",
                CreditedStream.Shape.of(
                        c -> TrainRequest.newBuilder().setCredit(c).build(),
                        TrainResponse::getCredit,
                        r -> key(
                                r.getOutcome().getRunId(),
                                r.getOutcome().getUpdate(),
                                r.getOutcome().getIndex())),
                learner::train,
                limits);
    }

    /** Loads a problem set. */
    public List<Problem> problems(ProblemSource source) {
        return await(augmentation
                .loadProblems(LoadProblemsRequest.newBuilder().setSource(source).build())
                .map(LoadProblemsResponse::getProblem)
                .collect()
                .asList());
    }

    /** Chooses start states. */
    public List<StartState> draw(DrawStartStatesRequest request) {
        return await(augmentation.drawStartStates(request)).getStartsList();
    }

    /**
     * Runs a mining stream.
     *
     * @param answer samples and judges a probe, off the transport thread
     */
    public HardSet mine(MineHardSetStart start, int window, Function<Probe, CompletableFuture<ProbeOutcome>> answer) {
        CompletableFuture<MultiEmitter<? super MineHardSetRequest>> out = new CompletableFuture<>();
        Multi<MineHardSetRequest> up = Multi.createFrom()
                .emitter(
                        e -> {
                            out.complete(e);
                            e.emit(MineHardSetRequest.newBuilder()
                                    .setStart(start)
                                    .build());
                            e.emit(MineHardSetRequest.newBuilder()
                                    .setCredit(Credit.newBuilder().setItems(window))
                                    .build());
                        },
                        BackPressureStrategy.BUFFER);
        CompletableFuture<HardSet> result = new CompletableFuture<>();
        augmentation
                .mineHardSet(up)
                .subscribe()
                .with(
                        response -> {
                            if (response.hasHardSet()) {
                                result.complete(response.getHardSet());
                            } else {
                                answerProbe(answer.apply(response.getProbe()), result, outcome -> {
                                    out.join()
                                            .emit(MineHardSetRequest.newBuilder()
                                                    .setOutcome(outcome)
                                                    .build());
                                    out.join()
                                            .emit(MineHardSetRequest.newBuilder()
                                                    .setCredit(
                                                            Credit.newBuilder().setItems(1))
                                                    .build());
                                });
                            }
                        },
                        result::completeExceptionally,
                        () -> result.completeExceptionally(ended("mining")));
        return join(result);
    }

    /** Runs a prefix search; findings come as they are made. */
    public SearchSummary searchPrefixes(
            SearchPrefixesStart start,
            int window,
            Function<Probe, CompletableFuture<ProbeOutcome>> answer,
            Consumer<FoundPrefix> found) {
        CompletableFuture<MultiEmitter<? super SearchPrefixesRequest>> out = new CompletableFuture<>();
        Multi<SearchPrefixesRequest> up = Multi.createFrom()
                .emitter(
                        e -> {
                            out.complete(e);
                            e.emit(SearchPrefixesRequest.newBuilder()
                                    .setStart(start)
                                    .build());
                            e.emit(SearchPrefixesRequest.newBuilder()
                                    .setCredit(Credit.newBuilder().setItems(window))
                                    .build());
                        },
                        BackPressureStrategy.BUFFER);
        CompletableFuture<SearchSummary> result = new CompletableFuture<>();
        augmentation
                .searchPrefixes(up)
                .subscribe()
                .with(
                        response -> {
                            switch (response.getMessageCase()) {
                                case SUMMARY -> result.complete(response.getSummary());
                                case FOUND -> found.accept(response.getFound());
                                case PROBE ->
                                    answerProbe(answer.apply(response.getProbe()), result, outcome -> {
                                        out.join()
                                                .emit(SearchPrefixesRequest.newBuilder()
                                                        .setOutcome(outcome)
                                                        .build());
                                        out.join()
                                                .emit(SearchPrefixesRequest.newBuilder()
                                                        .setCredit(Credit.newBuilder()
                                                                .setItems(1))
                                                        .build());
                                    });
                                case MESSAGE_NOT_SET -> result.completeExceptionally(ended("prefix search"));
                            }
                        },
                        result::completeExceptionally,
                        () -> result.completeExceptionally(ended("prefix search")));
        return join(result);
    }

    private static void answerProbe(
            CompletableFuture<ProbeOutcome> answer, CompletableFuture<?> result, Consumer<ProbeOutcome> send) {
        var unused = answer.whenComplete((outcome, failure) -> {
            if (failure != null) {
                result.completeExceptionally(failure);
            } else {
                send.accept(outcome);
            }
        });
    }

    private static FootholdException ended(String what) {
        return new FootholdException(ErrorCode.PEER_UNAVAILABLE, what + " was ended by the augmentation service");
    }

    /** Samples a group; completes when every reservation has a rollout or a failure. */
    public CompletableFuture<List<SampleResponse>> sample(SampleWork work) {
        List<String> keys = work.getReservationsList().stream()
                .map(Reservation::getRolloutId)
                .toList();
        return sampling.submit(SampleRequest.newBuilder().setWork(work).build(), keys, r -> {})
                .thenApply(byKey -> keys.stream().map(k -> need(byKey, k)).toList());
    }

    private static <T> T need(Map<String, T> byKey, String key) {
        T value = byKey.get(key);
        if (value == null) {
            throw new IllegalStateException("no result for " + key);
        }
        return value;
    }

    /** Judges a response. */
    public CompletableFuture<Verdict> verify(VerifyWork work) {
        String key = work.getRolloutId();
        return verification
                .submit(VerifyRequest.newBuilder().setWork(work).build(), List.of(key), r -> {})
                .thenApply(byKey -> need(byKey, key).getResult().getVerdict());
    }

    /** Switches every inference server to a policy version. */
    public PublishPolicyResponse publish(long version, String uri, String digest) {
        return await(sampler.publishPolicy(PublishPolicyRequest.newBuilder()
                .setPolicyVersion(version)
                .setArtefactUri(uri)
                .setDigest(digest)
                .build()));
    }

    /** The state of the inference servers. */
    public GetSamplerStatusResponse samplerStatus() {
        return await(sampler.getSamplerStatus(GetSamplerStatusRequest.getDefaultInstance()));
    }

    /** Opens a run at the learner. */
    public OpenRunResponse openRun(OpenRunRequest request) {
        return await(learner.openRun(request));
    }

    /** Trains one update. */
    public UpdateManifest train(List<TrainGroup> groups) {
        List<CompletableFuture<Map<String, TrainResponse>>> futures = groups.stream()
                .map(g -> training.submit(
                        TrainRequest.newBuilder().setGroup(g).build(),
                        List.of(key(g.getRunId(), g.getUpdate(), g.getIndex())),
                        r -> {}))
                .toList();
        UpdateManifest manifest = null;
        for (var future : futures) {
            for (TrainResponse response : join(future).values()) {
                GroupOutcome outcome = response.getOutcome();
                if (outcome.hasFailure()) {
                    throw failure(outcome.getFailure());
                }
                if (outcome.hasManifest()) {
                    manifest = outcome.getManifest();
                }
            }
        }
        if (manifest == null) {
            throw new FootholdException(ErrorCode.PEER_UNAVAILABLE, "the learner gave no manifest");
        }
        return manifest;
    }

    /** Writes a checkpoint. */
    public long checkpoint(String runId, String label) {
        return await(learner.saveCheckpoint(SaveCheckpointRequest.newBuilder()
                        .setRunId(runId)
                        .setLabel(label)
                        .build()))
                .getUpdate();
    }

    /** A failure of a stream item as an exception. */
    public static FootholdException failure(ItemFailure f) {
        ErrorCode code;
        try {
            code = ErrorCode.valueOf(f.getCode());
        } catch (IllegalArgumentException e) {
            code = ErrorCode.INTERNAL;
        }
        return new FootholdException(code, f.getMessage());
    }

    private static <T> T await(Uni<T> call) {
        try {
            return call.await().atMost(CALL);
        } catch (RuntimeException e) {
            throw FootholdException.of(e);
        }
    }

    private static <T> T join(CompletableFuture<T> future) {
        try {
            return future.join();
        } catch (RuntimeException e) {
            throw FootholdException.of(e);
        }
    }

    @Override
    public void close() {
        sampling.close();
        verification.close();
        training.close();
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

    private static String key(String runId, long update, int index) {
        return runId + "/" + update + "/" + index;
    }
}
