package io.foothold.orchestrator.remote;

import io.foothold.contracts.draw.Selection;
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
import io.smallrye.mutiny.subscription.Cancellable;
import io.smallrye.mutiny.subscription.MultiEmitter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The services that a run needs, as the run sees them. Long streams stay open and heal themselves; unary calls have a deadline
 * each and are repeated while their service is away. What a run waits for ends when the run is asked to stop. Thread-safe.
 */
public final class Services implements AutoCloseable {
    private static final int MOST_HANDED_OVER = 5;
    private static final Duration RELEASE = Duration.ofSeconds(3);
    private static final Duration CALL = Duration.ofMinutes(2);

    /** How to reach them. */
    public record Channels(
            Channel augmentation, Channel sampler, Channel verifier, Channel localizer, Channel learner) {}

    /**
     * How long answers are waited for.
     *
     * @param patience for a service that is away, from the first failure
     * @param verdict for a verdict of the standard verifier, from sending the rollout
     * @param ownVerdict the same of a verifier that the run file names
     */
    public record Waiting(Duration patience, Duration verdict, Duration ownVerdict) {
        /** Fit for services on one machine. */
        public static Waiting standard() {
            return new Waiting(Duration.ofMinutes(5), Duration.ofMinutes(10), Duration.ofMinutes(1));
        }
    }

    private final Waiting waiting;
    private final StopSignal stop;
    private final Patience patience;
    /** The run, towards the streams that a stop lets go. */
    private final CreditedStream.Caller items;
    /** The same towards training, where a stop waits for the update. */
    private final CreditedStream.Caller updates;

    private final Map<String, String> addresses;
    private final MutinyAugmentationServiceGrpc.MutinyAugmentationServiceStub augmentation;
    private final MutinySamplerServiceGrpc.MutinySamplerServiceStub sampler;
    private final MutinyLearnerServiceGrpc.MutinyLearnerServiceStub learner;
    private final CreditedStream<SampleRequest, SampleResponse> sampling;
    private final CreditedStream<VerifyRequest, VerifyResponse> verification;
    private final CreditedStream.Limits limits;
    private final Map<String, OwnVerifier> owned;
    private final CreditedStream<LocalizeRequest, LocalizeResponse> localization;
    private final CreditedStream<TrainRequest, TrainResponse> training;

    /** Services behind these channels, with the standard times of waiting. */
    public Services(Channels channels, CreditedStream.Limits limits) {
        this(channels, limits, Waiting.standard());
    }

    /**
     * Services behind these channels.
     *
     * @param withoutPatience limits of the streams; their patience is that of {@code waiting}
     */
    public Services(Channels channels, CreditedStream.Limits withoutPatience, Waiting waiting) {
        this.waiting = waiting;
        this.limits = withoutPatience.withPatience(waiting.patience());
        this.stop = new StopSignal();
        this.patience = new Patience(waiting.patience(), stop, Waits.SILENT);
        this.owned = new ConcurrentHashMap<>();
        this.addresses = Map.of(
                "augmentation", named("augmentation", channels.augmentation()),
                "sampler", named("sampler", channels.sampler()),
                "verifier", named("verifier", channels.verifier()),
                "localizer", named("localizer", channels.localizer()),
                "learner", named("learner", channels.learner()));
        this.augmentation = MutinyAugmentationServiceGrpc.newMutinyStub(channels.augmentation());
        this.sampler = MutinySamplerServiceGrpc.newMutinyStub(channels.sampler());
        this.learner = MutinyLearnerServiceGrpc.newMutinyStub(channels.learner());
        this.sampling = new CreditedStream<>(
                peer("sampler"),
                CreditedStream.Shape.of(
                        c -> SampleRequest.newBuilder().setCredit(c).build(),
                        SampleResponse::getCredit,
                        r -> r.hasRollout()
                                ? r.getRollout().getId()
                                : r.getFailed().getRolloutId(),
                        Services::narrowed),
                sampler::sample,
                limits);
        this.verification = verification(peer("verifier"), channels.verifier(), waiting.verdict());
        var localizer = MutinyLocalizerServiceGrpc.newMutinyStub(channels.localizer());
        this.localization = new CreditedStream<>(
                peer("localizer"),
                CreditedStream.Shape.of(
                        c -> LocalizeRequest.newBuilder().setCredit(c).build(),
                        LocalizeResponse::getCredit,
                        r -> r.getLocalization().getRolloutId()),
                localizer::localize,
                limits);
        this.training = new CreditedStream<>(
                peer("learner"),
                CreditedStream.Shape.of(
                        c -> TrainRequest.newBuilder().setCredit(c).build(),
                        TrainResponse::getCredit,
                        r -> key(
                                r.getOutcome().getRunId(),
                                r.getOutcome().getUpdate(),
                                r.getOutcome().getIndex())),
                learner::train,
                limits);
        this.items = new Waiter(Waits.SILENT, stop::check);
        this.updates = new Waiter(Waits.SILENT, () -> stop.checkUpdate(training::away));
    }

