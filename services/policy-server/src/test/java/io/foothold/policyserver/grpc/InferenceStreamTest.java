package io.foothold.policyserver.grpc;

import static io.foothold.contracts.triton.PolicyTensors.*;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.files.Roots;
import io.foothold.contracts.triton.Tensors;
import io.foothold.contracts.triton.Tensors.Tensor;
import io.foothold.core.policy.Canary;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.inference.InferParameter;
import io.foothold.inference.ModelInferRequest;
import io.foothold.inference.ModelStreamInferResponse;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.Precision;
import io.foothold.policyserver.TinyPolicy;
import io.foothold.policyserver.serving.ModelHost;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.smallrye.mutiny.Multi;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the tensors of a request ask for, and the words of a refusal. */
class InferenceStreamTest {
    private static final String SECRET = "s3cret";

    @TempDir
    Path home;

    private ModelHost host;
    private TritonGrpc open;
    private TritonGrpc guarded;

    @BeforeEach
    void start() {
        NativeRuntime.enterThread();
        host = new ModelHost(
                TinyPolicy.directory(home.resolve("base"), 1), TinyPolicy.settings(Precision.EXACT, false));
        open = triton(Optional.empty());
        guarded = triton(Optional.of(SECRET));
    }

    private TritonGrpc triton(Optional<String> secret) {
        return new TritonGrpc(
                () -> host, host::alive, "policy", secret, Roots.of(List.of(home)), new SimpleMeterRegistry());
    }

    @AfterEach
    void stop() {
        host.close();
    }

    private static List<ModelStreamInferResponse> ask(
            TritonGrpc triton, Map<String, Tensor> inputs, Optional<String> secret) {
        ModelInferRequest.Builder request =
                ModelInferRequest.newBuilder().setModelName("policy").setId("r");
        inputs.forEach((name, tensor) -> Tensors.put(request, name, tensor));
        secret.ifPresent(s -> request.putParameters(
                ADMIN_PARAMETER, InferParameter.newBuilder().setStringParam(s).build()));
        return triton.modelStreamInfer(Multi.createFrom().item(request.build()))
                .collect()
                .asList()
                .await()
                .atMost(Duration.ofSeconds(30));
    }

    private static String error(TritonGrpc triton, Map<String, Tensor> inputs) {
        List<ModelStreamInferResponse> answers = ask(triton, inputs, Optional.empty());
        return answers.get(answers.size() - 1).getErrorMessage();
    }

    private JsonNode status() throws Exception {
        Tensor json = Tensors.of(ask(open, Map.of(OP, Tensors.ofTexts(List.of("status"))), Optional.empty())
                        .get(0)
                        .getInferResponse())
                .get(STATUS_JSON);
        return new ObjectMapper().readTree(json.text());
    }

    private static Map<String, Tensor> generate(Map<String, Tensor> more) {
        Map<String, Tensor> out = new LinkedHashMap<>();
        out.put(INPUT_IDS, Tensors.ofInts(3, 4));
        out.put(MAX_TOKENS, Tensors.ofInts(4));
        out.put(RANDOM_SEED, Tensors.ofUnsignedLong(4));
        out.putAll(more);
        return out;
    }

    private Map<String, Tensor> update(long version, long seed, Map<String, Tensor> more) {
        Map<String, Tensor> out = new LinkedHashMap<>();
        out.put(OP, Tensors.ofTexts(List.of("update")));
        out.put(POLICY_VERSION, Tensors.ofLongs(version));
        out.put(
                WEIGHTS_URI,
                Tensors.ofTexts(List.of(TinyPolicy.artefact(home, seed).toUri().toString())));
        out.put(
                WEIGHTS_DIGEST,
                Tensors.ofTexts(List.of(TinyPolicy.version(version, seed).digest())));
        out.putAll(more);
        return out;
    }

    private static Map<String, Tensor> canary(Canary canary) {
        return Map.of(
                CANARY_IDS,
                Tensors.ofInts(canary.ids()),
                CANARY_LENGTHS,
                Tensors.ofInts(canary.lengths()),
                CANARY_LOG_PROBS,
                Tensors.ofFloats(canary.allLogProbs()));
    }

