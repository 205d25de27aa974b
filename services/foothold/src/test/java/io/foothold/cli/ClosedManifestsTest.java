package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.Volume;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.openshift.api.model.monitoring.v1.PodMetricsEndpoint;
import io.fabric8.openshift.api.model.monitoring.v1.PodMonitor;
import io.fabric8.zjsonpatch.JsonPatch;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** What closes a deployment: tokens and TLS; their patches are applied as kustomize applies them. */
class ClosedManifestsTest {
    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());
    private static final ObjectMapper JSON = new ObjectMapper();

    private static Deployment with(JsonNode deployment, String... components) throws IOException {
        return JSON.treeToValue(patched(deployment, components), Deployment.class);
    }

    private static JsonNode patched(JsonNode document, String... components) throws IOException {
        JsonNode now = document;
        for (String component : components) {
            JsonNode index = YAML.readTree(Manifests.K8S
                    .resolve("components")
                    .resolve(component)
                    .resolve("kustomization.yaml")
                    .toFile());
            for (JsonNode patch : index.path("patches")) {
                JsonNode target = patch.path("target");
                assertThat(target.path("kind").asText()).isIn("Deployment", "PodMonitor");
                String name = target.path("name").asText(".*");
                if (target.path("kind").equals(now.path("kind"))
                        && now.path("metadata").path("name").asText().matches(name)) {
                    now = JsonPatch.apply(YAML.readTree(patch.path("patch").asText()), now);
                }
            }
        }
        return now;
    }

    /** Prometheus comes in by the same door. */
    @Test
    void metricsAreAskedForWithTheViewersTokenAndByHttps() throws IOException {
        JsonNode monitor = Manifests.documents(Manifests.K8S.resolve("components/monitoring/podmonitor.yaml"))
                .get(0);
        PodMetricsEndpoint open = JSON.treeToValue(patched(monitor, "open"), PodMonitor.class)
                .getSpec()
                .getPodMetricsEndpoints()
                .get(0);
        assertThat(open.getAuthorization()).isNull();
        assertThat(open.getScheme()).isNull();
        PodMetricsEndpoint closed = JSON.treeToValue(patched(monitor, "tokens", "tls"), PodMonitor.class)
                .getSpec()
                .getPodMetricsEndpoints()
                .get(0);
        assertThat(closed.getAuthorization().getCredentials().getName()).isEqualTo("foothold-door");
        assertThat(closed.getAuthorization().getCredentials().getKey()).isEqualTo("viewer");
        assertThat(closed.getScheme()).isEqualTo("https");
        assertThat(closed.getTlsConfig().getCa().getSecret().getName()).isEqualTo("foothold-tls");
        assertThat(closed.getTlsConfig().getCa().getSecret().getKey()).isEqualTo("ca.crt");
        JsonNode certificate = Manifests.documents(Manifests.K8S.resolve("components/tls/cert-manager.yaml")).stream()
                .filter(d -> d.path("spec").has("dnsNames"))
                .findFirst()
                .orElseThrow();
        assertThat(certificate.path("spec").path("dnsNames")).anySatisfy(n -> assertThat(n.asText())
                .isEqualTo(closed.getTlsConfig().getServerName()));
    }

    private static PodSpec pod(Deployment d) {
        return d.getSpec().getTemplate().getSpec();
    }

    private static Map<String, String> environment(Container c) {
        Map<String, String> out = new HashMap<>();
        for (EnvVar variable : c.getEnv()) {
            assertThat(out.put(variable.getName(), String.valueOf(variable.getValue())))
                    .as("%s once", variable.getName())
                    .isNull();
        }
        return out;
    }

    /** The Secret, and the key in it, that a file of a container is. */
    private static String secretOf(Deployment d, String file) {
        Path path = Path.of(file);
        Container c = pod(d).getContainers().get(0);
        VolumeMount mount = c.getVolumeMounts().stream()
                .filter(m -> path.startsWith(m.getMountPath()))
                .findFirst()
                .orElseThrow(() -> new AssertionError(file + " is on no volume"));
        assertThat(mount.getReadOnly()).isTrue();
        Volume volume = pod(d).getVolumes().stream()
                .filter(v -> v.getName().equals(mount.getName()))
                .findFirst()
                .orElseThrow();
        // Read by the pod's group, and by nobody else.
        assertThat(volume.getSecret().getDefaultMode()).isEqualTo(0440);
        String key = path.getFileName().toString();
        if (!volume.getSecret().getItems().isEmpty()) {
            assertThat(volume.getSecret().getItems())
                    .anySatisfy(i -> assertThat(i.getPath()).isEqualTo(key));
        }
        return volume.getSecret().getSecretName() + "/" + key;
    }

    @Test
    void whatListensBeyondLoopbackHasTokensAndTlsOrSaysThatItIsOpen() throws IOException {
        for (JsonNode deployment : Manifests.deployments()) {
            String name = deployment.path("metadata").path("name").asText();
            Map<String, String> bare =
                    environment(pod(with(deployment)).getContainers().get(0));
            assertThat(bare).as(name).containsEntry("QUARKUS_HTTP_HOST", "0.0.0.0");
            assertThat(bare.keySet()).as(name).noneMatch(key -> key.startsWith("FOOTHOLD_DOOR"));

            Map<String, String> open =
                    environment(pod(with(deployment, "open")).getContainers().get(0));
            assertThat(open).as(name).containsEntry("FOOTHOLD_DOOR_INSECURE", "true");

            Deployment closed = with(deployment, "tokens", "tls");
            Container c = pod(closed).getContainers().get(0);
            Map<String, String> given = environment(c);
            assertThat(secretOf(closed, given.get("FOOTHOLD_DOOR_ADMIN_FILE"))).isEqualTo("foothold-door/admin");
            assertThat(secretOf(closed, given.get("FOOTHOLD_DOOR_VIEWER_FILE"))).isEqualTo("foothold-door/viewer");
            assertThat(secretOf(closed, given.get("FOOTHOLD_TLS_CERTIFICATE"))).isEqualTo("foothold-tls/tls.crt");
            assertThat(secretOf(closed, given.get("FOOTHOLD_TLS_KEY"))).isEqualTo("foothold-tls/tls.key");
            assertThat(secretOf(closed, given.get("FOOTHOLD_TLS_AUTHORITIES"))).isEqualTo("foothold-tls/ca.crt");
            assertThat(given).as(name).doesNotContainKey("FOOTHOLD_DOOR_INSECURE");
            if (name.equals("orchestrator")) {
                assertThat(secretOf(closed, given.get("FOOTHOLD_DOOR_OPERATOR_FILE")))
                        .isEqualTo("foothold-door/operator");
            } else {
                assertThat(given).as(name).doesNotContainKey("FOOTHOLD_DOOR_OPERATOR_FILE");
            }
            for (Probe probe : List.of(c.getStartupProbe(), c.getReadinessProbe(), c.getLivenessProbe())) {
                assertThat(probe.getHttpGet().getScheme()).as(name).isEqualTo("HTTPS");
            }
        }
    }

    @Test
    void theOverlaysSayWhichOfBothTheyAre() throws IOException {
        for (Path overlay : List.of(Manifests.K8S.resolve("overlays/demo"), Manifests.K8S.resolve("overlays/resets"))) {
            assertThat(components(overlay)).contains("open").doesNotContain("tls", "tokens");
        }
        assertThat(components(Manifests.K8S.resolve("overlays/production")))
                .contains("tls", "tokens", "network-policies")
                .doesNotContain("open");
    }

    private static List<String> components(Path overlay) throws IOException {
        List<String> out = new ArrayList<>();
        for (JsonNode component :
                YAML.readTree(overlay.resolve("kustomization.yaml").toFile()).path("components")) {
            out.add(Path.of(component.asText()).getFileName().toString());
        }
        return out;
    }

    @Test
    void theCertificateIsForTheNameOfEveryService() throws IOException {
        JsonNode certificate = Manifests.documents(Manifests.K8S.resolve("components/tls/cert-manager.yaml")).stream()
                .filter(d -> d.path("metadata").path("name").asText().equals("foothold-tls"))
                .findFirst()
                .orElseThrow();
        Set<String> names = new TreeSet<>();
        certificate.path("spec").path("dnsNames").forEach(n -> names.add(n.asText()));
        Set<String> services = new TreeSet<>();
        for (JsonNode deployment : Manifests.deployments()) {
            services.add(deployment.path("metadata").path("name").asText());
        }
        assertThat(names).isEqualTo(services);
        assertThat(certificate.path("spec").path("secretName").asText()).isEqualTo("foothold-tls");
        assertThat(certificate.path("spec").path("privateKey").path("encoding").asText())
                .as("what services can read")
                .isEqualTo("PKCS8");
        assertThat(certificate.path("spec").path("usages").toString()).contains("server auth", "client auth");
    }
}
