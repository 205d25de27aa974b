package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedStream;
import io.foothold.contracts.flow.MessageLimit;
import io.foothold.v1.*;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.BackPressureStrategy;
import io.smallrye.mutiny.subscription.MultiEmitter;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The services that a run needs, as the run sees them. Long streams stay open and heal themselves; unary calls have a deadline
 * each. Thread-safe.
 */
public final class Services implements AutoCloseable {
    private static final Duration CALL = Duration.ofMinutes(2);

    /** How to reach them. */
    public record Channels(
            Channel augmentation, Channel sampler, Channel verifier, Channel localizer, Channel learner) {}

    private final MutinyAugmentationServiceGrpc.MutinyAugmentationServiceStub augmentation;
    private final MutinySamplerServiceGrpc.MutinySamplerServiceStub sampler;
    private final MutinyLearnerServiceGrpc.MutinyLearnerServiceStub learner;
    private final CreditedStream<SampleRequest, SampleResponse> sampling;
    private final CreditedStream<VerifyRequest, VerifyResponse> verification;
    private final CreditedStream.Limits limits;
    private final Map<String, OwnVerifier> owned = new ConcurrentHashMap<>();
    private final CreditedStream<LocalizeRequest, LocalizeResponse> localization;
    private final CreditedStream<TrainRequest, TrainResponse> training;

