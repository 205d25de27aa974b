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
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Every manifest against the typed models of Kubernetes, unknown fields refused; and our own policy on top. */
class ManifestsTest {
    private static final Path BASE = Path.of(System.getProperty("foothold.root"), "k8s/base");
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
        List<JsonNode> out = new ArrayList<>();
        JsonNode index = YAML.readTree(BASE.resolve("kustomization.yaml").toFile());
        for (JsonNode resource : index.path("resources")) {
            try (MappingIterator<JsonNode> all = YAML.readerFor(JsonNode.class)
                    .readValues(BASE.resolve(resource.asText()).toFile())) {
                out.addAll(all.readAll());
            }
        }
        return out;
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
                assertThat(c.getLivenessProbe().getGrpc().getPort()).isEqualTo(port);
                assertThat(c.getResources().getLimits()).containsKey("memory");
                assertThat(c.getSecurityContext().getAllowPrivilegeEscalation()).isFalse();
                assertThat(Files.readString(Path.of(
                                System.getProperty("foothold.root"),
                                "services",
                                d.getMetadata().getName(),
                                "src/main/resources/application.properties")))
                        .contains("quarkus.http.port=" + port);
            }
        }
        assertThat(names)
                .containsExactlyInAnyOrder(
                        "augmentation", "sampler", "verifier", "localizer", "learner", "policy-server", "orchestrator");
    }
}