    /** The same services over the same connections, for a run whose waits end with its stop signal. */
    private Services(Services of, StopSignal stop, Waits waits) {
        this.waiting = of.waiting;
        this.limits = of.limits;
        this.stop = stop;
        this.patience = new Patience(of.waiting.patience(), stop, waits);
        this.owned = of.owned;
        this.addresses = of.addresses;
        this.augmentation = of.augmentation;
        this.sampler = of.sampler;
        this.learner = of.learner;
        this.sampling = of.sampling;
        this.verification = of.verification;
        this.localization = of.localization;
        this.training = of.training;
        this.items = new Waiter(waits, stop::check);
        this.updates = new Waiter(waits, () -> stop.checkUpdate(training::away));
    }

    /** Has a run told of streams that are lost while it waits for their answers, as of calls. */
    private record Waiter(Waits waits, Runnable whether) implements CreditedStream.Caller {
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

    /**
     * The same services as one run sees them; only the original is ever closed.
     *
     * @param signal ends what the run waits for
     * @param waits told while the run waits for a service that is away
     */
    public Services until(StopSignal signal, Waits waits) {
        return new Services(this, signal, waits);
    }

    /** How calls are repeated. */
    public Patience patience() {
        return patience;
    }

    /** Pauses, unless the run is asked to stop. */
    public void pause(Duration time) {
        stop.sleep(time);
    }

    /** Throws when the run was asked to stop. */
    public void checkStopped() {
        stop.check();
    }

    private static String named(String service, Channel channel) {
        return service + " at " + channel.authority();
    }

    private String peer(String service) {
        return addresses.getOrDefault(service, service);
    }

    private CreditedStream<VerifyRequest, VerifyResponse> verification(String name, Channel channel, Duration answer) {
        return new CreditedStream<>(
                name,
                CreditedStream.Shape.of(
                        c -> VerifyRequest.newBuilder().setCredit(c).build(),
                        VerifyResponse::getCredit,
                        r -> r.getResult().getRolloutId()),
                MutinyVerifierServiceGrpc.newMutinyStub(channel)::verify,
                limits.withAnswer(answer));
    }

    /** Loads a problem set. */
    public List<Problem> problems(ProblemSource source) {
        LoadProblemsRequest request =
                LoadProblemsRequest.newBuilder().setSource(source).build();
        return call("augmentation", () -> augmentation
                .loadProblems(request)
                .map(LoadProblemsResponse::getProblem)
                .collect()
                .asList());
    }

    /**
     * Chooses start states. The selection is handed over when augmentation does not know it, as after its restart, which may come
     * between any two calls.
     *
     * @param request without a selection
     */
    public List<StartState> draw(DrawStartStatesRequest request, Selection selection) {
        DrawStartStatesRequest named =
                request.toBuilder().setSelectionDigest(selection.digest()).build();
        for (int handedOver = 0; ; handedOver++) {
            DrawStartStatesResponse drawn = call("augmentation", () -> augmentation.drawStartStates(named));
            if (!drawn.getSelectionUnknown()) {
                return drawn.getStartsList();
            }
            if (handedOver == MOST_HANDED_OVER) {
                throw new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE,
                        "augmentation does not know the problems to draw from although they were handed over "
                                + MOST_HANDED_OVER + " times");
            }
            call(
                    "augmentation",
                    () -> augmentation.selectProblems(Multi.createFrom().iterable(selection.chunks())));
        }
    }

