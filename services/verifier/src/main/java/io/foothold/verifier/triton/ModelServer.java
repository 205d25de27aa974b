package io.foothold.verifier.triton;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.contracts.flow.MessageLimit;
import io.foothold.contracts.triton.ServerAddress;
import io.foothold.contracts.triton.Tensors;
import io.foothold.contracts.triton.Tensors.Tensor;
import io.foothold.inference.GRPCInferenceServiceGrpc;
import io.foothold.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub;
import io.foothold.inference.ModelConfigRequest;
import io.foothold.inference.ModelInferRequest;
import io.foothold.inference.ModelInferRequest.InferRequestedOutputTensor;
import io.foothold.inference.ModelMetadataRequest;
import io.foothold.inference.ModelMetadataResponse;
import io.foothold.inference.ModelReadyRequest;
import io.foothold.inference.RepositoryIndexRequest;
import io.foothold.inference.RepositoryIndexResponse.ModelIndex;
import io.grpc.ChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** One server of reward models. Blocks its callers; thread-safe. */
final class ModelServer implements AutoCloseable {
    private static final Duration FIRST_PAUSE = Duration.ofMillis(500);
    private static final Duration LONGEST_PAUSE = Duration.ofMinutes(1);
    /** What tritonserver says while it starts a model's process anew that died, and what it says of a full queue. */
    private static final List<String> LATER = List.of("is not healthy", "Exceeds maximum queue size");

    private final ManagedChannel channel;

    /** A server; connects with the first call. */
    ModelServer(ServerAddress address, ChannelCredentials credentials) {
        this.channel = MessageLimit.channel(address.target(), credentials).build();
    }

