package io.foothold.cli.conformance;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import io.foothold.contracts.triton.PolicyTensors;
import io.foothold.contracts.triton.Tensors;
import io.foothold.contracts.triton.Tensors.Tensor;
import io.foothold.inference.*;
import io.foothold.inference.ModelInferRequest.InferInputTensor;
import io.grpc.ClientInterceptor;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** The server that is asked: requests to it, streams, and readings of its answers. Blocking; one thread. */
final class Peer implements AutoCloseable {
    /** What came on a stream, and its end. */
    record Stream(List<ModelStreamInferResponse> responses, Status status) {
        List<ModelStreamInferResponse> of(String id) {
            return responses.stream()
                    .filter(r -> r.getInferResponse().getId().equals(id))
                    .toList();
        }
    }

    static final long SECONDS = 20;

    /** How long a load or unload of the model may take: vLLM compiles, and gives its memory back slowly. */
    static final long LOAD_SECONDS = 600;

    private final String model;
    private final String secret;
    private final ManagedChannel channel;
    private final GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub stub;
    private final boolean triton;
    private @Nullable String engine;

    Peer(String target, String model, String secret) {
        this.model = model;
        this.secret = secret;
        this.channel = ManagedChannelBuilder.forTarget(target)
                .usePlaintext()
                .maxInboundMessageSize(Integer.MAX_VALUE)
                .build();
        this.stub = GRPCInferenceServiceGrpc.newBlockingStub(channel);
        this.triton = call().serverMetadata(ServerMetadataRequest.getDefaultInstance())
                .getName()
                .equals("triton");
    }

    /** Name of the policy's model. */
    String model() {
        return model;
    }

    /** What control operations need; empty for nothing. */
    String secret() {
        return secret;
    }

    ManagedChannel channel() {
        return channel;
    }

    /** Whether it calls itself tritonserver. */
    boolean triton() {
        return triton;
    }

    /** Whether vLLM draws its tokens, as its status says. */
    boolean vllm() {
        if (engine == null) {
            try {
                engine = status().contains("\"engine\": \"vllm\"") ? "vllm" : "";
            } catch (Exception e) {
                throw new Checks.Wrong("op status: " + e);
            }
        }
        return engine.equals("vllm");
    }

    /** For calls that load or unload the model. */
    GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub load() {
        return stub.withDeadlineAfter(LOAD_SECONDS, TimeUnit.SECONDS);
    }

    GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub call() {
        return stub.withDeadlineAfter(SECONDS, TimeUnit.SECONDS);
    }

    boolean ready(String name, String version) {
        return call().modelReady(ModelReadyRequest.newBuilder()
                        .setName(name)
                        .setVersion(version)
                        .build())
                .getReady();
    }

    static String unknown(String name) {
        return "Request for unknown model: '" + name + "' is not found";
    }

    String unknownVersion() {
        return "Request for unknown model: '" + model + "' version 9 is not found";
    }

    ModelInferRequest.Builder request(String id) {
        return ModelInferRequest.newBuilder().setModelName(model).setId(id);
    }

    ModelInferRequest.Builder generate(String id, int tokens) {
        ModelInferRequest.Builder out = request(id);
        Tensors.put(out, PolicyTensors.INPUT_IDS, Tensors.ofInts(3, 4, 5));
        Tensors.put(out, PolicyTensors.MAX_TOKENS, Tensors.ofInts(tokens));
        Tensors.put(out, PolicyTensors.RANDOM_SEED, Tensors.ofUnsignedLong(7));
        Tensors.put(out, PolicyTensors.IGNORE_EOS, Tensors.ofBool(true));
        return out;
    }

    ModelInferRequest.Builder message(String chat) {
        ModelInferRequest.Builder out = request("chat");
        Tensors.put(out, PolicyTensors.OP, Tensors.ofTexts(List.of("tokenize")));
        Tensors.put(out, PolicyTensors.TEXT, Tensors.ofTexts(List.of("a")));
        Tensors.put(out, PolicyTensors.CHAT, Tensors.ofTexts(List.of(chat)));
        return out;
    }

    ModelInferRequest control(String id, String op) {
        return operation(id, op).build();
    }

    ModelInferRequest.Builder operation(String id, String op) {
        ModelInferRequest.Builder out = request(id);
        Tensors.put(out, PolicyTensors.OP, Tensors.ofTexts(List.of(op)));
        if (!secret.isEmpty()) {
            out.putParameters(PolicyTensors.ADMIN_PARAMETER, text(secret));
        }
        return out;
    }

    ModelInferRequest every(String id, int tokens, int interval) {
        ModelInferRequest.Builder out = generate(id, tokens);
        Tensors.put(out, PolicyTensors.STREAM_INTERVAL, Tensors.ofInts(interval));
        return out.build();
    }