    /**
     * Runs a mining stream; begins it again when augmentation went away, so that a probe may be asked for again.
     *
     * @param answer samples and judges a probe, off the transport thread
     */
    public HardSet mine(MineHardSetStart start, int window, Function<Probe, CompletableFuture<ProbeOutcome>> answer) {
        return patience.call(peer("augmentation"), () -> mineOnce(start, window, answer))
                .get();
    }

    private Supplier<HardSet> mineOnce(
            MineHardSetStart start, int window, Function<Probe, CompletableFuture<ProbeOutcome>> answer) {
        ProbeStream<MineHardSetRequest, HardSet> stream = new ProbeStream<>(
                MineHardSetRequest.newBuilder().setStart(start).build(),
                c -> MineHardSetRequest.newBuilder().setCredit(c).build(),
                o -> MineHardSetRequest.newBuilder().setOutcome(o).build(),
                window,
                answer);
        return stream.run(augmentation.mineHardSet(stream.requests()), response -> {
            if (response.hasHardSet()) {
                stream.ended(response.getHardSet());
            } else {
                stream.probed(response.getProbe());
            }
        });
    }

    /**
     * Runs a prefix-search stream; begins it again when augmentation went away, so that a probe may be asked for again and a prefix
     * be found again.
     *
     * @param answer samples and judges a probe, off the transport thread
     * @param found told of each prefix as it is found
     */
    public SearchSummary searchPrefixes(
            SearchPrefixesStart start,
            int window,
            Function<Probe, CompletableFuture<ProbeOutcome>> answer,
            Consumer<FoundPrefix> found) {
        return patience.call(peer("augmentation"), () -> searchOnce(start, window, answer, found))
                .get();
    }

