package io.foothold.policyserver.grpc;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.Roots;
import io.foothold.contracts.flow.ReadableMessages;
import io.foothold.inference.*;
import io.foothold.policyserver.config.PolicyServerConfig;
import io.foothold.policyserver.serving.ModelHost;
import io.foothold.policyserver.serving.ModelHostProvider;
import io.foothold.store.ArtefactStore;
import io.foothold.store.ConfiguredStore;
import io.grpc.ServerServiceDefinition;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.grpc.GrpcService;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.inject.Inject;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jboss.logging.Logger;

/** The Triton gRPC surface over one decoupled model. */
@GrpcService
public final class TritonGrpc extends MutinyGRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase {
    private static final Logger LOG = Logger.getLogger(TritonGrpc.class);

    /** Only what is served is announced. */
    private static final List<String> EXTENSIONS =
            List.of("model_repository", "model_configuration", "binary_tensor_data", "parameters", "statistics");

    private final Supplier<ModelHost> host;
    private final Supplier<Boolean> ready;
    private final String modelName;
    private final Optional<String> adminSecret;
    private final ArtefactFiles artefacts;
    private final InferenceMetrics metrics;

    /** Configured by the container. */
    @Inject
    public TritonGrpc(
            ModelHostProvider provider,
            PolicyServerConfig config,
            Roots roots,
            ConfiguredStore store,
            MeterRegistry registry) {
        this(provider::host, provider::ready, config.modelName(), config.adminSecret(), roots, store.store(), registry);
    }

    /**
     * The surface over a host.
     *
     * @param roots where artefacts may lie
     */
    public TritonGrpc(
            Supplier<ModelHost> host,
            Supplier<Boolean> ready,
            String modelName,
            Optional<String> adminSecret,
            Roots roots,
            MeterRegistry registry) {
        this(host, ready, modelName, adminSecret, roots, Optional.empty(), registry);
    }

    /** The same with an object store that artefacts are fetched from. */
    public TritonGrpc(
            Supplier<ModelHost> host,
            Supplier<Boolean> ready,
            String modelName,
            Optional<String> adminSecret,
            Roots roots,
            Optional<ArtefactStore> store,
            MeterRegistry registry) {
        this.host = host;
        this.ready = ready;
        this.modelName = modelName;
        this.adminSecret = adminSecret;
        this.artefacts = new ArtefactFiles(roots, store);
        this.metrics = new InferenceMetrics(registry, modelName, host);
    }

    @Override
    public ServerServiceDefinition bindService() {
        return ReadableMessages.of(super.bindService());
    }

    @Override
    public Uni<ServerLiveResponse> serverLive(ServerLiveRequest request) {
        return Uni.createFrom()
                .item(ServerLiveResponse.newBuilder().setLive(true).build());
    }

    @Override
    public Uni<ServerReadyResponse> serverReady(ServerReadyRequest request) {
        return Uni.createFrom()
                .item(ServerReadyResponse.newBuilder().setReady(ready.get()).build());
    }

    @Override
    public Uni<ModelReadyResponse> modelReady(ModelReadyRequest request) {
        return answer(() -> {
            boolean known = request.getName().equals(modelName);
            try {
                TritonErrors.checkVersion(request.getName(), request.getVersion());
            } catch (FootholdException e) {
                if (e.code() != ErrorCode.NOT_FOUND) {
                    throw e;
                }
                known = false;
            }
            return ModelReadyResponse.newBuilder()
                    .setReady(known && ready.get())
                    .build();
        });
    }

    @Override
    public Uni<ServerMetadataResponse> serverMetadata(ServerMetadataRequest request) {
        return Uni.createFrom()
                .item(ServerMetadataResponse.newBuilder()
                        .setName("foothold-policy-server")
                        .setVersion("0.1.0")
                        .addAllExtensions(EXTENSIONS)
                        .build());
    }

    @Override
    public Uni<ModelMetadataResponse> modelMetadata(ModelMetadataRequest request) {
        return answer(() -> {
            TritonErrors.checkModel(request.getName(), request.getVersion(), modelName);
            ModelMetadataResponse.Builder out = ModelMetadataResponse.newBuilder()
                    .setName(modelName)
                    .addVersions("1")
                    .setPlatform("foothold");
            PolicyModel.inputs().forEach((name, type) -> out.addInputs(metadata(name, type)));
            PolicyModel.outputs().forEach((name, type) -> out.addOutputs(metadata(name, type)));
            return out.build();
        });
    }

    private static ModelMetadataResponse.TensorMetadata metadata(String name, DataType type) {
        return ModelMetadataResponse.TensorMetadata.newBuilder()
                .setName(name)
                .setDatatype(PolicyModel.wireName(type))
                .addShape(PolicyModel.dimension(name))
                .build();
    }