    /** Services behind these channels. */
    public Services(Channels channels, CreditedStream.Limits limits) {
        this.limits = limits;
        this.augmentation = MutinyAugmentationServiceGrpc.newMutinyStub(channels.augmentation());
        this.sampler = MutinySamplerServiceGrpc.newMutinyStub(channels.sampler());
        this.learner = MutinyLearnerServiceGrpc.newMutinyStub(channels.learner());
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
        this.verification = verification("verifier", channels.verifier());
        var localizer = MutinyLocalizerServiceGrpc.newMutinyStub(channels.localizer());
        this.localization = new CreditedStream<>(
                "localizer",
                CreditedStream.Shape.of(
                        c -> LocalizeRequest.newBuilder().setCredit(c).build(),
                        LocalizeResponse::getCredit,
                        r -> r.getLocalization().getRolloutId()),
                localizer::localize,
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

    private CreditedStream<VerifyRequest, VerifyResponse> verification(String name, Channel channel) {
        return new CreditedStream<>(
                name,
                CreditedStream.Shape.of(
                        c -> VerifyRequest.newBuilder().setCredit(c).build(),
                        VerifyResponse::getCredit,
                        r -> r.getResult().getRolloutId()),
                MutinyVerifierServiceGrpc.newMutinyStub(channel)::verify,
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
        ProbeStream<MineHardSetRequest, HardSet> stream = new ProbeStream<>(
                MineHardSetRequest.newBuilder().setStart(start).build(),
                c -> MineHardSetRequest.newBuilder().setCredit(c).build(),
                o -> MineHardSetRequest.newBuilder().setOutcome(o).build(),
                window,
                answer);
        return stream.run(augmentation.mineHardSet(stream.requests()), response -> {
            if (response.hasHardSet()) {
                stream.result.complete(response.getHardSet());
            } else {
                stream.probed(response.getProbe());
            }
        });
    }

    /**
     * Runs a prefix-search stream.
     *
     * @param answer samples and judges a probe, off the transport thread
     * @param found told of each prefix as it is found
     */
    public SearchSummary searchPrefixes(
            SearchPrefixesStart start,
            int window,
            Function<Probe, CompletableFuture<ProbeOutcome>> answer,
            Consumer<FoundPrefix> found) {
        ProbeStream<SearchPrefixesRequest, SearchSummary> stream = new ProbeStream<>(
                SearchPrefixesRequest.newBuilder().setStart(start).build(),
                c -> SearchPrefixesRequest.newBuilder().setCredit(c).build(),
                o -> SearchPrefixesRequest.newBuilder().setOutcome(o).build(),
                window,
                answer);
        return stream.run(augmentation.searchPrefixes(stream.requests()), response -> {
            switch (response.getMessageCase()) {
                case SUMMARY -> stream.result.complete(response.getSummary());
                case FOUND -> found.accept(response.getFound());
                case PROBE -> stream.probed(response.getProbe());
                case MESSAGE_NOT_SET -> stream.ended();
            }
        });
    }

    /** A stream on which augmentation asks for outcomes of probes until it has its result. */
    private static final class ProbeStream<Q, T> {
        private final CompletableFuture<MultiEmitter<? super Q>> out = new CompletableFuture<>();
        private final CompletableFuture<T> result = new CompletableFuture<>();
        private final Q start;
        private final Function<Credit, Q> credit;
        private final Function<ProbeOutcome, Q> outcome;
        private final int window;
        private final Function<Probe, CompletableFuture<ProbeOutcome>> answer;

        ProbeStream(
                Q start,
                Function<Credit, Q> credit,
                Function<ProbeOutcome, Q> outcome,
                int window,
                Function<Probe, CompletableFuture<ProbeOutcome>> answer) {
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
            var unused = answer.apply(probe).whenComplete((known, failure) -> {
                if (failure != null) {
                    result.completeExceptionally(failure);
                } else {
                    out.join().emit(outcome.apply(known));
                    out.join().emit(credit.apply(Credit.newBuilder().setItems(1).build()));
                }
            });
        }

        void ended() {
            result.completeExceptionally(new FootholdException(
                    ErrorCode.PEER_UNAVAILABLE, "the augmentation service ended the stream before its result"));
        }

        <R> T run(Multi<R> responses, Consumer<R> received) {
            responses.subscribe().with(received, result::completeExceptionally, this::ended);
            return join(result);
        }
    }

    /**
     * Samples a group; completes when every reservation has a rollout or a failure.
     *
     * @param onEach told of every rollout and failure as it comes, before the future completes; must not block
     */
    public CompletableFuture<Void> sample(SampleWork work, Consumer<SampleResponse> onEach) {
        List<String> keys = work.getReservationsList().stream()
                .map(Reservation::getRolloutId)
                .toList();
        return sampling.submit(SampleRequest.newBuilder().setWork(work).build(), keys, onEach)
                .thenApply(byKey -> null);
    }

    private static <T> T need(Map<String, T> byKey, String key) {
        T value = byKey.get(key);
        if (value == null) {
            throw new IllegalStateException("no result for " + key);
        }
        return value;
    }

    /**
     * Judges a response.
     *
     * @param verifier address of a verifier of one's own; empty for the standard one
     */
    public CompletableFuture<Verdict> verify(VerifyWork work, String verifier) {
        String key = work.getRolloutId();
        var stream = verifier.isEmpty() ? verification : owned.computeIfAbsent(verifier, OwnVerifier::new).stream;
        return stream.submit(VerifyRequest.newBuilder().setWork(work).build(), List.of(key), r -> {})
                .thenApply(byKey -> need(byKey, key).getResult().getVerdict());
    }

    /** A verifier that a run file names. */
    private final class OwnVerifier {
        private final ManagedChannel channel;
        private final CreditedStream<VerifyRequest, VerifyResponse> stream;

        OwnVerifier(String target) {
            this.channel = MessageLimit.channel(target).build();
            this.stream = verification("verifier " + target, channel);
        }

        void close() {
            stream.close();
            channel.shutdownNow();
        }
    }

    /** Has the first wrong thought of a failed rollout named, or is told what the policy has to be asked first. */
    public CompletableFuture<Localization> localize(LocalizeWork work) {
        String key = work.getRolloutId();
        return localization
                .submit(LocalizeRequest.newBuilder().setWork(work).build(), List.of(key), r -> {})
                .thenApply(byKey -> need(byKey, key).getLocalization());
    }

    /** Switches every inference server to a policy version. */
    public PublishPolicyResponse publish(long version, String uri, String digest) {
        return await(sampler.publishPolicy(PublishPolicyRequest.newBuilder()
                .setPolicyVersion(version)
                .setArtefactUri(uri)
                .setDigest(digest)
                .build()));
    }

    /** Has prompts encoded that will be sampled soon with these settings. */
    public void preparePrompts(List<String> prompts, SamplingSettings settings) {
        PreparePromptsRequest.Builder request =
                PreparePromptsRequest.newBuilder().addAllPrompts(prompts);
        if (settings.hasChat()) {
            request.setChat(settings.getChat());
        }
        await(sampler.preparePrompts(request.build()));
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

    /** Writes a checkpoint of a run's last update. */
    public void checkpoint(String runId) {
        await(learner.saveCheckpoint(
                SaveCheckpointRequest.newBuilder().setRunId(runId).build()));
    }

    /** Writes a checkpoint under a label. */
    public void checkpoint(String runId, String label, long update) {
        await(learner.saveCheckpoint(SaveCheckpointRequest.newBuilder()
                .setRunId(runId)
                .setLabel(label)
                .setUpdate(update)
                .build()));
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
        owned.values().forEach(OwnVerifier::close);
        localization.close();
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
