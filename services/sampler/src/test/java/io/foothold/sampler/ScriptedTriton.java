package io.foothold.sampler;

import static io.foothold.contracts.triton.PolicyTensors.*;

import io.foothold.contracts.triton.Tensors;
import io.foothold.contracts.triton.Tensors.Tensor;
import io.foothold.inference.GRPCInferenceServiceGrpc;
import io.foothold.inference.InferParameter;
import io.foothold.inference.ModelInferRequest;
import io.foothold.inference.ModelInferResponse;
import io.foothold.inference.ModelStreamInferResponse;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** An inference server of the tensor contract without a model: a response of three tokens that follow from the seed. */
final class ScriptedTriton extends GRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase implements AutoCloseable {
    private static final List<byte[]> PIECES_OF_IT = List.of(
            bytes("a"),
            bytes("b"),
            bytes(";"),
            bytes("."),
            bytes("<think>"),
            bytes("</think>"),
            bytes("\n"),
            bytes("<|im_end|>"));

    /** Requests for tokens that arrived. */
    final AtomicInteger generated = new AtomicInteger();

    /** So many requests are still broken off after their first chunk. */
    final AtomicInteger toBreak = new AtomicInteger();

    /** So many requests are still answered twice. */
    final AtomicInteger toRepeat = new AtomicInteger();

    /** Texts that were encoded. */
    final AtomicInteger encoded = new AtomicInteger();

    /** Requests for another policy version that were carried out. */
    final AtomicInteger updates = new AtomicInteger();

    /** What its status says that it takes of a publication. */
    volatile String adapters = "merged";

    /** The policy version that it has. */
    volatile long version = 7;

    /** The digest of that policy. */
    volatile String digest = "d";

    /** Whether it samples with what it has, whatever policy a request names. */
    volatile boolean careless;

    /** What it says of every change of its policy; empty when it makes it. */
    volatile String refusal = "";

    /** Inputs of the last change. */
    volatile Map<String, Tensor> switched = Map.of();

    /** Whether its model process is dead: streams stay silent, a status says so. */
    volatile boolean deadModel;

    /** What it says then. */
    volatile String death = "Stub process 'policy_0_0' is not healthy.";

    private final Server server;

    ScriptedTriton() throws IOException {
        this(0);
    }

    ScriptedTriton(int port) throws IOException {
        this.server = ServerBuilder.forPort(port).addService(this).build().start();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    String target() {
        return "127.0.0.1:" + server.getPort();
    }

    @Override
    public StreamObserver<ModelInferRequest> modelStreamInfer(StreamObserver<ModelStreamInferResponse> out) {
        return new StreamObserver<>() {
            private boolean broken;

            @Override
            public void onNext(ModelInferRequest request) {
                if (broken) {
                    return;
                }
                Map<String, Tensor> inputs = Tensors.of(request, "policy");
                Tensor op = inputs.get(OP);
                String name = op == null ? "generate" : op.text();
                ModelInferResponse.Builder answer =
                        ModelInferResponse.newBuilder().setId(request.getId());
                switch (name) {
                    case "status", "update", "reset" -> status(answer, name, inputs);
                    case "vocabulary" -> Tensors.put(answer, PIECES, Tensors.ofBytes(PIECES_OF_IT));
                    case "tokenize" -> tokenize(answer, inputs.get(TEXT).bytes().size());
                    default -> {
                        generate(request, inputs);
                        return;
                    }
                }
                send(answer, true);
            }

            private void status(ModelInferResponse.Builder answer, String name, Map<String, Tensor> inputs) {
                if (deadModel) {
                    refuse(answer, death);
                    return;
                }
                if (!name.equals("status") && !refusal.isEmpty()) {
                    refuse(answer, refusal);
                    return;
                }
                if (!name.equals("status")) {
                    switched = inputs;
                    version = inputs.get(POLICY_VERSION).longs()[0];
                    digest = inputs.get(WEIGHTS_DIGEST).text();
                    updates.incrementAndGet();
                }
                Tensors.put(
                        answer,
                        STATUS_JSON,
                        Tensors.ofTexts(List.of("{\"adapters\": \"" + adapters + "\", \"version\": " + version
                                + ", \"digest\": \"" + digest + "\", \"pause_micros\": 5}")));
            }

            private void refuse(ModelInferResponse.Builder answer, String why) {
                out.onNext(ModelStreamInferResponse.newBuilder()
                        .setErrorMessage(why)
                        .setInferResponse(answer)
                        .build());
            }

            /** Every text has the same two tokens. */
            private void tokenize(ModelInferResponse.Builder answer, int texts) {
                encoded.addAndGet(texts);
                int[] ids = new int[2 * texts];
                int[] lengths = new int[texts];
                Arrays.setAll(ids, i -> i % 2);
                Arrays.fill(lengths, 2);
                Tensors.put(answer, IDS, Tensors.ofInts(ids));
                Tensors.put(answer, LENGTHS, Tensors.ofInts(lengths));
            }

            private void generate(ModelInferRequest request, Map<String, Tensor> inputs) {
                generated.incrementAndGet();
                if (deadModel) {
                    return;
                }
                Tensor wanted = inputs.get(POLICY_VERSION);
                if (!careless
                        && wanted != null
                        && (wanted.longs()[0] != version
                                || !inputs.get(POLICY_DIGEST).text().equals(digest))) {
                    refuse(
                            ModelInferResponse.newBuilder().setId(request.getId()),
                            "policy version " + version + " " + OTHER_POLICY + ", " + wanted.longs()[0]);
                    return;
                }
                int seed = (int) inputs.get(RANDOM_SEED).longs()[0];
                send(chunk(request, 0, seed % 2, 2), false);
                if (toBreak.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
                    broken = true;
                    out.onError(Status.UNAVAILABLE
                            .withDescription("scripted to break")
                            .asRuntimeException());
                    return;
                }
                int times = toRepeat.getAndUpdate(n -> Math.max(0, n - 1)) > 0 ? 2 : 1;
                for (int i = 0; i < times; i++) {
                    ModelInferResponse.Builder last = chunk(request, 2, 3);
                    Tensors.put(last, FINISH_REASON, Tensors.ofTexts(List.of("stop")));
                    send(last, true);
                }
            }

            private ModelInferResponse.Builder chunk(ModelInferRequest request, int offset, int... tokens) {
                ModelInferResponse.Builder answer =
                        ModelInferResponse.newBuilder().setId(request.getId());
                Tensors.put(answer, OUTPUT_IDS, Tensors.ofInts(tokens));
                Tensors.put(answer, OUTPUT_LOG_PROBS, Tensors.ofFloats(new float[tokens.length]));
                Tensors.put(answer, TOKEN_OFFSET, Tensors.ofInts(offset));
                Tensors.put(answer, POLICY_VERSION, Tensors.ofLongs(version));
                return answer;
            }

            private void send(ModelInferResponse.Builder answer, boolean last) {
                answer.putParameters(
                        "triton_final_response",
                        InferParameter.newBuilder().setBoolParam(last).build());
                out.onNext(ModelStreamInferResponse.newBuilder()
                        .setInferResponse(answer)
                        .build());
            }

            @Override
            public void onError(Throwable failure) {
                broken = true;
            }

            @Override
            public void onCompleted() {
                if (!broken) {
                    out.onCompleted();
                }
            }
        };
    }

    @Override
    public void close() {
        server.shutdownNow();
    }
}
