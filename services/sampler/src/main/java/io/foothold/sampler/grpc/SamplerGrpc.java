package io.foothold.sampler.grpc;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.common.primitives.Floats;
import com.google.common.primitives.Ints;
import com.google.common.primitives.Longs;
import io.foothold.contracts.door.PeerChannels;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.Roots;
import io.foothold.contracts.flow.CreditedService;
import io.foothold.contracts.flow.ReadableMessages;
import io.foothold.contracts.metric.Metric;
import io.foothold.core.policy.Canary;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.sampler.config.SamplerConfig;
import io.foothold.sampler.rollout.GroupWork;
import io.foothold.sampler.rollout.RolloutSampler;
import io.foothold.sampler.rollout.SampledRollout;
import io.foothold.sampler.triton.PublishedPolicy;
import io.foothold.sampler.triton.PublisherHold;
import io.foothold.sampler.triton.Servers;
import io.foothold.sampler.triton.TritonEndpoint;
import io.foothold.v1.ChatSettings;
import io.foothold.v1.FailedRollout;
import io.foothold.v1.FinishReason;
import io.foothold.v1.GetSamplerStatusRequest;
import io.foothold.v1.GetSamplerStatusResponse;
import io.foothold.v1.InferenceServerStatus;
import io.foothold.v1.MutinySamplerServiceGrpc;
import io.foothold.v1.PolicyCanary;
import io.foothold.v1.PreparePromptsRequest;
import io.foothold.v1.PreparePromptsResponse;
import io.foothold.v1.PromptTokens;
import io.foothold.v1.PublishPolicyRequest;
import io.foothold.v1.PublishPolicyResponse;
import io.foothold.v1.Publisher;
import io.foothold.v1.ReleasePolicyRequest;
import io.foothold.v1.ReleasePolicyResponse;
import io.foothold.v1.Rollout;
import io.foothold.v1.SampleRequest;
import io.foothold.v1.SampleResponse;
import io.foothold.v1.SampleWork;
import io.foothold.v1.SamplingSettings;
import io.grpc.ServerServiceDefinition;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.grpc.GrpcService;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import org.jboss.logging.Logger;

/** Sampling over a credited stream. */
@GrpcService
public final class SamplerGrpc extends MutinySamplerServiceGrpc.SamplerServiceImplBase {
    private static final Logger LOG = Logger.getLogger(SamplerGrpc.class);
    private static final Duration PROBE_DEADLINE = Duration.ofSeconds(3);

    private final RolloutSampler sampler;
    private final Optional<RolloutSampler> frozen;
    private final MeterRegistry metrics;
    private final PublisherHold hold;
    private final Roots roots;
    private final ExecutorService control = Executors.newVirtualThreadPerTaskExecutor();
    private final CreditedService<SampleRequest, SampleResponse> service;

    /** Configured by the container. */
    @Inject
    public SamplerGrpc(SamplerConfig config, Roots roots, MeterRegistry metrics, PeerChannels peers) {
        PeerChannels inference = config.foreignEndpoints() ? PeerChannels.plain() : peers;
        this.metrics = metrics;
        this.roots = roots;
        this.hold = new PublisherHold(config.publisherLease(), Clock.systemUTC());
        this.sampler = sampler(config.endpoints(), config, inference);
        this.frozen = config.frozenEndpoints().map(endpoints -> sampler(endpoints, config, inference));
        this.service = new CreditedService<>(
                "sampling",
                CreditedService.Shape.of(
                        SampleRequest::getCredit,
                        c -> SampleResponse.newBuilder().setCredit(c).build(),
                        SamplerGrpc::failed),
                config.window(),
                (request, results) -> start(request.getWork(), results));
        Metric.work(metrics, "sampler", service.work());
        Metric.SERVERS_HEALTHY.gauge(metrics, sampler, all -> all.endpoints().stream()
                .filter(TritonEndpoint::healthy)
                .count());
    }

    private static RolloutSampler sampler(List<String> endpoints, SamplerConfig config, PeerChannels inference) {
        return new RolloutSampler(
                new Servers(
                        endpoints,
                        (target, host) ->
                                new TritonEndpoint(target, host, config.model(), config.adminSecret(), inference)),
                new RolloutSampler.Limits(
                        config.deadline(),
                        config.attempts(),
                        config.backoff(),
                        config.probeEvery(),
                        config.patience()));
    }

    @Override
    public ServerServiceDefinition bindService() {
        return ReadableMessages.of(super.bindService());
    }

    @Override
    public Multi<SampleResponse> sample(Multi<SampleRequest> request) {
        return service.serve(request);
    }

