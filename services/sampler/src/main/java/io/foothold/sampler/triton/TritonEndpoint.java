package io.foothold.sampler.triton;

import static io.foothold.contracts.triton.PolicyTensors.*;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.door.PeerChannels;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.trace.Trace;
import io.foothold.contracts.triton.Tensors;
import io.foothold.contracts.triton.Tensors.Tensor;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.inference.GRPCInferenceServiceGrpc;
import io.foothold.inference.InferParameter;
import io.foothold.inference.ModelInferRequest;
import io.foothold.inference.ModelInferResponse;
import io.foothold.inference.ModelStreamInferResponse;
import io.grpc.ManagedChannel;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One inference server. Every stream has a deadline: a server whose model process died answers nothing at all, and only the
 * deadline tells. Thread-safe.
 */
public final class TritonEndpoint implements AutoCloseable {
    /** Streams are spread: one connection is one flow-control window. */
    private static final int CHANNELS = 2;

    private final String target;
    private final String model;
    private final Optional<String> adminSecret;
    private final ManagedChannel[] channels = new ManagedChannel[CHANNELS];
    private final AtomicInteger nextChannel = new AtomicInteger();
    private final AtomicInteger outstanding = new AtomicInteger();
    private final AtomicLong controlIds = new AtomicLong();
    private final Set<StreamObserver> underWay = ConcurrentHashMap.newKeySet();
    private final Tokenizing tokenizing = new Tokenizing(this);
    private volatile boolean healthy = true;
    private volatile boolean reached;
    private volatile long lastTokens = Long.MIN_VALUE / 2;
    private volatile byte @Nullable [][] vocabulary;

    /** An endpoint at {@code host:port} whose door is open; connects with the first call. */
    public TritonEndpoint(String target, String model, Optional<String> adminSecret) {
        this(target, target, model, adminSecret, PeerChannels.plain());
    }

    /**
     * An endpoint at {@code host:port}; connects with the first call.
     *
     * @param host that it is known by, which its certificate must be for
     * @param peers open the way to it
     */
    public TritonEndpoint(String target, String host, String model, Optional<String> adminSecret, PeerChannels peers) {
        this.target = target;
        this.model = model;
        this.adminSecret = adminSecret;
        for (int i = 0; i < CHANNELS; i++) {
            channels[i] = peers.channel(target, host)
                    // Responses are short work that never blocks: no thread is woken for each.
                    .directExecutor()
                    .intercept(new Trace.Carrying())
                    .build();
        }
    }

    /** host:port. */
    public String target() {
        return target;
    }

    /** Requests under way. */
    public int outstanding() {
        return outstanding.get();
    }

    /** Whether it can be expected to serve: the last call got through, and no probe has found it sick since. */
    public boolean healthy() {
        return healthy;
    }

    /** Whether it ever answered. */
    public boolean reached() {
        return reached;
    }

    /** Whether tokens came from it within this time. */
    public boolean sampledWithin(Duration time) {
        return reached && System.nanoTime() - lastTokens < time.toNanos();
    }

    /** A probe found it well. */
    public void well() {
        healthy = true;
    }

    /** No new work until it is well again. */
    public void suspect() {
        healthy = false;
    }

    /**
     * Nothing will come of what is under way: a model process that died leaves its streams silent until their deadline. They fail
     * now, so that they are asked for again.
     */
    public void giveUp(FootholdException why) {
        healthy = false;
        underWay.forEach(stream -> stream.giveUp(why));
    }

    /** The status, also from a server that was away: connects anew at once. */
    public JsonNode probe(Duration deadline) {
        connectAnew();
        return status(deadline);
    }

    /** The next call tries to connect, however long the last attempts have failed. */
    public void connectAnew() {
        for (ManagedChannel channel : channels) {
            channel.resetConnectBackoff();
        }
    }

    /** Told of every response to one stream of requests; called by one transport thread at a time. */
    public interface Responses {
        /** Some tensors of a request; {@code last} when no more will come for it. */
        void received(String requestId, Map<String, Tensor> outputs, boolean last);

        /** A request was refused or broke; nothing more will come for it. An empty id means the whole stream. */
        void failed(String requestId, FootholdException failure);

        /** The stream is over; requests without an end will not get one. */
        void closed();
    }

    /** A stream under way. */
    public interface Call {
        /** Ends it; the server aborts what it still works on. */
        void cancel();
    }

    private ModelInferRequest.Builder request(String id) {
        return ModelInferRequest.newBuilder().setModelName(model).setId(id);
    }