    private Supplier<SearchSummary> searchOnce(
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
                case SUMMARY -> stream.ended(response.getSummary());
                case FOUND -> found.accept(response.getFound());
                case PROBE -> stream.probed(response.getProbe());
                case MESSAGE_NOT_SET -> stream.ended();
            }
        });
    }

    /** A stream on which augmentation asks for outcomes of probes until it has its result. */
    private final class ProbeStream<Q, T> {
        private final CompletableFuture<MultiEmitter<? super Q>> out = new CompletableFuture<>();
        /** Gives the result, or throws what made a probe fail; fails itself when augmentation went away or refused. */
        private final CompletableFuture<Supplier<T>> result = new CompletableFuture<>();

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
                    FootholdException own = FootholdException.of(failure);
                    result.complete(() -> {
                        throw own;
                    });
                } else {
                    out.join().emit(outcome.apply(known));
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

    /**
     * Samples a group; completes when every reservation has a rollout or a failure.
     *
     * @param onEach told of every rollout and failure as it comes, before the future completes; must not block
     */
    public CompletableFuture<Void> sample(SampleWork work, Consumer<SampleResponse> onEach) {
        List<String> keys = work.getReservationsList().stream()
                .map(Reservation::getRolloutId)
                .toList();
        return ask(sampling, SampleRequest.newBuilder().setWork(work).build(), keys, onEach)
                .thenApply(byKey -> null);
    }

    /** Sends work that is given up when the run is asked to stop, also while it waits to be queued. */
    private <Q, R> CompletableFuture<Map<String, R>> ask(
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

    private static <T> T need(Map<String, T> byKey, String key) {
        T value = byKey.get(key);
        if (value == null) {
            throw new IllegalStateException("no result for " + key);
        }
        return value;
    }

    /**
     * Judges a response. No verdict in time is a verdict of kind timeout, and one that breaks the contract is one of kind verifier
     * error; the future fails only when the verifier is away or refuses the call.
     *
     * @param verifier address of a verifier of one's own; empty for the standard one
     */
    public CompletableFuture<Verdict> verify(VerifyWork work, String verifier) {
        String key = work.getRolloutId();
        var stream = verifier.isEmpty() ? verification : owned.computeIfAbsent(verifier, OwnVerifier::new).stream;
        String name = verifier.isEmpty() ? peer("verifier") : "verifier at " + verifier;
        return ask(stream, VerifyRequest.newBuilder().setWork(work).build(), List.of(key), r -> {})
                .handle((byKey, failure) -> {
                    if (failure == null) {
                        return Verdicts.checked(
                                name, need(byKey, key).getResult().getVerdict());
                    }
                    FootholdException own = FootholdException.of(failure);
                    if (own.code() == ErrorCode.DEADLINE) {
                        return Verdicts.late(own.text());
                    }
                    throw own;
                });
    }

    /** A verifier that a run file names. */
    private final class OwnVerifier {
        private final ManagedChannel channel;
        private final CreditedStream<VerifyRequest, VerifyResponse> stream;

        OwnVerifier(String target) {
            this.channel = MessageLimit.channel(target).build();
            this.stream = verification("verifier at " + target, channel, waiting.ownVerdict());
        }

        void close() {
            stream.close();
            channel.shutdownNow();
        }
    }

    /** Has the first wrong thought of a failed rollout named, or is told what the policy has to be asked first. */
    public CompletableFuture<Localization> localize(LocalizeWork work) {
        String key = work.getRolloutId();
        return ask(localization, LocalizeRequest.newBuilder().setWork(work).build(), List.of(key), r -> {})
                .thenApply(byKey -> need(byKey, key).getLocalization());
    }

    /**
     * Switches every inference server to a policy version.
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} when another publisher holds the servers
     */
    public PublishPolicyResponse publish(PublishPolicyRequest request) {
        return call("sampler", () -> sampler.publishPolicy(request));
    }

    /** Says again what was published; not repeated when the sampler is away, as it is said again anyway. */
    public void publishedStill(PublishPolicyRequest request) {
        once(peer("sampler"), sampler.publishPolicy(request));
    }

    /**
     * Lets another publisher have the inference servers, also when the run was asked to stop. Does not wait long: what is not let go of runs
     * out by itself.
     */
    public void release(Publisher publisher) {
        StopSignal.await(sampler.releasePolicy(ReleasePolicyRequest.newBuilder()
                        .setPublisher(publisher)
                        .build())
                .ifNoItem()
                .after(RELEASE)
                .fail()
                .subscribeAsCompletionStage());
    }

    /** Has prompts encoded that will be sampled soon with these settings; not repeated, as it only saves time. */
    public void preparePrompts(List<String> prompts, SamplingSettings settings) {
        once(peer("sampler"), sampler.preparePrompts(encoding(prompts, settings)));
    }

    /** How many tokens each of these prompts has, with these settings. */
    public List<Integer> countTokens(List<String> prompts, SamplingSettings settings) {
        List<Integer> counts = call("sampler", () -> sampler.preparePrompts(encoding(prompts, settings)))
                .getTokenCountsList();
        if (counts.size() != prompts.size()) {
            throw new FootholdException(
                    ErrorCode.INTERNAL, "the sampler counted " + counts.size() + " of " + prompts.size() + " prompts");
        }
        return counts;
    }

    /** The tokens of each of these prompts, with these settings. */
    public List<PromptTokens> tokens(List<String> prompts, SamplingSettings settings) {
        PreparePromptsRequest request =
                encoding(prompts, settings).toBuilder().setWithTokens(true).build();
        List<PromptTokens> tokens =
                call("sampler", () -> sampler.preparePrompts(request)).getTokensList();
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

    /** The state of the inference servers. */
    public GetSamplerStatusResponse samplerStatus() {
        return call("sampler", () -> sampler.getSamplerStatus(GetSamplerStatusRequest.getDefaultInstance()));
    }

    /** Opens a run at the learner. */
    public OpenRunResponse openRun(OpenRunRequest request) {
        return call("learner", () -> learner.openRun(request));
    }

    /** Tells the learner that a run is under way; not repeated, as it is said again soon. */
    public void keepRun(String runId, RunHolder holder) {
        var unused = once(
                peer("learner"),
                learner.keepRun(KeepRunRequest.newBuilder()
                        .setRunId(runId)
                        .setHolder(holder)
                        .build()));
    }

    /**
     * Gives the learner back at a run's end; not repeated, as a learner that is away has no run. Does not wait long for what is computed
     * there: the learner lets go of the run behind it.
     */
    public void closeRun(String runId, RunHolder holder) {
        StopSignal.await(learner.closeRun(CloseRunRequest.newBuilder()
                        .setRunId(runId)
                        .setHolder(holder)
                        .build())
                .ifNoItem()
                .after(RELEASE)
                .fail()
                .subscribeAsCompletionStage());
    }

    /**
     * Trains one update. Waits for it also when the run is asked to stop, unless the learner is away. What an earlier call left under way
     * of the same update is waited for first.
     *
     * @throws FootholdException WRONG_STATE when the learner does not have the run open, as after its restart
     */
    public UpdateManifest train(List<TrainGroup> groups) {
        List<CompletableFuture<Map<String, TrainResponse>>> futures = new ArrayList<>();
        try {
            for (TrainGroup g : groups) {
                futures.add(training.submit(
                        TrainRequest.newBuilder().setGroup(g).build(),
                        List.of(key(g.getRunId(), g.getUpdate(), g.getIndex())),
                        r -> {},
                        updates));
            }
        } catch (FootholdException e) {
            // Without its other groups the batch will not be trained, and nothing of it be answered.
            futures.forEach(f -> f.cancel(false));
            throw e;
        }
        // All of them, also when one failed: what is still under way would be in the way of the same batch sent again.
        var all = CompletableFuture.allOf(futures.toArray(CompletableFuture[]::new));
        stop.awaitUpdate(all.handle((nothing, failure) -> true), training::away);
        UpdateManifest manifest = null;
        for (var future : futures) {
            for (TrainResponse response : StopSignal.await(future).values()) {
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
            throw new FootholdException(ErrorCode.PEER_UNAVAILABLE, peer("learner") + " gave no manifest");
        }
        return manifest;
    }

    /**
     * Writes a checkpoint of a run's last update; waits for it also when the run is asked to stop. Not repeated: a learner that was away
     * has to be opened first.
     */
    public void checkpoint(String runId) {
        var unused = once(
                peer("learner"),
                learner.saveCheckpoint(
                        SaveCheckpointRequest.newBuilder().setRunId(runId).build()));
    }

    /** Writes a checkpoint under a label; as the other one. */
    public void checkpoint(String runId, String label, long update) {
        var unused = once(
                peer("learner"),
                learner.saveCheckpoint(SaveCheckpointRequest.newBuilder()
                        .setRunId(runId)
                        .setLabel(label)
                        .setUpdate(update)
                        .build()));
    }

    /** Has solutions scored under a run's weights. Not repeated: a learner that was away has to be opened first. */
    public ScoreSolutionsResponse score(ScoreSolutionsRequest request) {
        ScoreSolutionsResponse response = once(peer("learner"), learner.scoreSolutions(request));
        if (response.getScoresCount() != request.getSolutionsCount()) {
            throw new FootholdException(
                    ErrorCode.INTERNAL,
                    peer("learner") + " scored " + response.getScoresCount() + " of " + request.getSolutionsCount()
                            + " solutions");
        }
        return response;
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

    /** A call that is repeated while its service is away, and given up when the run is asked to stop. */
    private <T> T call(String service, Supplier<Uni<T>> call) {
        String peer = peer(service);
        return patience.call(
                peer,
                () -> named(
                        peer,
                        stop.guard(call.get().ifNoItem().after(CALL).fail().subscribeAsCompletionStage())));
    }

    private static <T> T once(String peer, Uni<T> call) {
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
