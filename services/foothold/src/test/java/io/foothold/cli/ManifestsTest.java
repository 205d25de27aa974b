package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every manifest against the typed models of Kubernetes, unknown fields refused; and our own policy on top. */
class ManifestsTest {
    private static final Path K8S = Path.of(System.getProperty("foothold.root"), "k8s");
    private static final Path BASE = K8S.resolve("base");
    private static final Map<String, Class<?>> KINDS = Map.of(
            "Deployment",
            Deployment.class,
            "Service",
            Service.class,
            "PersistentVolumeClaim",
            PersistentVolumeClaim.class);

    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());
    /** Fabric8's models gather unknown fields instead of refusing them: writing them back shows what was not understood. */
    private static final ObjectMapper STRICT =
            new ObjectMapper().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

    private static List<JsonNode> documents() throws IOException {
        return named(BASE, "resources");
    }

    /** The documents of the files that a kustomization names under a key; directories are left to their own test. */
    private static List<JsonNode> named(Path directory, String key) throws IOException {
        List<JsonNode> out = new ArrayList<>();
        JsonNode index = YAML.readTree(directory.resolve("kustomization.yaml").toFile());
        for (JsonNode entry : index.path(key)) {
            Path file = directory.resolve(
                    entry.isTextual() ? entry.asText() : entry.path("path").asText());
            assertThat(file).exists();
            if (Files.isDirectory(file)) {
                assertThat(file.resolve("kustomization.yaml")).exists();
                continue;
            }
            try (MappingIterator<JsonNode> all = YAML.readerFor(JsonNode.class).readValues(file.toFile())) {
                out.addAll(all.readAll());
            }
        }
        return out;
    }

    private static List<Path> kustomizations(String kind) throws IOException {
        try (Stream<Path> all = Files.list(K8S.resolve(kind))) {
            return all.sorted().toList();
        }
    }

    @Test
    void componentsAndOverlaysAreKnownToKubernetesAndPatchWhatIsThere() throws IOException {
        Set<String> deployments = new HashSet<>();
        for (JsonNode document : documents()) {
            deployments.add(document.path("kind").asText() + " "
                    + document.path("metadata").path("name").asText());
        }
        List<Path> all = new ArrayList<>(kustomizations("components"));
        all.addAll(kustomizations("overlays"));
        assertThat(all).hasSize(2);
        for (Path directory : all) {
            for (JsonNode document : named(directory, "resources")) {
                typed(document);
                assertThat(deployments)
                        .doesNotContain(document.path("kind").asText() + " "
                                + document.path("metadata").path("name").asText());
            }
            List<JsonNode> patches = named(directory, "patches");
            assertThat(patches).isNotEmpty();
            for (JsonNode patch : patches) {
                typed(patch);
                assertThat(deployments)
                        .contains(patch.path("kind").asText() + " "
                                + patch.path("metadata").path("name").asText());
            }
            named(directory, "components");
        }
    }

    @Test
    void theFrozenServerIsWhereTheSamplerLooksForIt() throws IOException {
        Path component = K8S.resolve("components/frozen-localizer");
        Service service = null;
        for (JsonNode document : named(component, "resources")) {
            if (typed(document) instanceof Service s) {
                service = s;
            }
        }
        Deployment patch = (Deployment) typed(named(component, "patches").get(0));
        var variable = patch.getSpec()
                .getTemplate()
                .getSpec()
                .getContainers()
                .get(0)
                .getEnv()
                .get(0);
        assertThat(variable.getName()).isEqualTo("FOOTHOLD_SAMPLER_FROZEN_ENDPOINTS");
        assertThat(variable.getValue())
                .isEqualTo(Objects.requireNonNull(service).getMetadata().getName() + ":"
                        + service.getSpec().getPorts().get(0).getPort());
    }

    private static Object typed(JsonNode document) throws IOException {
        Class<?> type =
                Objects.requireNonNull(KINDS.get(document.path("kind").asText()), "kind " + document.path("kind"));
        Object value = STRICT.treeToValue(document, type);
        refuseUnknown(value, document.path("kind").asText());
        return value;
    }

    private static void refuseUnknown(Object value, String where) throws IOException {
        if (value == null || !value.getClass().getName().startsWith("io.fabric8")) {
            return;
        }
        for (var method : value.getClass().getMethods()) {
            if (method.getParameterCount() > 0 || !method.getName().startsWith("get")) {
                continue;
            }
            Object part;
            try {
                part = method.invoke(value);
            } catch (ReflectiveOperationException e) {
                throw new IOException(e);
            }
            if (method.getName().equals("getAdditionalProperties")) {
                if (part instanceof Map<?, ?> map && !map.isEmpty()) {
                    throw new IOException(where + ": unknown fields " + map.keySet());
                }
            } else if (part instanceof List<?> list) {
                for (Object item : list) {
                    refuseUnknown(item, where + "." + method.getName());
                }
            } else {
                refuseUnknown(part, where + "." + method.getName());
            }
        }
    }

    @Test
    void everyFieldIsKnownToKubernetes() throws IOException {
        assertThat(documents()).hasSize(16);
        for (JsonNode document : documents()) {
            typed(document);
        }
    }

    @Test
    void aMisspeltFieldIsSeen() throws IOException {
        JsonNode wrong = YAML.readTree(
                "{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: {containers: [{name: x, imagee: y}]}}}}");
        assertThatThrownBy(() -> typed(wrong)).hasMessageContaining("imagee");
    }

    @Test
    void everyServiceHasProbesLimitsAndAnUnprivilegedContainer() throws IOException {
        List<String> names = new ArrayList<>();
        for (JsonNode document : documents()) {
            if (typed(document) instanceof Deployment d) {
                names.add(d.getMetadata().getName());
                Container c =
                        d.getSpec().getTemplate().getSpec().getContainers().get(0);
                int port = c.getPorts().get(0).getContainerPort();
                assertThat(c.getReadinessProbe().getGrpc().getPort()).isEqualTo(port);
                assertThat(c.getLivenessProbe().getHttpGet().getPath()).isEqualTo("/q/health/live");
                assertThat(c.getLivenessProbe().getHttpGet().getPort().getStrVal())
                        .isEqualTo("management");
                assertThat(c.getPorts().get(1).getName()).isEqualTo("management");
                int management = c.getPorts().get(1).getContainerPort();
                assertThat(c.getResources().getLimits()).containsKey("memory");
                assertThat(c.getSecurityContext().getAllowPrivilegeEscalation()).isFalse();
                assertThat(Files.readString(Path.of(
                                System.getProperty("foothold.root"),
                                "services",
                                d.getMetadata().getName(),
                                "src/main/resources/application.properties")))
                        .contains("quarkus.http.port=" + port)
                        .contains("quarkus.management.port=" + management);
            }
        }
        assertThat(names)
                .containsExactlyInAnyOrder(
                        "augmentation", "sampler", "verifier", "localizer", "learner", "policy-server", "orchestrator");
    }
}
