package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPeer;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPort;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The network policies against the arrows that the services' own settings draw. */
class NetworkPoliciesTest {
    private static final ObjectMapper JSON = new ObjectMapper();

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
        for (JsonNode deployment : Manifests.deployments()) {
            Deployment d = typed(deployment);
            ports.put(
                    d.getMetadata().getName(),
                    pod(d).getContainers().get(0).getPorts().get(0).getContainerPort());
        }
        Set<String> out = new TreeSet<>();
        for (JsonNode deployment : Manifests.deployments()) {
            Deployment d = typed(deployment);
            environment(pod(d).getContainers().get(0)).forEach((key, value) -> {
                if (key.matches("FOOTHOLD_PEER_.*_HOST")) {
                    out.add(d.getMetadata().getName() + " -> " + value + ":" + ports.get(value));
                } else if (key.equals("FOOTHOLD_SAMPLER_ENDPOINTS")) {
                    out.add(d.getMetadata().getName() + " -> " + value);
                }
            });
        }
        JsonNode frozen = Manifests.documents(Manifests.K8S.resolve("components/frozen-localizer/sampler.yaml"))
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
        for (JsonNode deployment : Manifests.deployments()) {
            Deployment d = typed(deployment);
            main.put(
                    d.getMetadata().getName(),
                    pod(d).getContainers().get(0).getPorts().get(0).getContainerPort());
        }
        Set<String> out = new TreeSet<>();
        Set<String> in = new TreeSet<>();
        Set<String> outside = new TreeSet<>();
        Set<String> selected = new TreeSet<>();
        for (JsonNode document :
                Manifests.documents(Manifests.K8S.resolve("components/network-policies/policies.yaml"))) {
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
                Manifests.documents(Manifests.K8S.resolve("components/network-policies/policies.yaml"))
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
