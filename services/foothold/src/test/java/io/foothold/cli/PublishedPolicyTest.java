package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.cli.demo.DialRuns;
import io.foothold.cli.machine.Workspace;
import io.foothold.contracts.triton.PolicyTensors;
import io.foothold.contracts.triton.Tensors;
import io.foothold.contracts.triton.Tensors.Tensor;
import io.foothold.inference.ModelInferRequest;
import io.foothold.inference.ModelStreamInferResponse;
import io.foothold.inference.MutinyGRPCInferenceServiceGrpc;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.update.Manifest;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.v1.PublishPolicyRequest;
import io.foothold.v1.Publisher;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.smallrye.mutiny.Multi;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run measures is measured on its own policy, whoever else publishes. */
class PublishedPolicyTest {
    @TempDir
    Path directory;

    private static String yaml() {
        Path policy = Workspace.dialPolicy();
        return DialRuns.yaml("grpo-dial", 3, policy, "medium", 24, "medium", 24, 2, 3, 1)
                + "sampling: {groups_per_update: 4, rollouts_per_group: 4}\n";
    }

    /** Evaluations without what time makes of them. */
    private static List<JsonNode> evaluations(Stack stack) throws Exception {
        List<JsonNode> out = new ArrayList<>();
        for (String json : stack.ledger.evaluations("r")) {
            ObjectNode node = (ObjectNode) new ObjectMapper().readTree(json);
            node.remove("seconds");
            out.add(node);
        }
        return out;
    }

    private static List<String> digests(Stack stack) {
        return stack.ledger.manifests("r").stream().map(Manifest::digest).toList();
    }

    private static Ledger.RunRow finish(Stack stack) throws Exception {
        return stack.runs.end("r").get(120, TimeUnit.SECONDS);
    }

    private static JsonNode control(Stack stack, String op, Map<String, Tensor> inputs) throws Exception {
        ModelInferRequest.Builder request =
                ModelInferRequest.newBuilder().setModelName("policy").setId("stranger");
        Tensors.put(request, PolicyTensors.OP, Tensors.ofTexts(List.of(op)));
        inputs.forEach((name, tensor) -> Tensors.put(request, name, tensor));
        ModelStreamInferResponse answer = MutinyGRPCInferenceServiceGrpc.newMutinyStub(stack.inference)
                .modelStreamInfer(Multi.createFrom().item(request.build()))
                .collect()
                .first()
                .await()
                .atMost(Duration.ofSeconds(30));
        assertThat(answer.getErrorMessage()).isEmpty();
        Tensor status = Tensors.of(answer.getInferResponse()).get(PolicyTensors.STATUS_JSON);
        return new ObjectMapper().readTree(status.text());
    }

    @Test
    void anEvaluationIsOfTheRunsOwnPolicyWhoeverElsePublishesWhileItIsMade() throws Exception {
        List<JsonNode> undisturbed;
        List<String> whole;
        try (Stack stack = new Stack(directory.resolve("undisturbed"))) {
            stack.runs.create("r", yaml(), List.of());
            Ledger.RunRow row = finish(stack);
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            undisturbed = evaluations(stack);
            whole = digests(stack);
        }
        assertThat(undisturbed).hasSize(4);
        for (int i = 0; i < 4; i++) {
            assertThat(undisturbed.get(i).path("policy_version").asLong()).isEqualTo(i);
            if (i > 0) {
                assertThat(undisturbed.get(i).path("policy_digest").asText()).isEqualTo(whole.get(i - 1));
            }
        }
        PolicyWeights base = PolicyDirectory.open(Workspace.dialPolicy()).weights();
        Path artefact = directory.resolve("base.safetensors");
        PolicyWeights.writeDurably(artefact, base.content());
        try (Stack stack = new Stack(directory.resolve("disturbed"))) {
            AtomicInteger struck = new AtomicInteger();
            List<CompletableFuture<Void>> strikes = new ArrayList<>();
            stack.onEvent = event -> {
                if (event.kind().equals("update_done")) {
                    int update = struck.incrementAndGet();
                    // Before the evaluation begins, and in the middle of it.
                    if (update == 1) {
                        strike(stack, artefact, base.digest(), 1000);
                    } else {
                        strikes.add(CompletableFuture.runAsync(() -> {
                            awaitSampling(stack);
                            strike(stack, artefact, base.digest(), 1000 + update);
                        }));
                    }
                }
            };
            stack.runs.create("r", yaml(), List.of());
            Ledger.RunRow row = finish(stack);
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            strikes.forEach(CompletableFuture::join);
            assertThat(struck).hasValue(3);
            assertThat(digests(stack)).isEqualTo(whole);
            assertThat(evaluations(stack)).isEqualTo(undisturbed);
            assertThat(stack.ledger.audit("r").sound()).isTrue();
        }
    }

    private static void awaitSampling(Stack stack) {
        try {
            for (int i = 0; i < 10_000; i++) {
                if (control(stack, "status", Map.of()).path("running").asInt() > 0) {
                    return;
                }
            }
        } catch (Exception e) {
            throw new AssertionError(e);
        }
        throw new AssertionError("nothing was sampled");
    }

    /** Base weights as a version far above, at the sampler, which refuses, and at the server, which obeys. */
    private static void strike(Stack stack, Path artefact, String digest, long version) {
        PublishPolicyRequest request = PublishPolicyRequest.newBuilder()
                .setPolicyVersion(version)
                .setArtefactUri(artefact.toUri().toString())
                .setDigest(digest)
                .setPublisher(Publisher.newBuilder().setRunId("stranger").setToken("t"))
                .build();
        // Asked directly: outside of the container the generated glue loses refusals.
        assertThatThrownBy(() -> stack.sampler.publishPolicy(request).await().atMost(Duration.ofSeconds(30)))
                .isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
                    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.ALREADY_EXISTS);
                    assertThat(e.getStatus().getDescription()).contains("run r publishes to these inference servers");
                });
        try {
            assertThat(control(
                                    stack,
                                    "update",
                                    Map.of(
                                            PolicyTensors.POLICY_VERSION,
                                            Tensors.ofLongs(version),
                                            PolicyTensors.WEIGHTS_URI,
                                            Tensors.ofTexts(
                                                    List.of(artefact.toUri().toString())),
                                            PolicyTensors.WEIGHTS_DIGEST,
                                            Tensors.ofTexts(List.of(digest))))
                            .path("version")
                            .asLong())
                    .isEqualTo(version);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** The end of a run, however it ends, lets the next one publish; every publication is proved. */
    @Test
    void anEndedRunLetsTheNextOnePublishAndEveryPolicyIsProved() throws Exception {
        try (Stack stack = new Stack(directory)) {
            List<Long> proved = new ArrayList<>();
            stack.onEvent = event -> {
                if (event.kind().equals("policy_published")) {
                    proved.add(provedVersion(stack, event));
                }
            };
            for (String id : List.of("a", "b")) {
                stack.runs.create(id, yaml(), List.of("updates=1"));
                Ledger.RunRow row = stack.runs.end(id).get(120, TimeUnit.SECONDS);
                assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            }
            assertThat(proved).containsExactly(0L, 1L, 0L, 1L);
        }
    }

    private static long provedVersion(Stack stack, RunEvent event) {
        try {
            JsonNode canary = control(stack, "status", Map.of()).path("canary");
            assertThat(canary.path("cold_max").asDouble(1)).isLessThan(1e-6);
            assertThat(canary.path("warm_max").asDouble(1)).isLessThan(1e-6);
            return canary.path("version").asLong(-1);
        } catch (Exception e) {
            throw new AssertionError(event.json(), e);
        }
    }
}
