package io.foothold.cli.conformance;

import static io.foothold.cli.conformance.Checks.equal;
import static io.foothold.cli.conformance.Checks.refused;
import static io.foothold.cli.conformance.Peer.ids;

import io.foothold.inference.*;
import io.grpc.Status;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** The model repository: index, load, unload, and what comes of requests meanwhile. */
final class RepositoryCases {
    private final Peer peer;
    private final Checks checks;

    RepositoryCases(Peer peer, Checks checks) {
        this.peer = peer;
        this.checks = checks;
    }

    void run() {
        checks.check("RepositoryIndex", () -> {
            var index = peer.call().repositoryIndex(RepositoryIndexRequest.getDefaultInstance());
            equal(
                    true,
                    index.getModelsList().stream()
                            .anyMatch(m -> m.getName().equals(peer.model())
                                    && m.getVersion().equals("1")
                                    && m.getState().equals("READY")),
                    "the model, version 1, READY in " + index.getModelsList());
        });
        checks.check(
                "RepositoryIndex with a repository name",
                () -> refused(
                        Status.Code.UNIMPLEMENTED, "'repository_name' specification is not supported", () -> peer.call()
                                .repositoryIndex(RepositoryIndexRequest.newBuilder()
                                        .setRepositoryName("x")
                                        .build())));
        checks.check(
                "RepositoryModelLoad of an unknown model",
                () -> refused(
                        Status.Code.INTERNAL,
                        "failed to load 'nosuch', failed to poll from model repository",
                        () -> peer.call()
                                .repositoryModelLoad(RepositoryModelLoadRequest.newBuilder()
                                        .setModelName("nosuch")
                                        .build())));
        checks.check(
                "RepositoryModelLoad with an unknown parameter",
                () -> refused(Status.Code.INVALID_ARGUMENT, "unrecognized load parameter 'foo'.", () -> peer.call()
                        .repositoryModelLoad(RepositoryModelLoadRequest.newBuilder()
                                .setModelName(peer.model())
                                .putParameters(
                                        "foo",
                                        ModelRepositoryParameter.newBuilder()
                                                .setStringParam("x")
                                                .build())
                                .build())));
        String beside = "RepositoryModelLoad of the model, with a request in flight";
        String twice =
                "loads a second vLLM beside the first, which needs its memory twice; weights change by op update";
        checks.unless(peer.vllm(), Conformance.Outcome.DIFFERS, beside, twice, () -> {
            CompletableFuture<Peer.Stream> flying = peer.later(peer.every("fly", 50, 5));
            peer.load()
                    .repositoryModelLoad(RepositoryModelLoadRequest.newBuilder()
                            .setModelName(peer.model())
                            .build());
            equal(
                    50,
                    ids(flying.get(Peer.SECONDS, TimeUnit.SECONDS).of("fly")).length,
                    "tokens of the request in flight");
            equal(4, ids(peer.stream(List.of(peer.every("then", 4, 0))).of("then")).length, "tokens afterwards");
        });
        checks.unless(
                !peer.triton(),
                Conformance.Outcome.DIFFERS,
                "RepositoryModelUnload",
                "the policy server serves one model and never unloads it; weights change by op update",
                () -> {
                    try {
                        peer.load()
                                .repositoryModelUnload(RepositoryModelUnloadRequest.newBuilder()
                                        .setModelName(peer.model())
                                        .build());
                        Peer.Stream s =
                                peer.stream(List.of(peer.generate("gone", 4).build()));
                        equal(
                                "Request for unknown model: '" + peer.model() + "' has no available versions",
                                s.of("gone").get(0).getErrorMessage(),
                                "error_message");
                        unloaded();
                    } finally { // whatever came of it, the server has its model afterwards
                        peer.load()
                                .repositoryModelLoad(RepositoryModelLoadRequest.newBuilder()
                                        .setModelName(peer.model())
                                        .build());
                    }
                    equal(true, peer.ready(peer.model(), ""), "ready again");
                    equal(
                            4,
                            ids(peer.stream(List.of(peer.every("then", 4, 0))).of("then")).length,
                            "tokens afterwards");
                });
        checks.check("ModelReady in the end", () -> equal(true, peer.ready(peer.model(), ""), "ready"));
    }

    /** Waits until the old instance has gone: a new one beside it would need its memory twice. */
    private void unloaded() throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Peer.LOAD_SECONDS);
        while (System.nanoTime() < end) {
            var models = peer.call()
                    .repositoryIndex(RepositoryIndexRequest.getDefaultInstance())
                    .getModelsList();
            if (models.stream()
                    .noneMatch(m ->
                            m.getName().equals(peer.model()) && !m.getState().equals("UNAVAILABLE"))) {
                return;
            }
            Thread.sleep(200);
        }
        throw new Checks.Wrong("the model was not unloaded within " + Peer.LOAD_SECONDS + " s");
    }
}