    /**
     * Looks at a model.
     *
     * @param attempts most calls
     * @throws FootholdException INVALID_INPUT with what is wrong and the nearest name; PEER_UNAVAILABLE or DEADLINE when the server did not answer
     */
    ServedModel describe(RewardModel model, int attempts) throws InterruptedException {
        return again(model, attempts, () -> {
            ModelMetadataResponse metadata = metadata(model);
            if (!stub(model)
                    .modelReady(ModelReadyRequest.newBuilder()
                            .setName(model.name())
                            .setVersion(version(model))
                            .build())
                    .getReady()) {
                throw new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE, "the model is not ready" + states(model, index(model)));
            }
            return ServedModel.of(
                    model,
                    metadata,
                    stub(model)
                            .modelConfig(ModelConfigRequest.newBuilder()
                                    .setName(model.name())
                                    .setVersion(version(model))
                                    .build())
                            .getConfig());
        });
    }

    private ModelMetadataResponse metadata(RewardModel model) {
        try {
            return stub(model)
                    .modelMetadata(ModelMetadataRequest.newBuilder()
                            .setName(model.name())
                            .setVersion(version(model))
                            .build());
        } catch (StatusRuntimeException e) {
            FootholdException failure = FootholdException.of(e);
            if (failure.code() != ErrorCode.NOT_FOUND && !failure.text().contains("unknown model")) {
                throw failure;
            }
            List<ModelIndex> models = index(model);
            List<String> names =
                    models.stream().map(ModelIndex::getName).distinct().toList();
            throw RewardModel.invalid(model + ": the server has no such model"
                    + (names.contains(model.name())
                            ? " that is ready" + states(model, models)
                            : names.isEmpty() ? ": " + failure.text() : Nearest.hint(model.name(), names)));
        }
    }

    private List<ModelIndex> index(RewardModel model) {
        try {
            return stub(model)
                    .repositoryIndex(RepositoryIndexRequest.getDefaultInstance())
                    .getModelsList();
        } catch (StatusRuntimeException e) {
            // It only names what could have been meant; servers may keep it to themselves.
            return List.of();
        }
    }

    private static String states(RewardModel model, List<ModelIndex> models) {
        List<String> states = models.stream()
                .filter(m -> m.getName().equals(model.name()))
                .map(m -> "version " + (m.getVersion().isEmpty() ? "?" : m.getVersion()) + " "
                        + (m.getState().isEmpty() ? "not loaded" : m.getState())
                        + (m.getReason().isEmpty() ? "" : ": " + m.getReason()))
                .toList();
        return states.isEmpty() ? "" : " (" + String.join("; ", states) + ")";
    }

    /**
     * The numbers of responses.
     *
     * @param rows texts of each response, in the order of the model's inputs
     * @throws FootholdException with the reason when there are none
     */
    float[] numbers(RewardModel model, ServedModel served, List<List<String>> rows) throws InterruptedException {
        ModelInferRequest.Builder request =
                ModelInferRequest.newBuilder().setModelName(model.name()).setModelVersion(version(model));
        List<RewardModel.Input> inputs = model.tensors().inputs();
        for (int i = 0; i < inputs.size(); i++) {
            int at = i;
            Tensor flat = Tensors.ofTexts(rows.stream().map(row -> row.get(at)).toList());
            String name = inputs.get(i).name();
            Tensors.put(request, name, new Tensor(flat.datatype(), served.shape(name, rows.size()), flat.data()));
        }
        request.addOutputs(
                InferRequestedOutputTensor.newBuilder().setName(model.tensors().output()));
        ModelInferRequest built = request.build();
        return again(
                model,
                model.calls().attempts(),
                () -> read(model, Tensors.of(stub(model).modelInfer(built)), rows.size()));
    }

    private static float[] read(RewardModel model, Map<String, Tensor> outputs, int count) {
        String name = model.tensors().output();
        Tensor tensor = outputs.get(name);
        if (tensor == null) {
            throw unusable(
                    model,
                    "gave no output '" + name + "' (it gave "
                            + (outputs.isEmpty() ? "none" : String.join(", ", outputs.keySet())) + ")");
        }
        List<Long> shape = tensor.shape();
        boolean fits = shape.equals(List.of((long) count)) || shape.equals(List.of((long) count, 1L));
        if (!tensor.datatype().equals("FP32") || !fits || tensor.data().size() != count * Float.BYTES) {
            throw unusable(
                    model,
                    "gave '" + name + "' as " + tensor.datatype() + " " + Tensors.shape(shape) + " of "
                            + tensor.data().size() + " bytes (expected FP32 [" + count + ",1] or [" + count + "])");
        }
        return tensor.floats();
    }

    private static FootholdException unusable(RewardModel model, String what) {
        return new FootholdException(ErrorCode.INVALID_DATA, model + " " + what);
    }

    /** Calls, again where the server is away, busy or late. */
    private <T> T again(RewardModel model, int attempts, Supplier<T> call) throws InterruptedException {
        Duration pause = FIRST_PAUSE;
        for (int attempt = 1; ; attempt++) {
            FootholdException failure;
            try {
                return call.get();
            } catch (StatusRuntimeException | FootholdException e) {
                failure = FootholdException.of(e);
            }
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            String said = failure.text();
            boolean later = failure.code() == ErrorCode.PEER_UNAVAILABLE
                    || failure.code() == ErrorCode.DEADLINE
                    || LATER.stream().anyMatch(said::contains);
            if (!later || attempt >= attempts) {
                throw new FootholdException(
                        failure.code(),
                        (said.startsWith(model.toString()) ? "" : model + ": ")
                                + said
                                + (attempt > 1 ? " (" + attempt + " attempts)" : ""),
                        failure);
            }
            TimeUnit.NANOSECONDS.sleep(pause.toNanos());
            pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause.multipliedBy(2);
            // Else gRPC keeps a pause of its own, in which every call fails at once.
            channel.resetConnectBackoff();
        }
    }

    private GRPCInferenceServiceBlockingStub stub(RewardModel model) {
        return GRPCInferenceServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(model.calls().deadline().toNanos(), TimeUnit.NANOSECONDS);
    }

    private static String version(RewardModel model) {
        return model.version() == 0 ? "" : Integer.toString(model.version());
    }

    @Override
    public void close() {
        channel.shutdownNow();
    }
}