    @Override
    public Uni<ModelInferResponse> modelInfer(ModelInferRequest request) {
        return answer(() -> {
            TritonErrors.checkModel(request.getModelName(), request.getModelVersion(), modelName);
            throw io.grpc.Status.UNIMPLEMENTED
                    .withDescription("ModelInfer RPC doesn't support models with decoupled transaction policy")
                    .asRuntimeException();
        });
    }

    @Override
    public Multi<ModelStreamInferResponse> modelStreamInfer(Multi<ModelInferRequest> request) {
        return InferenceStream.serve(host, modelName, adminSecret, artefacts, metrics, request);
    }

    @Override
    public Uni<ModelConfigResponse> modelConfig(ModelConfigRequest request) {
        return answer(() -> {
            TritonErrors.checkModel(request.getName(), request.getVersion(), modelName);
            io.foothold.policy.ModelConfig shape = host.get().config();
            Map<String, String> parameters = new LinkedHashMap<>();
            parameters.put("contract_version", io.foothold.contracts.triton.PolicyTensors.CONTRACT_VERSION);
            parameters.put("logprobs_mode", "processed_logprobs");
            parameters.put("vocab_size", Integer.toString(shape.vocabulary()));
            parameters.put("eos_token_ids", shape.endTokens().toString());
            parameters.put("max_model_len", Integer.toString(host.get().status().maxLength()));
            parameters.put("supports", "stop_strings,in_flight_update,tokenize");
            return ModelConfigResponse.newBuilder()
                    .setConfig(PolicyModel.config(modelName, parameters))
                    .build();
        });
    }

    @Override
    public Uni<ModelStatisticsResponse> modelStatistics(ModelStatisticsRequest request) {
        return answer(() -> {
            if (!request.getName().isEmpty() && !request.getName().equals(modelName)) {
                throw PolicyModel.invalid("requested model '" + request.getName() + "' is not available");
            }
            try {
                TritonErrors.checkVersion(modelName, request.getVersion());
            } catch (FootholdException e) {
                throw e.code() == ErrorCode.NOT_FOUND
                        ? PolicyModel.invalid("requested model version is not available for model '" + modelName + "'")
                        : e;
            }
            return ModelStatisticsResponse.newBuilder()
                    .addModelStats(ModelStatistics.newBuilder()
                            .setName(modelName)
                            .setVersion("1")
                            .setInferenceCount(metrics.answers())
                            .setExecutionCount(metrics.answers())
                            .setInferenceStats(InferStatistics.newBuilder()
                                    .setSuccess(StatisticDuration.newBuilder().setCount(metrics.answers()))
                                    .setFail(StatisticDuration.newBuilder().setCount(metrics.failures()))))
                    .build();
        });
    }

    @Override
    public Uni<RepositoryIndexResponse> repositoryIndex(RepositoryIndexRequest request) {
        return answer(() -> {
            refuseRepositoryName(request.getRepositoryName());
            return RepositoryIndexResponse.newBuilder()
                    .addModels(RepositoryIndexResponse.ModelIndex.newBuilder()
                            .setName(modelName)
                            .setVersion("1")
                            .setState(ready.get() ? "READY" : "UNAVAILABLE"))
                    .build();
        });
    }

    @Override
    public Uni<RepositoryModelLoadResponse> repositoryModelLoad(RepositoryModelLoadRequest request) {
        return answer(() -> {
            refuseRepositoryName(request.getRepositoryName());
            if (!request.getModelName().equals(modelName)) {
                throw new FootholdException(
                        ErrorCode.INTERNAL,
                        "failed to load '" + request.getModelName() + "', failed to poll from model repository");
            }
            // As with Triton, a load of an unchanged model succeeds without doing anything; weights change by op
            // update.
            if (!request.getParametersMap().isEmpty()) {
                throw PolicyModel.invalid("unrecognized load parameter '"
                        + request.getParametersMap().keySet().iterator().next() + "'.");
            }
            return RepositoryModelLoadResponse.getDefaultInstance();
        });
    }

    @Override
    public Uni<RepositoryModelUnloadResponse> repositoryModelUnload(RepositoryModelUnloadRequest request) {
        return Uni.createFrom()
                .failure(io.grpc.Status.UNAVAILABLE
                        .withDescription("explicit model load / unload is not allowed if polling is enabled")
                        .asRuntimeException());
    }

    private static void refuseRepositoryName(String name) {
        if (!name.isEmpty()) {
            throw io.grpc.Status.UNIMPLEMENTED
                    .withDescription("'repository_name' specification is not supported")
                    .asRuntimeException();
        }
    }

    private static <T> Uni<T> answer(Supplier<T> supplier) {
        return Uni.createFrom().item(() -> {
            try {
                return supplier.get();
            } catch (FootholdException e) {
                throw FailureLog.told(LOG, "a call", e).toStatus();
            }
        });
    }
}
