package io.foothold.cli.conformance;

import static io.foothold.cli.conformance.Checks.equal;
import static io.foothold.cli.conformance.Checks.refused;
import static io.foothold.cli.conformance.Peer.unknown;

import grpc.health.v1.HealthGrpc;
import grpc.health.v1.HealthOuterClass.HealthCheckRequest;
import grpc.health.v1.HealthOuterClass.HealthCheckResponse;
import io.foothold.contracts.triton.PolicyTensors;
import io.foothold.inference.*;
import io.grpc.Status;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Health, metadata, configuration, statistics, and what a decoupled model refuses. */
final class ServerCases {
    private final Peer peer;
    private final Checks checks;

    ServerCases(Peer peer, Checks checks) {
        this.peer = peer;
        this.checks = checks;
    }

    void run() {
        health();
        metadata();
        unary();
    }

    private void health() {
        checks.check(
                "ServerLive",
                () -> equal(
                        true,
                        peer.call()
                                .serverLive(ServerLiveRequest.getDefaultInstance())
                                .getLive(),
                        "live"));
        checks.check(
                "ServerReady",
                () -> equal(
                        true,
                        peer.call()
                                .serverReady(ServerReadyRequest.getDefaultInstance())
                                .getReady(),
                        "ready"));
        checks.check(
                "grpc.health.v1 Check",
                () -> equal(
                        HealthCheckResponse.ServingStatus.SERVING,
                        HealthGrpc.newBlockingStub(peer.channel())
                                .withDeadlineAfter(Peer.SECONDS, TimeUnit.SECONDS)
                                .check(HealthCheckRequest.getDefaultInstance())
                                .getStatus(),
                        "status"));
        checks.check("ModelReady", () -> equal(true, peer.ready(peer.model(), ""), "ready"));
        checks.check("ModelReady with its version", () -> equal(true, peer.ready(peer.model(), "1"), "ready"));
        checks.check("ModelReady of an unknown model", () -> equal(false, peer.ready("nosuch", ""), "ready"));
        checks.check("ModelReady of an unknown version", () -> equal(false, peer.ready(peer.model(), "9"), "ready"));
        checks.check("ModelReady without a name", () -> equal(false, peer.ready("", ""), "ready"));
        checks.check(
                "ModelReady of version abc",
                () -> refused(
                        Status.Code.INVALID_ARGUMENT,
                        "failed to get model version from specified version string 'abc' (details: stol), version should be an "
                                + "integral value > 0",
                        () -> peer.ready(peer.model(), "abc")));
        checks.check(
                "ModelReady of version -1",
                () -> refused(
                        Status.Code.INVALID_ARGUMENT,
                        "invalid model version specified '-1' , version should be an integral value > 0",
                        () -> peer.ready(peer.model(), "-1")));
    }

