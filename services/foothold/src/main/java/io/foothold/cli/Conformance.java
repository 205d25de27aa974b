package io.foothold.cli;

import com.google.protobuf.ByteString;
import grpc.health.v1.HealthGrpc;
import grpc.health.v1.HealthOuterClass.HealthCheckRequest;
import grpc.health.v1.HealthOuterClass.HealthCheckResponse;
import io.foothold.contracts.triton.PolicyTensors;
import io.foothold.contracts.triton.Tensors;
import io.foothold.contracts.triton.Tensors.Tensor;
import io.foothold.inference.*;
import io.foothold.inference.ModelInferRequest.InferInputTensor;
import io.foothold.policy.PolicyWeights;
import io.grpc.ClientInterceptor;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * What an inference server must do to serve a policy, asked over the wire: every RPC, the codes and texts of wrong requests, flags,
 * many requests on a stream, cancellation, deadlines, the tensor contract. One suite for our policy server and for a real
 * tritonserver; its texts are those that tritonserver 2.51 gave. Blocking; one thread.
 */
final class Conformance implements AutoCloseable {
    /** How a case came out. */
    enum Outcome {
        /** As demanded. */
        PASSED("ok"),
        /** Otherwise. */
        FAILED("FAILED"),
        /** Not asked of this server, for the reason given. */
        DIFFERS("differs on purpose"),
        /** Not run against this server: it would break it. */
        KNOWN_DEFECT("known defect");

        private final String label;

        Outcome(String label) {
            this.label = label;
        }
    }

    /** One line of the table. */
    record Result(String name, Outcome outcome, String detail) {
        @Override
        public String toString() {
            return String.format("%-18s %s%s", outcome.label, name, detail.isEmpty() ? "" : ": " + detail);
        }
    }