    /**
     * Sends requests of this model on one stream of their own.
     *
     * @param shared inputs of all of them
     * @param own the other inputs of each, by its id, in the order in which they are sent
     */
    public Call stream(
            Map<String, Tensor> shared, Map<String, Map<String, Tensor>> own, Duration deadline, Responses responses) {
        ModelInferRequest.Builder common = request("");
        shared.forEach((name, tensor) -> Tensors.put(common, name, tensor));
        // Written once: a prompt may have thousands of tokens.
        ModelInferRequest written = common.build();
        List<ModelInferRequest> requests = new ArrayList<>();
        own.forEach((id, inputs) -> {
            ModelInferRequest.Builder request = written.toBuilder().setId(id);
            inputs.forEach((name, tensor) -> Tensors.put(request, name, tensor));
            requests.add(request.build());
        });
        return stream(requests, deadline, responses);
    }

    private Call stream(Collection<ModelInferRequest> requests, Duration deadline, Responses responses) {
        int size = requests.size();
        outstanding.addAndGet(size);
        StreamObserver observer = new StreamObserver(responses, size);
        underWay.add(observer);
        ManagedChannel channel = channels[Math.floorMod(nextChannel.getAndIncrement(), CHANNELS)];
        var requestObserver = GRPCInferenceServiceGrpc.newStub(channel)
                .withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS)
                .modelStreamInfer(observer);
        try {
            requests.forEach(requestObserver::onNext);
            requestObserver.onCompleted();
        } catch (IllegalStateException e) {
            // The call failed while we were writing: the observer hears of it.
        }
        return observer::cancel;
    }

    private final class StreamObserver implements ClientResponseObserver<ModelInferRequest, ModelStreamInferResponse> {
        private final Responses responses;
        private final AtomicInteger left;
        private volatile @Nullable FootholdException givenUp;
        private volatile @Nullable ClientCallStreamObserver<ModelInferRequest> call;

        StreamObserver(Responses responses, int size) {
            this.responses = responses;
            this.left = new AtomicInteger(size);
        }

        @Override
        public void beforeStart(ClientCallStreamObserver<ModelInferRequest> stream) {
            call = stream;
        }

        void cancel() {
            ClientCallStreamObserver<ModelInferRequest> running = call;
            if (running != null) {
                running.cancel("the caller went away", null);
            }
        }

        void giveUp(FootholdException why) {
            givenUp = why;
            cancel();
        }

        @Override
        public void onNext(ModelStreamInferResponse response) {
            reached = true;
            ModelInferResponse body = response.getInferResponse();
            if (!response.getErrorMessage().isEmpty()) {
                FootholdException refusal = refusal(response.getErrorMessage());
                if (refusal.code().retryable()) {
                    healthy = false;
                }
                responses.failed(body.getId(), refusal);
                return;
            }
            // Tokens prove a model; what it answers to control operations may come from elsewhere.
            if (body.getOutputsList().stream()
                    .anyMatch(output -> output.getName().equals(OUTPUT_IDS))) {
                healthy = true;
                lastTokens = System.nanoTime();
            }
            InferParameter last = body.getParametersMap().get("triton_final_response");
            responses.received(body.getId(), Tensors.of(body), last != null && last.getBoolParam());
        }

        @Override
        public void onError(Throwable t) {
            FootholdException why = givenUp;
            FootholdException failure = why == null ? FootholdException.of(t) : why;
            // A caller that went away says nothing of the server.
            if (failure.code().retryable() && failure.code() != ErrorCode.CANCELLED) {
                healthy = false;
            }
            settle();
            responses.failed(
                    "",
                    new FootholdException(
                            failure.code(), "inference server " + target + ": " + failure.text(), failure));
            responses.closed();
        }

        @Override
        public void onCompleted() {
            settle();
            responses.closed();
        }

        private void settle() {
            underWay.remove(this);
            outstanding.addAndGet(-left.getAndSet(0));
        }
    }

    /** Texts carry no code on a stream: what a later attempt can heal is known by its wording. */
    private static FootholdException refusal(String text) {
        boolean later = text.contains("is older than")
                || text.contains(OTHER_POLICY)
                || text.contains("no proved policy")
                || text.contains("is not healthy")
                || text.contains("has no available versions")
                || text.contains("Exceeds maximum queue size")
                || text.contains("unloading")
                || text.contains("has stopped");
        ErrorCode lasting = text.contains(CANARY_REFUSED) ? ErrorCode.INTERNAL : ErrorCode.INVALID_INPUT;
        return new FootholdException(later ? ErrorCode.PEER_UNAVAILABLE : lasting, text);
    }

    /** One control operation; gives its outputs. */
    public Map<String, Tensor> control(String op, Map<String, Tensor> inputs, Duration deadline) {
        String id = "control/" + op + "/" + controlIds.incrementAndGet();
        ModelInferRequest.Builder request = request(id);
        Tensors.put(request, OP, Tensors.ofTexts(List.of(op)));
        inputs.forEach((name, tensor) -> Tensors.put(request, name, tensor));
        adminSecret.ifPresent(secret -> request.putParameters(
                ADMIN_PARAMETER,
                InferParameter.newBuilder().setStringParam(secret).build()));
        CompletableFuture<Map<String, Tensor>> answer = new CompletableFuture<>();
        stream(List.of(request.build()), deadline, new Responses() {
            @Override
            public void received(String requestId, Map<String, Tensor> outputs, boolean last) {
                if (!outputs.isEmpty()) {
                    answer.complete(outputs);
                }
            }

            @Override
            public void failed(String requestId, FootholdException failure) {
                answer.completeExceptionally(failure);
            }

            @Override
            public void closed() {
                answer.completeExceptionally(new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE, "inference server " + target + " gave no answer to op " + op));
            }
        });
        try {
            return answer.join();
        } catch (RuntimeException e) {
            throw FootholdException.of(e);
        }
    }

    /** The status that the server reports. */
    public JsonNode status(Duration deadline) {
        Tensor json = control("status", Map.of(), deadline).get(STATUS_JSON);
        if (json == null) {
            throw new FootholdException(
                    ErrorCode.PEER_UNAVAILABLE,
                    "inference server " + target + " answered op status without status_json");
        }
        return parse(json.text());
    }

    private static JsonNode parse(String json) {
        try {
            return new ObjectMapper().readTree(json);
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.PEER_UNAVAILABLE, "status_json is no JSON: " + json, e);
        }
    }

    /** The bytes of every token; asked for once. The arrays are shared. */
    public byte[][] vocabulary(Duration deadline) {
        byte[][] known = vocabulary;
        if (known == null) {
            Tensor pieces = control("vocabulary", Map.of(), deadline).get(PIECES);
            if (pieces == null) {
                throw new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE, "inference server " + target + " has no vocabulary to give");
            }
            known = pieces.bytes().toArray(byte[][]::new);
            vocabulary = known;
        }
        return known;
    }

    /**
     * A text to encode.
     *
     * @param chat how it becomes a user's message, as input {@code chat} has it; empty when it is encoded as it stands
     */
    public record Prompt(String text, String chat) {}

    /** Token ids of a text. Texts that are asked for while a request is under way go together in the next one. */
    public int[] tokenize(Prompt prompt, Duration deadline) {
        return tokenizing.tokenize(prompt, deadline);
    }

    /** Whether a status names this policy. */
    static boolean serves(JsonNode status, PolicyVersion policy) {
        return status.path("version").asLong() == policy.number()
                && status.path("digest").asText().equals(policy.digest());
    }

    /**
     * Makes the server serve a policy and gives the pause in microseconds. Idempotent; one that has the policy already is told to have it
     * all the same, so that who may not change policies learns it before anything is sampled.
     *
     * @throws FootholdException when it refuses, naming the server
     */
    long switchTo(PublishedPolicy next, Duration deadline) {
        JsonNode now = status(deadline);
        PolicyVersion policy = next.policy();
        String op = policy.number() > now.path("version").asLong() || serves(now, policy) ? "update" : "reset";
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        inputs.put(POLICY_VERSION, Tensors.ofLongs(policy.number()));
        inputs.put(WEIGHTS_URI, Tensors.ofTexts(List.of(next.uri())));
        inputs.put(WEIGHTS_DIGEST, Tensors.ofTexts(List.of(policy.digest())));
        // A server that does not take adapters may not know the inputs, and would refuse them.
        next.adapter()
                .filter(adapter -> now.path("adapters").asText().equals("adapter"))
                .ifPresent(adapter -> {
                    inputs.put(ADAPTER_URI, Tensors.ofTexts(List.of(adapter.uri())));
                    inputs.put(ADAPTER_DIGEST, Tensors.ofTexts(List.of(adapter.digest())));
                });
        next.canary().ifPresent(canary -> {
            inputs.put(CANARY_IDS, Tensors.ofInts(canary.ids()));
            inputs.put(CANARY_LENGTHS, Tensors.ofInts(canary.lengths()));
            inputs.put(CANARY_LOG_PROBS, Tensors.ofFloats(canary.allLogProbs()));
        });
        try {
            Tensor json = control(op, inputs, deadline).get(STATUS_JSON);
            return json == null ? 0 : parse(json.text()).path("pause_micros").asLong();
        } catch (FootholdException e) {
            throw new FootholdException(e.code(), "inference server " + target + ": " + e.text(), e);
        }
    }

    @Override
    public void close() {
        for (ManagedChannel channel : channels) {
            channel.shutdownNow();
        }
    }
}