    private void metadata() {
        checks.check("ServerMetadata", () -> {
            var m = peer.call().serverMetadata(ServerMetadataRequest.getDefaultInstance());
            equal(false, m.getName().isEmpty() || m.getVersion().isEmpty(), "name or version missing");
            equal(
                    true,
                    m.getExtensionsList().contains("binary_tensor_data"),
                    "binary_tensor_data among the extensions");
        });
        checks.check("ModelMetadata has the contract's tensors", () -> {
            var m = peer.call()
                    .modelMetadata(ModelMetadataRequest.newBuilder()
                            .setName(peer.model())
                            .build());
            equal(peer.model(), m.getName(), "name");
            equal(List.of("1"), List.copyOf(m.getVersionsList()), "versions");
            Map<String, String> types = new LinkedHashMap<>();
            m.getInputsList().forEach(i -> types.put(i.getName(), i.getDatatype()));
            equal("INT32", types.get(PolicyTensors.INPUT_IDS), "dtype of input_ids");
            equal("UINT64", types.get(PolicyTensors.RANDOM_SEED), "dtype of random_seed");
            equal("BYTES", types.get(PolicyTensors.OP), "dtype of op");
            equal("FP32", types.get(PolicyTensors.CANARY_LOG_PROBS), "dtype of canary_log_probs");
            equal("BYTES", types.get(PolicyTensors.POLICY_DIGEST), "dtype of policy_digest");
            // Both of them or none: a server that takes only merged weights has neither.
            boolean adapters = types.containsKey(PolicyTensors.ADAPTER_URI);
            if (adapters) {
                equal("BYTES", types.get(PolicyTensors.ADAPTER_URI), "dtype of adapter_uri");
                equal("BYTES", types.get(PolicyTensors.ADAPTER_DIGEST), "dtype of adapter_digest");
            }
            equal(adapters ? 25 : 23, types.size(), "number of inputs");
            equal(12, m.getOutputsCount(), "number of outputs");
        });
        checks.check(
                "ModelMetadata of an unknown model",
                () -> refused(Status.Code.NOT_FOUND, unknown("nosuch"), () -> peer.call()
                        .modelMetadata(ModelMetadataRequest.newBuilder()
                                .setName("nosuch")
                                .build())));
        checks.check(
                "ModelMetadata of an unknown version",
                () -> refused(Status.Code.NOT_FOUND, peer.unknownVersion(), () -> peer.call()
                        .modelMetadata(ModelMetadataRequest.newBuilder()
                                .setName(peer.model())
                                .setVersion("9")
                                .build())));
        checks.check("ModelConfig", () -> {
            var c = peer.call()
                    .modelConfig(ModelConfigRequest.newBuilder()
                            .setName(peer.model())
                            .build())
                    .getConfig();
            equal(true, c.getModelTransactionPolicy().getDecoupled(), "decoupled");
            equal(0, c.getMaxBatchSize(), "max_batch_size");
            equal(
                    PolicyTensors.CONTRACT_VERSION,
                    c.getParametersOrDefault("contract_version", ModelParameter.getDefaultInstance())
                            .getStringValue(),
                    "contract_version");
        });
        checks.check(
                "ModelConfig of an unknown model",
                () -> refused(Status.Code.NOT_FOUND, unknown("nosuch"), () -> peer.call()
                        .modelConfig(ModelConfigRequest.newBuilder()
                                .setName("nosuch")
                                .build())));
        checks.check(
                "ModelStatistics",
                () -> equal(
                        peer.model(),
                        peer.call()
                                .modelStatistics(ModelStatisticsRequest.newBuilder()
                                        .setName(peer.model())
                                        .build())
                                .getModelStats(0)
                                .getName(),
                        "name"));
        checks.check(
                "ModelStatistics of all models",
                () -> equal(
                        true,
                        peer
                                .call()
                                .modelStatistics(ModelStatisticsRequest.getDefaultInstance())
                                .getModelStatsList()
                                .stream()
                                .anyMatch(s -> s.getName().equals(peer.model())),
                        "the model among them"));
        checks.check(
                "ModelStatistics of an unknown model",
                () -> refused(
                        Status.Code.INVALID_ARGUMENT, "requested model 'nosuch' is not available", () -> peer.call()
                                .modelStatistics(ModelStatisticsRequest.newBuilder()
                                        .setName("nosuch")
                                        .build())));
        checks.check(
                "ModelStatistics of an unknown version",
                () -> refused(
                        Status.Code.INVALID_ARGUMENT,
                        "requested model version is not available for model '" + peer.model() + "'",
                        () -> peer.call()
                                .modelStatistics(ModelStatisticsRequest.newBuilder()
                                        .setName(peer.model())
                                        .setVersion("9")
                                        .build())));
    }

    private void unary() {
        checks.check(
                "ModelInfer of a decoupled model",
                () -> refused(
                        Status.Code.UNIMPLEMENTED,
                        "ModelInfer RPC doesn't support models with decoupled transaction policy",
                        () -> peer.call().modelInfer(peer.generate("u", 4).build())));
        checks.check(
                "ModelInfer of an unknown model",
                () -> refused(Status.Code.NOT_FOUND, unknown("nosuch"), () -> peer.call()
                        .modelInfer(peer.generate("u", 4).setModelName("nosuch").build())));
        checks.check(
                "ModelInfer of an unknown version",
                () -> refused(Status.Code.NOT_FOUND, peer.unknownVersion(), () -> peer.call()
                        .modelInfer(peer.generate("u", 4).setModelVersion("9").build())));
    }
}