    private static final class Wrong extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Wrong(String what) {
            super(what, null, false, false);
        }
    }

    private interface Probe {
        void run() throws Exception;
    }

    private record Stream(List<ModelStreamInferResponse> responses, Status status) {
        List<ModelStreamInferResponse> of(String id) {
            return responses.stream()
                    .filter(r -> r.getInferResponse().getId().equals(id))
                    .toList();
        }
    }

    private static final long SECONDS = 20;

    private final String model;
    private final ManagedChannel channel;
    private final GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub stub;
    private final List<Result> results = new ArrayList<>();
    private final @Nullable URI metrics;
    private final String secret;
    private boolean triton;

    /**
     * A suite.
     *
     * @param metrics where the server shows its metrics; null leaves their cases out
     * @param secret that the server's control operations need; empty leaves its cases out
     */
    Conformance(String target, String model, @Nullable URI metrics, String secret) {
        this.model = model;
        this.metrics = metrics;
        this.secret = secret;
        this.channel = ManagedChannelBuilder.forTarget(target)
                .usePlaintext()
                .maxInboundMessageSize(Integer.MAX_VALUE)
                .build();
        this.stub = GRPCInferenceServiceGrpc.newBlockingStub(channel);
    }

    private GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub call() {
        return stub.withDeadlineAfter(SECONDS, TimeUnit.SECONDS);
    }

    /** Runs every case. */
    List<Result> run() {
        triton = call().serverMetadata(ServerMetadataRequest.getDefaultInstance())
                .getName()
                .equals("triton");
        health();
        metadata();
        unary();
        wrongTensors();
        wrongParameters();
        streams();
        contract();
        repository();
        if (metrics != null) {
            metrics(metrics);
        }
        if (!secret.isEmpty()) {
            secrets();
        }
        return List.copyOf(results);
    }

    private void check(String name, Probe probe) {
        try {
            probe.run();
            results.add(new Result(name, Outcome.PASSED, ""));
        } catch (Wrong e) {
            results.add(new Result(name, Outcome.FAILED, String.valueOf(e.getMessage())));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            results.add(new Result(name, Outcome.FAILED, "interrupted"));
        } catch (Exception e) {
            results.add(new Result(name, Outcome.FAILED, e.toString()));
        }
    }

    private void unless(boolean differs, Outcome outcome, String name, String why, Probe probe) {
        if (differs) {
            results.add(new Result(name, outcome, why));
        } else {
            check(name, probe);
        }
    }

    private static void equal(@Nullable Object expected, @Nullable Object found, String what) {
        if (!Objects.equals(expected, found)) {
            throw new Wrong(what + ": expected '" + expected + "', got '" + found + "'");
        }
    }

    private static void refused(Status.Code code, String text, Probe probe) throws Exception {
        try {
            probe.run();
        } catch (StatusRuntimeException e) {
            equal(code, e.getStatus().getCode(), "code");
            equal(text, Objects.requireNonNullElse(e.getStatus().getDescription(), ""), "text");
            return;
        }
        throw new Wrong("expected " + code + " '" + text + "', it succeeded");
    }

    // Health, metadata, configuration, statistics.

    private void health() {
        check(
                "ServerLive",
                () -> equal(
                        true,
                        call().serverLive(ServerLiveRequest.getDefaultInstance())
                                .getLive(),
                        "live"));
        check(
                "ServerReady",
                () -> equal(
                        true,
                        call().serverReady(ServerReadyRequest.getDefaultInstance())
                                .getReady(),
                        "ready"));
        check(
                "grpc.health.v1 Check",
                () -> equal(
                        HealthCheckResponse.ServingStatus.SERVING,
                        HealthGrpc.newBlockingStub(channel)
                                .withDeadlineAfter(SECONDS, TimeUnit.SECONDS)
                                .check(HealthCheckRequest.getDefaultInstance())
                                .getStatus(),
                        "status"));
        check("ModelReady", () -> equal(true, ready(model, ""), "ready"));
        check("ModelReady with its version", () -> equal(true, ready(model, "1"), "ready"));
        check("ModelReady of an unknown model", () -> equal(false, ready("nosuch", ""), "ready"));
        check("ModelReady of an unknown version", () -> equal(false, ready(model, "9"), "ready"));
        check("ModelReady without a name", () -> equal(false, ready("", ""), "ready"));
        check(
                "ModelReady of version abc",
                () -> refused(
                        Status.Code.INVALID_ARGUMENT,
                        "failed to get model version from specified version string 'abc' (details: stol), version should be an "
                                + "integral value > 0",
                        () -> ready(model, "abc")));
        check(
                "ModelReady of version -1",
                () -> refused(
                        Status.Code.INVALID_ARGUMENT,
                        "invalid model version specified '-1' , version should be an integral value > 0",
                        () -> ready(model, "-1")));
    }

    private boolean ready(String name, String version) {
        return call().modelReady(ModelReadyRequest.newBuilder()
                        .setName(name)
                        .setVersion(version)
                        .build())
                .getReady();
    }

    private static String unknown(String name) {
        return "Request for unknown model: '" + name + "' is not found";
    }

    private String unknownVersion() {
        return "Request for unknown model: '" + model + "' version 9 is not found";
    }

    private void metadata() {
        check("ServerMetadata", () -> {
            var m = call().serverMetadata(ServerMetadataRequest.getDefaultInstance());
            equal(false, m.getName().isEmpty() || m.getVersion().isEmpty(), "name or version missing");
            equal(
                    true,
                    m.getExtensionsList().contains("binary_tensor_data"),
                    "binary_tensor_data among the extensions");
        });
        check("ModelMetadata has the contract's tensors", () -> {
            var m = call().modelMetadata(
                            ModelMetadataRequest.newBuilder().setName(model).build());
            equal(model, m.getName(), "name");
            equal(List.of("1"), List.copyOf(m.getVersionsList()), "versions");
            Map<String, String> types = new LinkedHashMap<>();
            m.getInputsList().forEach(i -> types.put(i.getName(), i.getDatatype()));
            equal("INT32", types.get(PolicyTensors.INPUT_IDS), "dtype of input_ids");
            equal("UINT64", types.get(PolicyTensors.RANDOM_SEED), "dtype of random_seed");
            equal("BYTES", types.get(PolicyTensors.OP), "dtype of op");
            equal(19, types.size(), "number of inputs");
            equal(12, m.getOutputsCount(), "number of outputs");
        });
        check(
                "ModelMetadata of an unknown model",
                () -> refused(Status.Code.NOT_FOUND, unknown("nosuch"), () -> call().modelMetadata(
                                ModelMetadataRequest.newBuilder()
                                        .setName("nosuch")
                                        .build())));
        check(
                "ModelMetadata of an unknown version",
                () -> refused(Status.Code.NOT_FOUND, unknownVersion(), () -> call().modelMetadata(
                                ModelMetadataRequest.newBuilder()
                                        .setName(model)
                                        .setVersion("9")
                                        .build())));
        check("ModelConfig", () -> {
            var c = call().modelConfig(
                            ModelConfigRequest.newBuilder().setName(model).build())
                    .getConfig();
            equal(true, c.getModelTransactionPolicy().getDecoupled(), "decoupled");
            equal(0, c.getMaxBatchSize(), "max_batch_size");
            equal(
                    PolicyTensors.CONTRACT_VERSION,
                    c.getParametersOrDefault("contract_version", ModelParameter.getDefaultInstance())
                            .getStringValue(),
                    "contract_version");
        });
        check(
                "ModelConfig of an unknown model",
                () -> refused(Status.Code.NOT_FOUND, unknown("nosuch"), () -> call().modelConfig(
                                ModelConfigRequest.newBuilder()
                                        .setName("nosuch")
                                        .build())));
        check(
                "ModelStatistics",
                () -> equal(
                        model,
                        call().modelStatistics(ModelStatisticsRequest.newBuilder()
                                        .setName(model)
                                        .build())
                                .getModelStats(0)
                                .getName(),
                        "name"));
        check(
                "ModelStatistics of all models",
                () -> equal(
                        true,
                        call().modelStatistics(ModelStatisticsRequest.getDefaultInstance()).getModelStatsList().stream()
                                .anyMatch(s -> s.getName().equals(model)),
                        "the model among them"));
        check(
                "ModelStatistics of an unknown model",
                () -> refused(
                        Status.Code.INVALID_ARGUMENT,
                        "requested model 'nosuch' is not available",
                        () -> call().modelStatistics(ModelStatisticsRequest.newBuilder()
                                .setName("nosuch")
                                .build())));
        check(
                "ModelStatistics of an unknown version",
                () -> refused(
                        Status.Code.INVALID_ARGUMENT,
                        "requested model version is not available for model '" + model + "'",
                        () -> call().modelStatistics(ModelStatisticsRequest.newBuilder()
                                .setName(model)
                                .setVersion("9")
                                .build())));
    }

    private void unary() {
        check(
                "ModelInfer of a decoupled model",
                () -> refused(
                        Status.Code.UNIMPLEMENTED,
                        "ModelInfer RPC doesn't support models with decoupled transaction policy",
                        () -> call().modelInfer(generate("u", 4).build())));
        check(
                "ModelInfer of an unknown model",
                () -> refused(Status.Code.NOT_FOUND, unknown("nosuch"), () -> call().modelInfer(
                                generate("u", 4).setModelName("nosuch").build())));
        check(
                "ModelInfer of an unknown version",
                () -> refused(Status.Code.NOT_FOUND, unknownVersion(), () -> call().modelInfer(
                                generate("u", 4).setModelVersion("9").build())));
    }

    // Requests.

    private ModelInferRequest.Builder request(String id) {
        return ModelInferRequest.newBuilder().setModelName(model).setId(id);
    }

    private ModelInferRequest.Builder generate(String id, int tokens) {
        ModelInferRequest.Builder out = request(id);
        Tensors.put(out, PolicyTensors.INPUT_IDS, Tensors.ofInts(3, 4, 5));
        Tensors.put(out, PolicyTensors.MAX_TOKENS, Tensors.ofInts(tokens));
        Tensors.put(out, PolicyTensors.RANDOM_SEED, Tensors.ofUnsignedLong(7));
        Tensors.put(out, PolicyTensors.IGNORE_EOS, Tensors.ofBool(true));
        return out;
    }

    private ModelInferRequest.Builder message(String chat) {
        ModelInferRequest.Builder out = request("chat");
        Tensors.put(out, PolicyTensors.OP, Tensors.ofTexts(List.of("tokenize")));
        Tensors.put(out, PolicyTensors.TEXT, Tensors.ofTexts(List.of("a")));
        Tensors.put(out, PolicyTensors.CHAT, Tensors.ofTexts(List.of(chat)));
        return out;
    }

    private ModelInferRequest control(String id, String op) {
        return operation(id, op).build();
    }

    private ModelInferRequest.Builder operation(String id, String op) {
        ModelInferRequest.Builder out = request(id);
        Tensors.put(out, PolicyTensors.OP, Tensors.ofTexts(List.of(op)));
        if (!secret.isEmpty()) {
            out.putParameters(PolicyTensors.ADMIN_PARAMETER, text(secret));
        }
        return out;
    }

    private static InferInputTensor.Builder input(String name, String datatype, long... shape) {
        InferInputTensor.Builder out =
                InferInputTensor.newBuilder().setName(name).setDatatype(datatype);
        Arrays.stream(shape).forEach(out::addShape);
        return out;
    }

    private static ByteString zeros(int count) {
        return ByteString.copyFrom(new byte[count]);
    }

    private Stream stream(List<ModelInferRequest> requests) throws Exception {
        return stream(requests, SECONDS * 1000, -1);
    }

    private Stream stream(List<ModelInferRequest> requests, long deadlineMillis, int cancelAfter) throws Exception {
        return stream(requests, deadlineMillis, cancelAfter, MetadataUtils.newAttachHeadersInterceptor(new Metadata()));
    }

    /** A stream of one request, beside what this thread does. */
    private CompletableFuture<Stream> later(ModelInferRequest request) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return stream(List.of(request));
            } catch (Exception e) {
                throw new Wrong(e.toString());
            }
        });
    }

    /** Sends requests, half-closes (unless cancelled after so many responses), and gathers what comes. */
    private Stream stream(
            List<ModelInferRequest> requests, long deadlineMillis, int cancelAfter, ClientInterceptor headers)
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
            throw new Wrong("the stream did not end; " + responses.size() + " responses came");
        }
    }

    /** A wrong request is refused in-band, names itself, and the stream and its other requests go on. */
    private void inBand(String name, String text, ModelInferRequest.Builder bad) {
        check("stream: " + name, () -> {
            Stream s = stream(List.of(bad.setId("bad").build(), control("next", "status")));
            equal(Status.Code.OK, s.status().getCode(), "status of the stream");
            equal(1, s.of("bad").size(), "responses to the wrong request");
            equal(text, s.of("bad").get(0).getErrorMessage(), "error_message");
            equal(1, s.of("next").size(), "responses to the next request");
            equal("", s.of("next").get(0).getErrorMessage(), "error of the next request");
        });
    }

    private void wrongTensors() {
        String id = "[request id: bad] ";
        String of = " for model '" + model + "'";
        inBand("unknown model", unknown("nosuch"), generate("bad", 4).setModelName("nosuch"));
        inBand("unknown version", unknownVersion(), generate("bad", 4).setModelVersion("9"));
        inBand(
                "wrong datatype",
                id + "inference input 'max_tokens' data-type is 'FP32', but model '" + model + "' expects 'INT32'",
                request("bad").addInputs(input("max_tokens", "FP32", 1)).addRawInputContents(zeros(4)));
        inBand(
                "wrong shape",
                id + "unexpected shape for input 'max_tokens'" + of + ". Expected [1], got [2]. ",
                request("bad").addInputs(input("max_tokens", "INT32", 2)).addRawInputContents(zeros(8)));
        inBand(
                "wrong rank",
                id + "unexpected shape for input 'input_ids'" + of + ". Expected [-1], got [1,2]. ",
                request("bad").addInputs(input("input_ids", "INT32", 1, 2)).addRawInputContents(zeros(8)));
        inBand(
                "negative dimension",
                id + "All input dimensions should be specified for input 'input_ids'" + of + ", got [-1]",
                request("bad").addInputs(input("input_ids", "INT32", -1)).addRawInputContents(zeros(4)));
        inBand(
                "extra input",
                "unexpected inference input 'nope'" + of,
                request("bad").addInputs(input("nope", "INT32", 1)).addRawInputContents(zeros(4)));
        inBand(
                "input twice",
                id + "input 'max_tokens' already exists in request",
                request("bad")
                        .addInputs(input("max_tokens", "INT32", 1))
                        .addInputs(input("max_tokens", "INT32", 1))
                        .addRawInputContents(zeros(4))
                        .addRawInputContents(zeros(4)));
        inBand(
                "unknown output",
                "unexpected inference output 'nope'" + of,
                generate("bad", 4)
                        .addOutputs(ModelInferRequest.InferRequestedOutputTensor.newBuilder()
                                .setName("nope")));
        inBand(
                "typed and raw data",
                "contents field must not be specified when using raw_input_contents for 'max_tokens'" + of,
                request("bad")
                        .addInputs(input("max_tokens", "INT32", 1)
                                .setContents(InferTensorContents.newBuilder().addIntContents(4)))
                        .addRawInputContents(zeros(4)));
        inBand(
                "raw data of a wrong size",
                id + "input byte size mismatch for input 'input_ids'" + of + ". Expected 12, got 8",
                request("bad").addInputs(input("input_ids", "INT32", 3)).addRawInputContents(zeros(8)));
        inBand(
                "typed data in the wrong field",
                "unexpected explicit tensor data for input tensor 'max_tokens'" + of
                        + " of type 'INT64', expected datatype 'INT32'",
                request("bad")
                        .addInputs(input("max_tokens", "INT32", 1)
                                .setContents(InferTensorContents.newBuilder().addInt64Contents(4))));
        inBand(
                "raw entry missing",
                "unable to find data for input tensor 'input_ids'" + of + " in request.",
                request("bad")
                        .addInputs(input("max_tokens", "INT32", 1))
                        .addInputs(input("input_ids", "INT32", 1))
                        .addRawInputContents(zeros(4)));
        inBand(
                "too few strings",
                id + "expected 2 string elements for inference input 'text'" + of + ", got 1",
                request("bad")
                        .addInputs(input("text", "BYTES", 2))
                        .addRawInputContents(ByteString.copyFrom(new byte[] {1, 0, 0, 0, 'a'})));
        inBand(
                "too many strings",
                id + "unexpected number of string elements 2 for inference input 'text'" + of + ", expecting 1",
                request("bad")
                        .addInputs(input("text", "BYTES", 1))
                        .addRawInputContents(ByteString.copyFrom(new byte[] {1, 0, 0, 0, 'a', 1, 0, 0, 0, 'b'})));
        inBand(
                "cut string length",
                id + "incomplete string length indicator for inference input 'text'" + of
                        + ", expecting 4 bytes but only 2 bytes available. Please make sure the string length indicator is in "
                        + "one buffer.",
                request("bad").addInputs(input("text", "BYTES", 1)).addRawInputContents(zeros(2)));
        check("stream: raw entries that no input names are ignored", () -> {
            Stream s = stream(List.of(ModelInferRequest.newBuilder(control("more", "status"))
                    .addRawInputContents(zeros(4))
                    .build()));
            equal("", s.responses().get(0).getErrorMessage(), "error");
        });
        unless(
                triton,
                Outcome.KNOWN_DEFECT,
                "stream: shape 2^62 without data",
                "passes tritonserver's core and kills its Python stub",
                () -> {
                    Stream s = stream(List.of(
                            request("bad")
                                    .addInputs(input("input_ids", "INT32", 1L << 62))
                                    .addRawInputContents(zeros(0))
                                    .build(),
                            control("next", "status")));
                    equal(false, s.of("bad").get(0).getErrorMessage().isEmpty(), "refused");
                    equal("", s.of("next").get(0).getErrorMessage(), "error of the next request");
                });
    }

    private static InferParameter text(String value) {
        return InferParameter.newBuilder().setStringParam(value).build();
    }

    private void wrongParameters() {
        inBand(
                "reserved parameter",
                "parameter keys starting with 'triton_' are reserved for Triton usage. Only the following keys starting "
                        + "with 'triton_' are allowed: triton_enable_empty_final_response",
                generate("bad", 4).putParameters("triton_foo", text("x")));
        inBand(
                "opt-in that is no bool",
                "invalid value type for 'triton_enable_empty_final_response' parameter, expected bool_param.",
                generate("bad", 4).putParameters("triton_enable_empty_final_response", text("x")));
        inBand(
                "parameter of an unsigned kind",
                "invalid value type for 'my_u' parameter, expected int64_param, bool_param, or string_param.",
                generate("bad", 4)
                        .putParameters(
                                "my_u",
                                InferParameter.newBuilder().setUint64Param(1).build()));
        inBand(
                "sequence_id of a wrong kind",
                "invalid value type for 'sequence_id' parameter, expected int64_param or string_param.",
                generate("bad", 4)
                        .putParameters(
                                "sequence_id",
                                InferParameter.newBuilder().setBoolParam(true).build()));
        inBand(
                "timeout of a wrong kind",
                "invalid value type for 'timeout' parameter, expected int64_param.",
                generate("bad", 4).putParameters("timeout", text("1")));
        check("stream: parameters of one's own are taken", () -> {
            Stream s = stream(List.of(generate("own", 4)
                    .putParameters("tag", text("x"))
                    .putParameters(
                            "n", InferParameter.newBuilder().setInt64Param(3).build())
                    .putParameters(
                            "d", InferParameter.newBuilder().setDoubleParam(.1).build())
                    .build()));
            equal(4, ids(s.of("own")).length, "tokens");
        });
    }

    // Streams.

    private static boolean last(ModelStreamInferResponse r) {
        return r.getInferResponse()
                .getParametersOrDefault("triton_final_response", InferParameter.getDefaultInstance())
                .getBoolParam();
    }

    private static int[] ids(List<ModelStreamInferResponse> responses) {
        return responses.stream()
                .flatMapToInt(r -> {
                    if (!r.getErrorMessage().isEmpty()) {
                        throw new Wrong("error: " + r.getErrorMessage());
                    }
                    Tensor t = Tensors.of(r.getInferResponse()).get(PolicyTensors.OUTPUT_IDS);
                    return t == null ? Arrays.stream(new int[0]) : Arrays.stream(t.ints());
                })
                .toArray();
    }

    private ModelInferRequest every(String id, int tokens, int interval) {
        ModelInferRequest.Builder out = generate(id, tokens);
        Tensors.put(out, PolicyTensors.STREAM_INTERVAL, Tensors.ofInts(interval));
        return out.build();
    }

    private void streams() {
        check("stream: no request, then half-close", () -> {
            Stream s = stream(List.of());
            equal(Status.Code.OK, s.status().getCode(), "status");
            equal(0, s.responses().size(), "responses");
        });
        check("stream: chunks say that more may come, the last one that none will", () -> {
            List<ModelStreamInferResponse> r =
                    stream(List.of(every("c", 12, 3))).of("c");
            equal(true, r.size() >= 4, "at least 4 responses, got " + r.size());
            for (int i = 0; i < r.size(); i++) {
                ModelInferResponse response = r.get(i).getInferResponse();
                equal(true, response.containsParameters("triton_final_response"), "flag on response " + i);
                equal(i == r.size() - 1, last(r.get(i)), "final flag of response " + i);
                equal(model, response.getModelName(), "model_name");
                equal("1", response.getModelVersion(), "model_version");
            }
        });
        check("stream: the opt-in adds no response when the last chunk has the flag", () -> {
            List<ModelStreamInferResponse> r = stream(List.of(ModelInferRequest.newBuilder(every("o", 6, 3))
                            .putParameters(
                                    "triton_enable_empty_final_response",
                                    InferParameter.newBuilder()
                                            .setBoolParam(true)
                                            .build())
                            .build()))
                    .of("o");
            equal(1L, r.stream().filter(Conformance::last).count(), "responses with the final flag");
            equal(6, ids(r).length, "tokens");
        });
        check("stream: 60 requests at once, each answered in full", () -> {
            List<ModelInferRequest> many = new ArrayList<>();
            for (int i = 0; i < 60; i++) {
                many.add(every("m" + i, 5 + i % 7, 2));
            }
            Stream s = stream(many);
            equal(Status.Code.OK, s.status().getCode(), "status");
            for (int i = 0; i < 60; i++) {
                equal(5 + i % 7, ids(s.of("m" + i)).length, "tokens of request " + i);
                equal(1L, s.of("m" + i).stream().filter(Conformance::last).count(), "finals of request " + i);
            }
        });
        check("stream: 8 streams beside each other", () -> {
            List<CompletableFuture<Stream>> all = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                all.add(later(every("s", 10, 4)));
            }
            int[] first = ids(all.get(0).get(SECONDS, TimeUnit.SECONDS).responses());
            for (CompletableFuture<Stream> s : all) {
                equal(
                        Arrays.toString(first),
                        Arrays.toString(ids(s.get(SECONDS, TimeUnit.SECONDS).responses())),
                        "tokens of the same seed");
            }
        });
        check("stream: only the outputs that were asked for are sent", () -> {
            List<ModelStreamInferResponse> r = stream(List.of(generate("q", 6)
                            .addOutputs(ModelInferRequest.InferRequestedOutputTensor.newBuilder()
                                    .setName(PolicyTensors.OUTPUT_IDS))
                            .build()))
                    .of("q");
            equal(6, ids(r).length, "tokens");
            for (ModelStreamInferResponse response : r) {
                equal(
                        java.util.Set.of(PolicyTensors.OUTPUT_IDS),
                        Tensors.of(response.getInferResponse()).keySet(),
                        "outputs");
            }
        });
        check("stream: a cancelled stream is CANCELLED and its request stops", () -> {
            Stream s = stream(List.of(every("x", 60, 1)), SECONDS * 1000, 2);
            equal(Status.Code.CANCELLED, s.status().getCode(), "status");
            idle();
        });
        check("stream: a deadline is DEADLINE_EXCEEDED and its request stops", () -> {
            LinkedBlockingQueue<Status> ended = new LinkedBlockingQueue<>();
            StreamObserver<ModelInferRequest> open = GRPCInferenceServiceGrpc.newStub(channel)
                    .withDeadlineAfter(700, TimeUnit.MILLISECONDS)
                    .modelStreamInfer(new StreamObserver<>() {
                        @Override
                        public void onNext(ModelStreamInferResponse r) {
                            // Only the end counts.
                        }

                        @Override
                        public void onError(Throwable t) {
                            ended.add(Status.fromThrowable(t));
                        }

                        @Override
                        public void onCompleted() {
                            ended.add(Status.OK);
                        }
                    });
            open.onNext(every("d", 60, 1));
            Status status = ended.poll(SECONDS, TimeUnit.SECONDS);
            equal(Status.Code.DEADLINE_EXCEEDED, status == null ? null : status.getCode(), "status");
            idle();
        });
        unless(
                triton,
                Outcome.KNOWN_DEFECT,
                "stream: header triton_grpc_error with a second request",
                "strict mode ends tritonserver 2.51 with SIGSEGV when anything is written after the error",
                () -> {
                    Metadata headers = new Metadata();
                    headers.put(Metadata.Key.of("triton_grpc_error", Metadata.ASCII_STRING_MARSHALLER), "true");
                    stream(
                            List.of(generate("bad", 0).build(), control("next", "status"), every("more", 4, 1)),
                            SECONDS * 1000,
                            -1,
                            MetadataUtils.newAttachHeadersInterceptor(headers));
                    equal(4, ids(stream(List.of(every("then", 4, 0))).of("then")).length, "tokens afterwards");
                });
        unless(
                triton,
                Outcome.KNOWN_DEFECT,
                "stream: an error is never followed by silence",
                "a sender that is dropped without FINAL leaves the client waiting until its deadline",
                () -> {
                    ModelInferRequest.Builder old = generate("old", 4);
                    Tensors.put(old, PolicyTensors.MIN_POLICY_VERSION, Tensors.ofLongs(1_000_000));
                    List<ModelStreamInferResponse> r =
                            stream(List.of(old.build())).of("old");
                    equal(true, last(r.get(r.size() - 1)), "final flag of the error");
                });
    }

    // Metrics: the names that dashboards and scalers rely on.

    private void metrics(URI where) {
        Map<String, String> labels = Map.of("model", model, "version", "1");
        for (String name : List.of(
                "nv_inference_request_success",
                "nv_inference_count",
                "nv_inference_exec_count",
                "foothold_policy_version",
                "foothold_policy_pause_seconds",
                "foothold_requests_running",
                "foothold_requests_waiting",
                "foothold_generated_tokens_total")) {
            check("metrics: " + name, () -> number(where, name, labels));
        }
        for (String reason : List.of("REJECTED", "CANCELED", "BACKEND", "OTHER")) {
            check(
                    "metrics: nv_inference_request_failure, " + reason,
                    () -> number(
                            where,
                            "nv_inference_request_failure",
                            Map.of("model", model, "version", "1", "reason", reason)));
        }
        check("metrics: one request counts once, with its tokens", () -> {
            idle();
            double requests = number(where, "nv_inference_request_success", labels);
            double tokens = number(where, "foothold_generated_tokens_total", labels);
            equal(8, ids(stream(List.of(every("m", 8, 4))).of("m")).length, "tokens");
            grows(where, "foothold_generated_tokens_total", labels, tokens + 8);
            grows(where, "nv_inference_request_success", labels, requests + 1);
            grows(where, "foothold_requests_running", labels, 0);
        });
        check(
                "metrics: the version is that of the status",
                () -> equal(
                        true,
                        status().contains("\"version\": " + (long) number(where, "foothold_policy_version", labels)
                                + ","),
                        "version"));
    }

    private static double number(URI where, String name, Map<String, String> labels) throws Exception {
        Double value = PrometheusText.fetch(where).value(name, labels);
        if (value == null) {
            throw new Wrong(name + labels + " is not among the metrics at " + where);
        }
        return value;
    }

    /** Metrics may follow a little later: waits for a value. */
    private static void grows(URI where, String name, Map<String, String> labels, double expected) throws Exception {
        double found = 0;
        for (int i = 0; i < 40; i++) {
            found = number(where, name, labels);
            if (found == expected) {
                return;
            }
            Thread.sleep(50);
        }
        throw new Wrong(name + ": expected " + expected + ", got " + found);
    }

    /** Waits until nothing is under way. */
    private void idle() throws Exception {
        for (int i = 0; i < 40; i++) {
            String json = status();
            if (json.contains("\"running\": 0")) {
                return;
            }
            Thread.sleep(50);
        }
        throw new Wrong("after 2 s it still runs: " + status());
    }

    private String status() throws Exception {
        Stream s = stream(List.of(control("status", "status")));
        Tensor t = Tensors.of(s.responses().get(0).getInferResponse()).get(PolicyTensors.STATUS_JSON);
        return t == null ? "" : t.text();
    }

    // The policy's tensor contract.

    private void contract() {
        check("contract: the same seed gives the same tokens, however they are cut", () -> {
            Stream s = stream(List.of(every("one", 20, 1), every("some", 20, 8), every("all", 20, 0)));
            equal(Arrays.toString(ids(s.of("one"))), Arrays.toString(ids(s.of("some"))), "tokens of interval 8");
            equal(Arrays.toString(ids(s.of("one"))), Arrays.toString(ids(s.of("all"))), "tokens of interval 0");
            equal(1, s.of("all").size(), "responses of interval 0");
        });
        check("contract: given tokens are continued with the tail of the whole", () -> {
            int[] whole = ids(stream(List.of(every("w", 16, 4))).of("w"));
            int[] start = new int[3 + 6];
            System.arraycopy(new int[] {3, 4, 5}, 0, start, 0, 3);
            System.arraycopy(whole, 0, start, 3, 6);
            ModelInferRequest.Builder tail = request("t");
            Tensors.put(tail, PolicyTensors.INPUT_IDS, Tensors.ofInts(start));
            Tensors.put(tail, PolicyTensors.PROMPT_LENGTH, Tensors.ofInts(3));
            Tensors.put(tail, PolicyTensors.MAX_TOKENS, Tensors.ofInts(10));
            Tensors.put(tail, PolicyTensors.RANDOM_SEED, Tensors.ofUnsignedLong(7));
            Tensors.put(tail, PolicyTensors.IGNORE_EOS, Tensors.ofBool(true));
            equal(
                    Arrays.toString(Arrays.copyOfRange(whole, 6, 16)),
                    Arrays.toString(ids(stream(List.of(tail.build())).of("t"))),
                    "tail");
        });
        check("contract: the last response says why and how much", () -> {
            List<ModelStreamInferResponse> r = stream(List.of(every("f", 9, 4))).of("f");
            Map<String, Tensor> t = Tensors.of(r.get(r.size() - 1).getInferResponse());
            equal("length", tensor(t, PolicyTensors.FINISH_REASON).text(), "finish_reason");
            equal(-1, tensor(t, PolicyTensors.STOP_INDEX).ints()[0], "stop_index");
            equal(3, tensor(t, PolicyTensors.NUM_INPUT_TOKENS).ints()[0], "num_input_tokens");
            equal(9, tensor(t, PolicyTensors.NUM_OUTPUT_TOKENS).ints()[0], "num_output_tokens");
            int offset = 0;
            for (ModelStreamInferResponse response : r) {
                Map<String, Tensor> chunk = Tensors.of(response.getInferResponse());
                equal(offset, tensor(chunk, PolicyTensors.TOKEN_OFFSET).ints()[0], "token_offset");
                int count = tensor(chunk, PolicyTensors.OUTPUT_IDS).ints().length;
                equal(count, tensor(chunk, PolicyTensors.OUTPUT_LOG_PROBS).floats().length, "log-probs of a chunk");
                equal(true, chunk.containsKey(PolicyTensors.POLICY_VERSION), "policy_version on a chunk");
                offset += count;
            }
        });
        check("contract: a stop token ends the sequence and is named", () -> {
            int[] whole = ids(stream(List.of(every("w", 16, 0))).of("w"));
            ModelInferRequest.Builder stop = generate("stop", 16);
            Tensors.put(stop, PolicyTensors.STOP_TOKEN_IDS, Tensors.ofInts(1_000, whole[5]));
            List<ModelStreamInferResponse> r = stream(List.of(stop.build())).of("stop");
            Map<String, Tensor> t = Tensors.of(r.get(r.size() - 1).getInferResponse());
            equal("stop_token", tensor(t, PolicyTensors.FINISH_REASON).text(), "finish_reason");
            equal(1, tensor(t, PolicyTensors.STOP_INDEX).ints()[0], "stop_index");
            equal(whole[5], ids(r)[ids(r).length - 1], "last token");
        });
        check("contract: log-probs are those of the distribution sampled from", () -> {
            ModelInferRequest.Builder greedy = generate("g", 6);
            Tensors.put(greedy, PolicyTensors.TEMPERATURE, Tensors.ofFloats(0));
            List<ModelStreamInferResponse> r = stream(List.of(greedy.build())).of("g");
            for (ModelStreamInferResponse response : r) {
                for (float lp : tensor(Tensors.of(response.getInferResponse()), PolicyTensors.OUTPUT_LOG_PROBS)
                        .floats()) {
                    equal(0f, lp, "log-prob of a greedy token");
                }
            }
        });
        for (Map.Entry<String, ModelInferRequest.Builder> e : Map.of(
                        "an unknown op", request("bad"),
                        "generate without ids", request("bad"),
                        "max_tokens 0", generate("bad", 0),
                        "a sequence longer than the server's", generate("bad", 1 << 20))
                .entrySet()) {
            ModelInferRequest.Builder bad = e.getValue();
            if (e.getKey().startsWith("an unknown")) {
                Tensors.put(bad, PolicyTensors.OP, Tensors.ofTexts(List.of("dance")));
            } else if (e.getKey().startsWith("generate")) {
                Tensors.put(bad, PolicyTensors.MAX_TOKENS, Tensors.ofInts(4));
            }
            check("contract: " + e.getKey() + " is refused, the stream goes on", () -> {
                Stream s = stream(List.of(bad.build(), control("next", "status")));
                equal(1, s.of("bad").size(), "responses");
                equal(false, s.of("bad").get(0).getErrorMessage().isEmpty(), "error_message is empty");
                equal("", s.of("next").get(0).getErrorMessage(), "error of the next request");
            });
        }
        check("contract: an artefact with another digest is refused, the old version serves on", () -> {
            String before = status();
            ModelInferRequest.Builder update = operation("up", "update");
            Tensors.put(
                    update, PolicyTensors.WEIGHTS_URI, Tensors.ofTexts(List.of("file:///nowhere/model.safetensors")));
            Tensors.put(update, PolicyTensors.WEIGHTS_DIGEST, Tensors.ofTexts(List.of("00")));
            Tensors.put(update, PolicyTensors.POLICY_VERSION, Tensors.ofLongs(1_000_000));
            Stream s = stream(List.of(update.build(), every("after", 4, 0)));
            equal(false, s.of("up").get(0).getErrorMessage().isEmpty(), "error_message is empty");
            equal(4, ids(s.of("after")).length, "tokens afterwards");
            equal(digest(before), digest(status()), "digest");
        });
        check("contract: a truncated artefact is refused, the old version serves on", () -> {
            String before = status();
            byte[] bytes = "{\"half a header".getBytes(StandardCharsets.UTF_8);
            Path file = Files.createTempFile("truncated", ".safetensors");
            try {
                Files.write(file, bytes);
                ModelInferRequest.Builder update = operation("up", "update");
                Tensors.put(
                        update,
                        PolicyTensors.WEIGHTS_URI,
                        Tensors.ofTexts(List.of(file.toUri().toString())));
                Tensors.put(
                        update, PolicyTensors.WEIGHTS_DIGEST, Tensors.ofTexts(List.of(PolicyWeights.digestOf(bytes))));
                Tensors.put(update, PolicyTensors.POLICY_VERSION, Tensors.ofLongs(1_000_001));
                Stream s = stream(List.of(update.build(), every("after", 4, 0)));
                equal(false, s.of("up").get(0).getErrorMessage().isEmpty(), "error_message is empty");
                equal(4, ids(s.of("after")).length, "tokens afterwards");
                equal(digest(before), digest(status()), "digest");
            } finally {
                Files.delete(file);
            }
        });
        check(
                "contract: a text is encoded as a user's message, or refused where the policy has no chat template",
                () -> {
                    ModelInferRequest.Builder message = message("{\"system\": \"\", \"options\": {}}");
                    Stream s = stream(List.of(message.build(), control("next", "status")));
                    String error = s.of("chat").get(0).getErrorMessage();
                    boolean encoded =
                            Tensors.of(s.of("chat").get(0).getInferResponse()).containsKey(PolicyTensors.IDS);
                    equal(
                            true,
                            encoded || error.contains("no chat template"),
                            "ids, or a refusal for want of a template; got " + error);
                    equal("", s.of("next").get(0).getErrorMessage(), "error of the next request");
                });
        check("contract: an input 'chat' that is no JSON object is refused", () -> {
            Stream s = stream(List.of(message("half {").build(), control("next", "status")));
            equal(false, s.of("chat").get(0).getErrorMessage().isEmpty(), "error_message is empty");
            equal("", s.of("next").get(0).getErrorMessage(), "error of the next request");
        });
        check("contract: pause holds sampling between two tokens, resume goes on", () -> {
            Stream paused = stream(List.of(control("p", "pause")));
            equal("", paused.of("p").get(0).getErrorMessage(), "error of op pause");
            CompletableFuture<Stream> held = later(every("h", 4, 0));
            Thread.sleep(300);
            boolean early = held.isDone();
            stream(List.of(control("r", "resume")));
            equal(4, ids(held.get(SECONDS, TimeUnit.SECONDS).of("h")).length, "tokens after resume");
            equal(false, early, "answered while paused");
        });
    }

    private void secrets() {
        for (String op : List.of("abort", "pause", "resume", "update", "reset")) {
            check("secret: op " + op + " without it or with another is refused", () -> {
                ModelInferRequest.Builder without = operation("none", op).clearParameters();
                ModelInferRequest.Builder other = operation("other", op);
                other.putParameters(PolicyTensors.ADMIN_PARAMETER, text(secret + "?"));
                Stream s = stream(List.of(without.build(), other.build(), every("after", 4, 0)));
                for (String id : List.of("none", "other")) {
                    equal(
                            "control operations need the admin secret in parameter '" + PolicyTensors.ADMIN_PARAMETER
                                    + "'",
                            s.of(id).get(0).getErrorMessage(),
                            "error_message");
                }
                equal(4, ids(s.of("after")).length, "tokens afterwards");
            });
        }
    }

    private static String digest(String json) {
        int at = json.indexOf("\"digest\"");
        return at < 0 ? json : json.substring(at, Math.min(json.length(), at + 80));
    }

    private static Tensor tensor(Map<String, Tensor> tensors, String name) {
        Tensor t = tensors.get(name);
        if (t == null) {
            throw new Wrong("output '" + name + "' is missing");
        }
        return t;
    }

    // The repository.

    private void repository() {
        check("RepositoryIndex", () -> {
            var index = call().repositoryIndex(RepositoryIndexRequest.getDefaultInstance());
            equal(
                    true,
                    index.getModelsList().stream()
                            .anyMatch(m -> m.getName().equals(model)
                                    && m.getVersion().equals("1")
                                    && m.getState().equals("READY")),
                    "the model, version 1, READY in " + index.getModelsList());
        });
        check(
                "RepositoryIndex with a repository name",
                () -> refused(
                        Status.Code.UNIMPLEMENTED,
                        "'repository_name' specification is not supported",
                        () -> call().repositoryIndex(RepositoryIndexRequest.newBuilder()
                                .setRepositoryName("x")
                                .build())));
        check(
                "RepositoryModelLoad of an unknown model",
                () -> refused(
                        Status.Code.INTERNAL,
                        "failed to load 'nosuch', failed to poll from model repository",
                        () -> call().repositoryModelLoad(RepositoryModelLoadRequest.newBuilder()
                                .setModelName("nosuch")
                                .build())));
        check(
                "RepositoryModelLoad with an unknown parameter",
                () -> refused(
                        Status.Code.INVALID_ARGUMENT,
                        "unrecognized load parameter 'foo'.",
                        () -> call().repositoryModelLoad(RepositoryModelLoadRequest.newBuilder()
                                .setModelName(model)
                                .putParameters(
                                        "foo",
                                        ModelRepositoryParameter.newBuilder()
                                                .setStringParam("x")
                                                .build())
                                .build())));
        check("RepositoryModelLoad of the model, with a request in flight", () -> {
            CompletableFuture<Stream> flying = later(every("fly", 50, 5));
            call().repositoryModelLoad(RepositoryModelLoadRequest.newBuilder()
                    .setModelName(model)
                    .build());
            equal(50, ids(flying.get(SECONDS, TimeUnit.SECONDS).of("fly")).length, "tokens of the request in flight");
            equal(4, ids(stream(List.of(every("then", 4, 0))).of("then")).length, "tokens afterwards");
        });
        unless(
                !triton,
                Outcome.DIFFERS,
                "RepositoryModelUnload",
                "the policy server serves one model and never unloads it; weights change by op update",
                () -> {
                    call().repositoryModelUnload(RepositoryModelUnloadRequest.newBuilder()
                            .setModelName(model)
                            .build());
                    Stream s = stream(List.of(generate("gone", 4).build()));
                    equal(
                            "Request for unknown model: '" + model + "' has no available versions",
                            s.of("gone").get(0).getErrorMessage(),
                            "error_message");
                    call().repositoryModelLoad(RepositoryModelLoadRequest.newBuilder()
                            .setModelName(model)
                            .build());
                    equal(true, ready(model, ""), "ready again");
                    equal(4, ids(stream(List.of(every("then", 4, 0))).of("then")).length, "tokens afterwards");
                });
        check("ModelReady in the end", () -> equal(true, ready(model, ""), "ready"));
    }

    @Override
    public void close() {
        channel.shutdownNow();
    }
}
