package io.foothold.contracts.triton;

import io.foothold.contracts.triton.Tensors.Tensor;
import io.foothold.inference.DataType;
import io.foothold.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase;
import io.foothold.inference.ModelConfig;
import io.foothold.inference.ModelConfigRequest;
import io.foothold.inference.ModelConfigResponse;
import io.foothold.inference.ModelInferRequest;
import io.foothold.inference.ModelInferResponse;
import io.foothold.inference.ModelInput;
import io.foothold.inference.ModelMetadataRequest;
import io.foothold.inference.ModelMetadataResponse;
import io.foothold.inference.ModelMetadataResponse.TensorMetadata;
import io.foothold.inference.ModelReadyRequest;
import io.foothold.inference.ModelReadyResponse;
import io.foothold.inference.ModelTransactionPolicy;
import io.foothold.inference.RepositoryIndexRequest;
import io.foothold.inference.RepositoryIndexResponse;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** An inference server with one reward model, which answers as a test says, in the words of tritonserver 2.51. */
public final class RewardModelServer extends GRPCInferenceServiceImplBase implements AutoCloseable {
    /** What a model makes of responses. */
    public interface Scoring {
        /** The output of a call, by the texts of each response by the names of the inputs. */
        Tensor scores(List<Map<String, String>> responses);
    }

    /** Name of its model. */
    public static final String MODEL = "length";

    /** Responses of every call that was answered or failed, in order. */
    public final List<List<Map<String, String>>> calls = new CopyOnWriteArrayList<>();

    /** So many calls still fail as if the server were away. */
    public final AtomicInteger toFail = new AtomicInteger();

    /** Inputs that it has, BYTES. */
    public volatile List<String> inputs = List.of("prompt", "response");

    /** Of them, those that may be left out. */
    public volatile List<String> optional = List.of();

    /** Dimensions of its tensors. */
    public volatile List<Long> shape = List.of(-1L, 1L);

    /** Datatype of its output. */
    public volatile String datatype = "FP32";

    /** Its configuration's limit; 0 for a model without batches. */
    public volatile int maxBatchSize = 16;

    /** Whether it gives any number of answers. */
    public volatile boolean decoupled;

    /** Whether it can serve. */
    public volatile boolean ready = true;

    /** How long a call takes. */
    public volatile long millis;

    /** What it gives. */
    public volatile Scoring scoring = RewardModelServer::lengths;

    private volatile Server server;
    private final int port;

    /** A server that is there. */
    public RewardModelServer() throws IOException {
        this.server = ServerBuilder.forPort(0).addService(this).build().start();
        this.port = server.getPort();
    }

    /** As a run file names it. */
    public String address() {
        return "grpc://127.0.0.1:" + port;
    }

    /** Is gone with all its connections. */
    public void die() throws InterruptedException {
        server.shutdownNow().awaitTermination();
    }

    /** Is there again, on the same port. */
    public void begin() throws IOException {
        server = ServerBuilder.forPort(port).addService(this).build().start();
    }

    /** FP32 [n, 1]. */
    public static Tensor column(float... numbers) {
        Tensor flat = Tensors.ofFloats(numbers);
        return new Tensor("FP32", List.of((long) numbers.length, 1L), flat.data());
    }

    /** A tenth of the characters of each response. */
    public static Tensor lengths(List<Map<String, String>> responses) {
        float[] out = new float[responses.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = responses.get(i).getOrDefault("response", "").length() / 10f;
        }
        return column(out);
    }

    @Override
    public void modelReady(ModelReadyRequest request, StreamObserver<ModelReadyResponse> out) {
        answer(
                out,
                ModelReadyResponse.newBuilder()
                        .setReady(ready && request.getName().equals(MODEL))
                        .build());
    }

    @Override
    public void modelMetadata(ModelMetadataRequest request, StreamObserver<ModelMetadataResponse> out) {
        if (!known(request.getName(), out)) {
            return;
        }
        ModelMetadataResponse.Builder response = ModelMetadataResponse.newBuilder()
                .setName(MODEL)
                .addVersions("1")
                .setPlatform("python");
        inputs.forEach(name -> response.addInputs(tensor(name, "BYTES")));
        answer(out, response.addOutputs(tensor("score", datatype)).build());
    }

    private TensorMetadata tensor(String name, String type) {
        return TensorMetadata.newBuilder()
                .setName(name)
                .setDatatype(type)
                .addAllShape(shape)
                .build();
    }

    @Override
    public void modelConfig(ModelConfigRequest request, StreamObserver<ModelConfigResponse> out) {
        if (!known(request.getName(), out)) {
            return;
        }
        ModelConfig.Builder config = ModelConfig.newBuilder()
                .setName(MODEL)
                .setMaxBatchSize(maxBatchSize)
                .setModelTransactionPolicy(ModelTransactionPolicy.newBuilder().setDecoupled(decoupled));
        inputs.forEach(name -> config.addInput(ModelInput.newBuilder()
                .setName(name)
                .setDataType(DataType.TYPE_STRING)
                .setOptional(optional.contains(name))));
        answer(out, ModelConfigResponse.newBuilder().setConfig(config).build());
    }

    @Override
    public void repositoryIndex(RepositoryIndexRequest request, StreamObserver<RepositoryIndexResponse> out) {
        answer(
                out,
                RepositoryIndexResponse.newBuilder()
                        .addModels(RepositoryIndexResponse.ModelIndex.newBuilder()
                                .setName(MODEL)
                                .setVersion("1")
                                .setState(ready ? "READY" : "UNAVAILABLE")
                                .setReason(ready ? "" : "unloaded"))
                        .build());
    }

    private static boolean known(String name, StreamObserver<?> out) {
        boolean known = name.equals(MODEL);
        if (!known) {
            out.onError(Status.NOT_FOUND
                    .withDescription("Request for unknown model: '" + name + "' is not found")
                    .asRuntimeException());
        }
        return known;
    }

    @Override
    public void modelInfer(ModelInferRequest request, StreamObserver<ModelInferResponse> out) {
        List<Map<String, String>> responses = new ArrayList<>();
        Tensors.of(request, MODEL).forEach((name, tensor) -> {
            List<byte[]> texts = tensor.bytes();
            for (int i = 0; i < texts.size(); i++) {
                if (responses.size() <= i) {
                    responses.add(new LinkedHashMap<>());
                }
                responses.get(i).put(name, new String(texts.get(i), StandardCharsets.UTF_8));
            }
        });
        calls.add(responses);
        if (toFail.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
            out.onError(Status.UNAVAILABLE
                    .withDescription("Exceeds maximum queue size")
                    .asRuntimeException());
            return;
        }
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
            ModelInferResponse.Builder response =
                    ModelInferResponse.newBuilder().setModelName(MODEL);
            Tensors.put(response, "score", scoring.scores(responses));
            answer(out, response.build());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            out.onError(Status.INTERNAL.withDescription(e.getMessage()).asRuntimeException());
        }
    }

    private static <T> void answer(StreamObserver<T> out, T message) {
        out.onNext(message);
        out.onCompleted();
    }

    @Override
    public void close() {
        server.shutdownNow();
    }
}