    static InferParameter text(String value) {
        return InferParameter.newBuilder().setStringParam(value).build();
    }

    static InferInputTensor.Builder input(String name, String datatype, long... shape) {
        InferInputTensor.Builder out =
                InferInputTensor.newBuilder().setName(name).setDatatype(datatype);
        Arrays.stream(shape).forEach(out::addShape);
        return out;
    }

    static ByteString zeros(int count) {
        return ByteString.copyFrom(new byte[count]);
    }

    /** A stream of one request, beside what this thread does. */
    CompletableFuture<Stream> later(ModelInferRequest request) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return stream(List.of(request));
            } catch (Exception e) {
                throw new Checks.Wrong(e.toString());
            }
        });
    }

    Stream stream(List<ModelInferRequest> requests) throws Exception {
        return stream(requests, SECONDS * 1000, -1);
    }

    Stream stream(List<ModelInferRequest> requests, long deadlineMillis, int cancelAfter) throws Exception {
        return stream(requests, deadlineMillis, cancelAfter, MetadataUtils.newAttachHeadersInterceptor(new Metadata()));
    }

    /** Sends requests, half-closes (unless cancelled after so many responses), and gathers what comes. */
    Stream stream(List<ModelInferRequest> requests, long deadlineMillis, int cancelAfter, ClientInterceptor headers)
            throws Exception {
        List<ModelStreamInferResponse> responses = java.util.Collections.synchronizedList(new ArrayList<>());
        CompletableFuture<Status> end = new CompletableFuture<>();
        StreamObserver<ModelInferRequest> out = GRPCInferenceServiceGrpc.newStub(channel)
                .withInterceptors(headers)
                .withDeadlineAfter(deadlineMillis, TimeUnit.MILLISECONDS)
                .modelStreamInfer(new ClientResponseObserver<ModelInferRequest, ModelStreamInferResponse>() {
                    private @Nullable ClientCallStreamObserver<ModelInferRequest> call;

                    @Override
                    public void beforeStart(ClientCallStreamObserver<ModelInferRequest> stream) {
                        call = stream;
                    }

                    @Override
                    public void onNext(ModelStreamInferResponse response) {
                        responses.add(response);
                        if (responses.size() == cancelAfter && call != null) {
                            call.cancel("enough", null);
                        }
                    }

                    @Override
                    public void onError(Throwable t) {
                        end.complete(Status.fromThrowable(t));
                    }

                    @Override
                    public void onCompleted() {
                        end.complete(Status.OK);
                    }
                });
        requests.forEach(out::onNext);
        if (cancelAfter < 0) {
            out.onCompleted();
        }
        try {
            Status status = end.get(deadlineMillis + 5_000, TimeUnit.MILLISECONDS);
            return new Stream(List.copyOf(responses), status);
        } catch (TimeoutException | ExecutionException e) {
            throw new Checks.Wrong("the stream did not end; " + responses.size() + " responses came");
        }
    }

    static boolean last(ModelStreamInferResponse r) {
        return r.getInferResponse()
                .getParametersOrDefault("triton_final_response", InferParameter.getDefaultInstance())
                .getBoolParam();
    }

    static int[] ids(List<ModelStreamInferResponse> responses) {
        return responses.stream()
                .flatMapToInt(r -> {
                    if (!r.getErrorMessage().isEmpty()) {
                        throw new Checks.Wrong("error: " + r.getErrorMessage());
                    }
                    Tensor t = Tensors.of(r.getInferResponse()).get(PolicyTensors.OUTPUT_IDS);
                    return t == null ? Arrays.stream(new int[0]) : Arrays.stream(t.ints());
                })
                .toArray();
    }

    /** Waits until nothing is under way. */
    void idle() throws Exception {
        for (int i = 0; i < 40; i++) {
            if (new ObjectMapper().readTree(status()).path("running").asInt(-1) == 0) {
                return;
            }
            Thread.sleep(50);
        }
        throw new Checks.Wrong("after 2 s it still runs: " + status());
    }

    String status() throws Exception {
        Stream s = stream(List.of(control("status", "status")));
        Tensor t = Tensors.of(s.responses().get(0).getInferResponse()).get(PolicyTensors.STATUS_JSON);
        return t == null ? "" : t.text();
    }

    static String digest(String json) {
        int at = json.indexOf("\"digest\"");
        return at < 0 ? json : json.substring(at, Math.min(json.length(), at + 80));
    }

    static Tensor tensor(Map<String, Tensor> tensors, String name) {
        Tensor t = tensors.get(name);
        if (t == null) {
            throw new Checks.Wrong("output '" + name + "' is missing");
        }
        return t;
    }

    @Override
    public void close() {
        channel.shutdownNow();
    }
}