    private Runnable start(SampleWork work, CreditedService.Results<SampleResponse> results) {
        RolloutSampler which = work.getFrozen()
                ? frozen.orElseThrow(() -> new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "no server keeps a first policy: set foothold.sampler.frozen-endpoints to host:port,…"))
                : sampler;
        return which.sample(work(work), work.getStart().getTrace(), new RolloutSampler.Sink() {
            @Override
            public void sampled(SampledRollout r) {
                Metric.SAMPLER_TOKENS.counter(metrics).increment(r.tokens().length);
                Metric.SAMPLER_ROLLOUTS.counter(metrics, r.finishReason()).increment();
                results.emit(
                        SampleResponse.newBuilder().setRollout(rollout(work, r)).build());
            }

            @Override
            public void failed(String rolloutId, FootholdException failure) {
                Metric.SAMPLER_FAILURES.counter(metrics, failure.code().name()).increment();
                results.emit(SamplerGrpc.failed(work.getGroupId(), rolloutId, failure));
            }

            @Override
            public void done() {
                results.done();
            }
        });
    }

    /** Chat settings as the server's input has them. */
    private static String chat(ChatSettings chat) {
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("system", chat.getSystem());
        if (chat.getTurnsCount() > 0) {
            ArrayNode turns = json.putArray("turns");
            chat.getTurnsList()
                    .forEach(t -> turns.addObject().put("user", t.getUser()).put("assistant", t.getAssistant()));
        }
        if (!chat.getAnswerSeparator().isEmpty()) {
            json.put("answer_separator", chat.getAnswerSeparator());
        }
        ObjectNode options = json.putObject("options");
        new TreeMap<>(chat.getOptionsMap()).forEach((name, value) -> {
            if (value.equals("true") || value.equals("false")) {
                options.put(name, Boolean.parseBoolean(value));
            } else if (value.matches("-?\\d{1,18}")) {
                options.put(name, Long.parseLong(value));
            } else {
                options.put(name, value);
            }
        });
        return json.toString();
    }

    private static GroupWork work(SampleWork work) {
        SamplingSettings s = work.getSettings();
        int own = work.getStart().getMaxTokens();
        int maxTokens =
                own > 0 && s.getMaxTokens() > 0 ? Math.min(own, s.getMaxTokens()) : Math.max(own, s.getMaxTokens());
        if (maxTokens < 1 || work.getReservationsCount() == 0) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "group " + work.getGroupId() + " needs a limit of tokens and a reservation: max_tokens " + maxTokens
                            + ", reservations " + work.getReservationsCount());
        }
        return new GroupWork(
                work.getGroupId(),
                work.getStart().getPrompt(),
                Ints.toArray(work.getStart().getPromptTokenIdsList()),
                Ints.toArray(work.getStart().getPrefixTokenIdsList()),
                new GroupWork.Settings(
                        s.getTemperature(),
                        s.getTopP() == 0 ? 1 : s.getTopP(),
                        s.getTopK(),
                        maxTokens,
                        s.getThoughtDelimiter(),
                        s.getStopStringsList(),
                        s.getMaxThoughtTokens(),
                        s.getMaxThoughts(),
                        s.hasChat() ? chat(s.getChat()) : ""),
                work.getReservationsList().stream()
                        .map(r -> new GroupWork.Reservation(r.getRolloutId(), r.getSeed()))
                        .toList(),
                work.getMinPolicyVersion(),
                work.hasPolicy()
                        ? Optional.of(policy(
                                work.getPolicy().getVersion(), work.getPolicy().getDigest()))
                        : Optional.empty());
    }

    private static PolicyVersion policy(long version, String digest) {
        try {
            return new PolicyVersion(version, digest);
        } catch (IllegalArgumentException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, e.getMessage(), e);
        }
    }

    private static Rollout rollout(SampleWork work, SampledRollout r) {
        return Rollout.newBuilder()
                .setId(r.rolloutId())
                .setGroupId(work.getGroupId())
                .addAllPromptTokenIds(Ints.asList(r.promptTokens()))
                .addAllPrefixTokenIds(work.getStart().getPrefixTokenIdsList())
                .addAllTokenIds(Ints.asList(r.tokens()))
                .addAllLogProbs(Floats.asList(r.logProbs()))
                .addAllPolicyVersions(Longs.asList(r.versions()))
                .addAllThoughtEnds(r.thoughtEnds())
                .setFinishReason(
                        switch (r.finishReason()) {
                            case "stop", "stop_token" -> FinishReason.FINISH_REASON_STOP;
                            case "stop_string", "stop_words" -> FinishReason.FINISH_REASON_STOP_STRING;
                            case "length" -> FinishReason.FINISH_REASON_LENGTH;
                            default -> FinishReason.FINISH_REASON_ABORT;
                        })
                .setText(r.text())
                .addAllThoughtTextEnds(r.thoughtTextEnds())
                .setOpensInThought(r.opensInThought())
                .setPolicyDigest(work.getPolicy().getDigest())
                .build();
    }

    private static SampleResponse failed(String groupId, String rolloutId, FootholdException failure) {
        return SampleResponse.newBuilder()
                .setFailed(FailedRollout.newBuilder()
                        .setRolloutId(rolloutId)
                        .setGroupId(groupId)
                        .setFailure(failure.toItemFailure()))
                .build();
    }

    @Override
    public Uni<PublishPolicyResponse> publishPolicy(PublishPolicyRequest request) {
        return onVirtualThread(() -> {
            PublishedPolicy next = new PublishedPolicy(
                    policy(request.getPolicyVersion(), request.getDigest()),
                    request.getArtefactUri(),
                    request.hasCanary() ? Optional.of(canary(request.getCanary())) : Optional.empty(),
                    request.hasAdapter()
                            ? Optional.of(new PublishedPolicy.Adapter(
                                    request.getAdapter().getUri(),
                                    request.getAdapter().getDigest()))
                            : Optional.empty());
            // Servers fetch it, which may obey whoever has their secret: nobody has them read what is no artefact.
            roots.locate("artefact_uri", request.getArtefactUri());
            next.adapter().ifPresent(adapter -> roots.locate("adapter.uri", adapter.uri()));
            long longest = 0;
            boolean held = hold.publishing(publisher(request.getPublisher()));
            try {
                // Said again by who said it before: it is still there.
                if (!held || !sampler.watch().serves(next)) {
                    longest = sampler.watch().publish(next);
                }
            } finally {
                hold.published();
            }
            return PublishPolicyResponse.newBuilder()
                    .setPolicyVersion(request.getPolicyVersion())
                    .setPauseMicros(longest)
                    .build();
        });
    }

    @Override
    public Uni<ReleasePolicyResponse> releasePolicy(ReleasePolicyRequest request) {
        return onVirtualThread(() -> {
            hold.release(publisher(request.getPublisher()));
            return ReleasePolicyResponse.getDefaultInstance();
        });
    }

    private static PublisherHold.Publisher publisher(Publisher publisher) {
        return new PublisherHold.Publisher(publisher.getRunId(), publisher.getIncarnation(), publisher.getToken());
    }

    private static Canary canary(PolicyCanary canary) {
        try {
            return Canary.of(
                    Ints.toArray(canary.getTokenIdsList()),
                    Ints.toArray(canary.getLengthsList()),
                    Floats.toArray(canary.getLogProbsList()));
        } catch (IllegalArgumentException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, e.getMessage(), e);
        }
    }

    @Override
    public Uni<PreparePromptsResponse> preparePrompts(PreparePromptsRequest request) {
        return onVirtualThread(() -> {
            PreparePromptsResponse.Builder out = PreparePromptsResponse.newBuilder();
            for (int[] tokens :
                    sampler.prepare(request.getPromptsList(), request.hasChat() ? chat(request.getChat()) : "")) {
                out.addTokenCounts(tokens.length);
                if (request.getWithTokens()) {
                    out.addTokens(PromptTokens.newBuilder().addAllIds(Ints.asList(tokens)));
                }
            }
            return out.build();
        });
    }

    @Override
    public Uni<GetSamplerStatusResponse> getSamplerStatus(GetSamplerStatusRequest request) {
        return onVirtualThread(() -> {
            GetSamplerStatusResponse.Builder out = GetSamplerStatusResponse.newBuilder();
            List<TritonEndpoint> published = sampler.endpoints();
            List<TritonEndpoint> all = new ArrayList<>(published);
            frozen.ifPresent(kept -> all.addAll(kept.endpoints()));
            for (TritonEndpoint endpoint : all) {
                InferenceServerStatus.Builder server = InferenceServerStatus.newBuilder()
                        .setEndpoint(endpoint.target())
                        .setFrozen(!published.contains(endpoint));
                try {
                    JsonNode status = endpoint.status(PROBE_DEADLINE);
                    server.setHealthy(true)
                            .setPolicyVersion(status.path("version").asLong())
                            .setDigest(status.path("digest").asText())
                            .setMaxModelLength(status.path("max_length").asInt())
                            .setEngine(status.path("engine").asText())
                            .setWeightChange(status.path("weight_change").asText())
                            .setAdapters(status.path("adapters").asText());
                } catch (FootholdException e) {
                    server.setProblem(e.text());
                }
                out.addServers(server);
            }
            return out.build();
        });
    }

    private <T> Uni<T> onVirtualThread(Supplier<T> work) {
        return Uni.createFrom()
                .item(() -> {
                    try {
                        return work.get();
                    } catch (Throwable t) {
                        throw FailureLog.told(LOG, "a call", t).toStatus();
                    }
                })
                .runSubscriptionOn(control);
    }

    @PreDestroy
    void stop() {
        sampler.close();
        frozen.ifPresent(RolloutSampler::close);
        control.close();
    }

    private static List<SampleResponse> failed(SampleRequest request, FootholdException failure) {
        SampleWork work = request.getWork();
        return work.getReservationsList().stream()
                .map(r -> SamplerGrpc.failed(work.getGroupId(), r.getRolloutId(), failure))
                .toList();
    }
}