    @Test
    void aPolicyIsNamedByVersionAndDigestTogether() {
        PolicyVersion base = TinyPolicy.version(0, 1);
        Tensor version = Tensors.ofLongs(0);
        Tensor digest = Tensors.ofTexts(List.of(base.digest()));
        assertThat(error(open, generate(Map.of(POLICY_VERSION, version, POLICY_DIGEST, digest))))
                .isEmpty();
        assertThat(error(open, generate(Map.of(POLICY_VERSION, Tensors.ofLongs(1), POLICY_DIGEST, digest))))
                .contains(OTHER_POLICY)
                .contains("1 (" + base.digest() + ")");
        assertThat(error(
                        open,
                        generate(Map.of(POLICY_VERSION, version, POLICY_DIGEST, Tensors.ofTexts(List.of("other"))))))
                .contains(OTHER_POLICY);
        assertThat(error(open, generate(Map.of(POLICY_VERSION, version)))).contains("'policy_digest' is missing");
        assertThat(error(open, generate(Map.of(POLICY_DIGEST, digest)))).contains("'policy_version' is missing");
        assertThat(error(open, generate(Map.of(POLICY_VERSION, Tensors.ofLongs(-1), POLICY_DIGEST, digest))))
                .contains("at least 0");
        assertThat(error(open, generate(Map.of(POLICY_VERSION, version, POLICY_DIGEST, Tensors.ofTexts(List.of(""))))))
                .contains("name a policy");
    }

    @Test
    void aCanaryIsCheckedByItsFormThenProvedAndToldInTheStatus() throws Exception {
        Canary right = TinyPolicy.canary(2);
        Map<String, Tensor> all = canary(right);
        Map<String, Tensor> some = new LinkedHashMap<>(all);
        some.remove(CANARY_LENGTHS);
        assertThat(error(open, update(1, 2, some))).contains("input 'canary_lengths' is missing");
        Map<String, Tensor> misfit = new LinkedHashMap<>(all);
        misfit.put(CANARY_LENGTHS, Tensors.ofInts(9, 33));
        assertThat(error(open, update(1, 2, misfit))).contains("lengths [9, 33] of a canary");
        assertThat(error(open, update(1, 2, canary(TinyPolicy.canary(3))))).startsWith("canary: version 1 ");
        assertThat(status().path("version").asLong()).isZero();
        assertThat(status().has("canary")).isFalse();
        assertThat(status().path("last_error").asText()).isEmpty();
        assertThat(error(open, update(1, 2, all))).isEmpty();
        JsonNode proof = status().path("canary");
        assertThat(proof.path("version").asLong()).isEqualTo(1);
        for (String name : List.of("cold_mean", "cold_max", "warm_mean", "warm_max")) {
            assertThat(proof.path(name).asDouble(1)).as(name).isLessThan(1e-6);
        }
    }

    /** Also what changes nothing: who may not control the server learns it before anything is sampled. */
    @Test
    void controlIsRefusedWithoutTheSecretAndNoneOfItBecomesTheServersError() throws Exception {
        Map<String, Tensor> same = update(0, 1, Map.of());
        for (Optional<String> given : List.of(Optional.<String>empty(), Optional.of("wrong"))) {
            assertThat(ask(guarded, same, given).get(0).getErrorMessage()).contains("admin secret");
        }
        assertThat(ask(guarded, same, Optional.of(SECRET)).get(0).getErrorMessage())
                .isEmpty();
        assertThat(error(guarded, generate(Map.of()))).as("sampling needs none").isEmpty();
        assertThat(error(open, generate(Map.of(MAX_TOKENS, Tensors.ofInts(0))))).contains("max_tokens 0");
        assertThat(error(open, generate(Map.of(INPUT_IDS, Tensors.ofInts(99))))).contains("token id 99");
        assertThat(error(open, update(1, 2, Map.of(WEIGHTS_DIGEST, Tensors.ofTexts(List.of("00"))))))
                .contains("artefact-2");
        assertThat(status().path("last_error").asText()).isEmpty();
    }

    /** Whoever may control the server still has it read nothing but artefacts. */
    @Test
    void artefactsLieBelowTheRoots() {
        for (String uri :
                List.of("file:///etc/passwd", home.resolve("../x").toUri().toString())) {
            assertThat(error(open, update(1, 2, Map.of(WEIGHTS_URI, Tensors.ofTexts(List.of(uri))))))
                    .as(uri)
                    .contains("input 'weights_uri'")
                    .contains("lies outside");
        }
        assertThat(error(open, update(1, 2, Map.of(WEIGHTS_URI, Tensors.ofTexts(List.of("s3://bucket/x"))))))
                .contains("'s3://bucket/x' lies in an object store, and this service was given none")
                .contains("foothold.store.uri");
        assertThat(error(open, update(1, 2, Map.of(WEIGHTS_URI, Tensors.ofTexts(List.of("https://bucket/x"))))))
                .contains("expected file:///PATH or s3://BUCKET/KEY, got 'https://bucket/x'");
        assertThat(error(open, update(1, 2, Map.of()))).isEmpty();
    }
}
