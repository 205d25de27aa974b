package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPeer;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPort;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The network policies against the arrows that the services' own settings draw. */
class NetworkPoliciesTest {
    private static final Path K8S = Path.of(System.getProperty("foothold.root"), "k8s");
    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());
    private static final ObjectMapper JSON = new ObjectMapper();

    private static List<JsonNode> documents(Path file) throws IOException {
        try (MappingIterator<JsonNode> all = YAML.readerFor(JsonNode.class).readValues(file.toFile())) {
            return all.readAll();
        }
    }

    /** Every Deployment of the base and of the frozen policy, which may come with any of it. */
    private static List<JsonNode> deployments() throws IOException {
        List<Path> files = new ArrayList<>();
        try (Stream<Path> base = Files.list(K8S.resolve("base"))) {
            base.filter(f -> !f.endsWith("kustomization.yaml")).sorted().forEach(files::add);
        }
        files.add(K8S.resolve("components/frozen-localizer/policy-server-frozen.yaml"));
        List<JsonNode> out = new ArrayList<>();
        for (Path file : files) {
            documents(file).stream()
                    .filter(d -> d.path("kind").asText().equals("Deployment"))
                    .forEach(out::add);
        }
        assertThat(out).hasSize(8);
        return out;
    }

    private static Deployment typed(JsonNode deployment) throws IOException {
        return JSON.treeToValue(deployment, Deployment.class);
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

    /** Those that services are told of by their settings: who asks whom, and at which port. */
    private static Set<String> arrows() throws IOException {
        Map<String, Integer> ports = new HashMap<>();
        for (JsonNode deployment : deployments()) {
            Deployment d = typed(deployment);
            ports.put(
                    d.getMetadata().getName(),
                    pod(d).getContainers().get(0).getPorts().get(0).getContainerPort());
        }
        Set<String> out = new TreeSet<>();
        for (JsonNode deployment : deployments()) {
            Deployment d = typed(deployment);
            environment(pod(d).getContainers().get(0)).forEach((key, value) -> {
                if (key.matches("FOOTHOLD_PEER_.*_HOST")) {
                    out.add(d.getMetadata().getName() + " -> " + value + ":" + ports.get(value));
                } else if (key.equals("FOOTHOLD_SAMPLER_ENDPOINTS")) {
                    out.add(d.getMetadata().getName() + " -> " + value);
                }
            });
        }
        JsonNode frozen = documents(K8S.resolve("components/frozen-localizer/sampler.yaml"))
                .get(0);
        out.add("sampler -> "
                + frozen.at("/spec/template/spec/containers/0/env/0/value").asText());
        return out;
    }

    private static String name(NetworkPolicyPeer peer) {
        return peer.getPodSelector() == null
                ? "namespaces " + peer.getNamespaceSelector().getMatchLabels()
                : peer.getPodSelector().getMatchLabels().get("app.kubernetes.io/name");
    }

    @Test
    void policiesLetTheArrowsThroughAndNothingElse() throws IOException {
        Map<String, Integer> main = new HashMap<>();
        for (JsonNode deployment : deployments()) {
            Deployment d = typed(deployment);
            main.put(
                    d.getMetadata().getName(),
                    pod(d).getContainers().get(0).getPorts().get(0).getContainerPort());
        }
        Set<String> out = new TreeSet<>();
        Set<String> in = new TreeSet<>();
        Set<String> outside = new TreeSet<>();
        Set<String> selected = new TreeSet<>();
        for (JsonNode document : documents(K8S.resolve("components/network-policies/policies.yaml"))) {
            NetworkPolicy policy = JSON.treeToValue(document, NetworkPolicy.class);
            Map<String, String> labels = policy.getSpec().getPodSelector().getMatchLabels();
            String own = labels == null ? "" : labels.getOrDefault("app.kubernetes.io/name", "");
            if (own.isEmpty()) {
                continue;
            }
            selected.add(own);
            assertThat(policy.getSpec().getPolicyTypes()).containsExactly("Ingress", "Egress");
            policy.getSpec().getEgress().forEach(rule -> {
                for (NetworkPolicyPort port : rule.getPorts()) {
                    rule.getTo()
                            .forEach(to -> out.add(own + " -> " + name(to) + ":"
                                    + port.getPort().getIntVal()));
                }
            });
            policy.getSpec().getIngress().forEach(rule -> {
                assertThat(rule.getPorts())
                        .extracting(NetworkPolicyPort::getPort)
                        .containsExactly(new IntOrString("main"));
                rule.getFrom().forEach(from -> {
                    String arrow = name(from) + " -> " + own + ":" + main.get(own);
                    (from.getPodSelector() == null ? outside : in).add(arrow);
                });
            });
        }
        assertThat(selected).isEqualTo(new TreeSet<>(main.keySet()));
        assertThat(out).isEqualTo(arrows());
        assertThat(in).isEqualTo(arrows());
        assertThat(outside).containsExactly("namespaces {foothold.io/clients=true} -> orchestrator:9200");
    }

    @Test
    void whatNoPolicyNamesIsClosed() throws IOException {
        NetworkPolicy closed = JSON.treeToValue(
                documents(K8S.resolve("components/network-policies/policies.yaml"))
                        .get(0),
                NetworkPolicy.class);
        assertThat(closed.getMetadata().getName()).isEqualTo("closed");
        assertThat(closed.getSpec().getPodSelector().getMatchLabels()).isEmpty();
        assertThat(closed.getSpec().getPolicyTypes()).containsExactly("Ingress", "Egress");
        assertThat(closed.getSpec().getIngress()).isEmpty();
        assertThat(closed.getSpec().getEgress()).singleElement().satisfies(rule -> assertThat(rule.getPorts())
                .allSatisfy(port -> assertThat(port.getPort().getIntVal()).isEqualTo(53)));
    }
}
