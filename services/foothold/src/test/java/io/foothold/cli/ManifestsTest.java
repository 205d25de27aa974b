package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.autoscaling.v2.HorizontalPodAutoscaler;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.openshift.api.model.monitoring.v1.PodMonitor;
import io.fabric8.openshift.api.model.monitoring.v1.PrometheusRule;
import io.foothold.cli.images.Packing;
import io.foothold.cli.images.ServiceImage;
import io.foothold.contracts.files.StoreUri;
import io.foothold.contracts.metric.Metric;
import io.foothold.orchestrator.outbox.KafkaSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every manifest against the typed models of Kubernetes, unknown fields refused; and our own policy on top. */
class ManifestsTest {
    private static final Path K8S = Path.of(System.getProperty("foothold.root"), "k8s");
    private static final Path BASE = K8S.resolve("base");
    private static final Map<String, Class<?>> KINDS = Map.of(
            "Namespace", Namespace.class,
            "Deployment", Deployment.class,
            "StatefulSet", StatefulSet.class,
            "HorizontalPodAutoscaler", HorizontalPodAutoscaler.class,
            "NetworkPolicy", NetworkPolicy.class,
            "PodDisruptionBudget", PodDisruptionBudget.class,
            "Service", Service.class,
            "PersistentVolume", PersistentVolume.class,
            "PersistentVolumeClaim", PersistentVolumeClaim.class);

    /** Of the Prometheus operator. */
    private static final Map<String, Class<?>> OPERATOR_KINDS =
            Map.of("PodMonitor", PodMonitor.class, "PrometheusRule", PrometheusRule.class);

    /** A node under load needed 2.5 minutes to start a service. */
    private static final int STARTUP_SECONDS = 300;

    private static final int PROBE_TIMEOUT = 5;

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
            if (entry.has("patch")) {
                continue;
            }
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
        assertThat(all).hasSize(13);
        for (Path directory : all) {
            for (JsonNode document : named(directory, "resources")) {
                typed(document);
                assertThat(deployments)
                        .doesNotContain(document.path("kind").asText() + " "
                                + document.path("metadata").path("name").asText());
            }
            List<JsonNode> patches = named(directory, "patches");
            JsonNode index =
                    YAML.readTree(directory.resolve("kustomization.yaml").toFile());
            assertThat(index.path("patches").size() + index.path("resources").size())
                    .as("%s does something", directory)
                    .isPositive();
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

    private static Map<String, EnvVar> environment(Container c) {
        return c.getEnv().stream().collect(Collectors.toMap(EnvVar::getName, e -> e));
    }

    /** Two orchestrators find the database at its name and port, with the user and password that it was made with, and drain. */
    @Test
    void orchestratorsAndTheirDatabaseAgree() throws IOException {
        Path component = K8S.resolve("components/postgres");
        StatefulSet database = null;
        Service service = null;
        for (JsonNode document : named(component, "resources")) {
            switch (typed(document)) {
                case StatefulSet s -> database = s;
                case Service s -> service = s;
                default -> throw new AssertionError(document.path("kind").asText());
            }
        }
        PodSpec pod = Objects.requireNonNull(database).getSpec().getTemplate().getSpec();
        Container server = pod.getContainers().get(0);
        assertThat(database.getSpec().getServiceName())
                .isEqualTo(Objects.requireNonNull(service).getMetadata().getName());
        assertThat(server.getImage()).containsPattern(":\\d");
        assertThat(pod.getAutomountServiceAccountToken()).isFalse();
        assertThat(pod.getSecurityContext().getRunAsNonRoot()).isTrue();
        assertThat(pod.getSecurityContext().getSeccompProfile().getType()).isEqualTo("RuntimeDefault");
        assertThat(server.getSecurityContext().getAllowPrivilegeEscalation()).isFalse();
        assertThat(server.getSecurityContext().getReadOnlyRootFilesystem()).isTrue();
        assertThat(server.getSecurityContext().getCapabilities().getDrop()).containsExactly("ALL");
        assertThat(environment(server).get("PGDATA").getValue())
                .startsWith(server.getVolumeMounts().get(0).getMountPath() + "/");

        Deployment patch = (Deployment) typed(named(component, "patches").get(0));
        assertThat(patch.getSpec().getReplicas()).isEqualTo(2);
        assertThat(patch.getSpec().getStrategy().getType()).isEqualTo("RollingUpdate");
        Container orchestrator = pod(patch).getContainers().get(0);
        assertThat(orchestrator.getLifecycle().getPreStop().getSleep().getSeconds())
                .isEqualTo(10);
        Map<String, EnvVar> client = environment(orchestrator);
        assertThat(client.get("FOOTHOLD_LEDGER_URL").getValue())
                .isEqualTo("jdbc:postgresql://" + service.getMetadata().getName() + ":"
                        + service.getSpec().getPorts().get(0).getPort() + "/"
                        + environment(server).get("POSTGRES_DB").getValue());
        for (Map.Entry<String, String> pair : Map.of(
                        "FOOTHOLD_LEDGER_USERNAME", "POSTGRES_USER",
                        "FOOTHOLD_LEDGER_PASSWORD", "POSTGRES_PASSWORD")
                .entrySet()) {
            assertThat(client.get(pair.getKey()).getValueFrom())
                    .isEqualTo(environment(server).get(pair.getValue()).getValueFrom());
        }
    }

    /** The arrow is for the port that is configured, and the file is one that the Secret has. */
    @Test
    void orchestratorsReachTheBrokersThatTheyAreToldOf() throws IOException {
        Path component = K8S.resolve("components/kafka");
        Deployment patch = (Deployment) typed(named(component, "patches").get(0));
        Container orchestrator = pod(patch).getContainers().get(0);
        Map<String, EnvVar> client = environment(orchestrator);
        String server = client.get("FOOTHOLD_EVENTS_KAFKA_BOOTSTRAP_SERVERS").getValue();
        String topic = client.get("FOOTHOLD_EVENTS_KAFKA_TOPIC").getValue();
        assertThat(KafkaSettings.of(List.of(server), topic, Optional.empty()).servers())
                .containsExactly(server);
        NetworkPolicy arrow =
                (NetworkPolicy) typed(named(component, "resources").get(0));
        assertThat(arrow.getSpec().getPodSelector().getMatchLabels())
                .containsOnly(Map.entry("app.kubernetes.io/name", "orchestrator"));
        var rule = arrow.getSpec().getEgress().get(0);
        assertThat(server)
                .isEqualTo("kafka."
                        + rule.getTo()
                                .get(0)
                                .getNamespaceSelector()
                                .getMatchLabels()
                                .get("kubernetes.io/metadata.name")
                        + ".svc:" + rule.getPorts().get(0).getPort().getIntVal());
        VolumeMount mount = orchestrator.getVolumeMounts().get(0);
        assertThat(mount.getReadOnly()).isTrue();
        assertThat(client.get("FOOTHOLD_EVENTS_KAFKA_CLIENT_PROPERTIES").getValue())
                .isEqualTo(mount.getMountPath() + "/client.properties");
        assertThat(pod(patch).getVolumes()).singleElement().satisfies(v -> {
            assertThat(v.getName()).isEqualTo(mount.getName());
            assertThat(v.getSecret().getSecretName()).isEqualTo("foothold-kafka");
            assertThat(v.getSecret().getDefaultMode()).isEqualTo(0440);
        });
    }

    /** All are told of the same store, those who ask it have its key, and the arrow is for the port that is configured. */
    @Test
    void learnersAndPolicyServersReachTheObjectStoreThatTheyAreToldOf() throws IOException {
        Path component = K8S.resolve("components/s3");
        NetworkPolicy arrow =
                (NetworkPolicy) typed(named(component, "resources").get(0));
        var rule = arrow.getSpec().getEgress().get(0);
        String endpoint = "http://minio."
                + rule.getTo().get(0).getNamespaceSelector().getMatchLabels().get("kubernetes.io/metadata.name")
                + ".svc:" + rule.getPorts().get(0).getPort().getIntVal();
        List<String> asking = new ArrayList<>();
        for (JsonNode document : named(component, "patches")) {
            Deployment patch = (Deployment) typed(document);
            Container container = pod(patch).getContainers().get(0);
            Map<String, EnvVar> settings = environment(container);
            assertThat(StoreUri.parse(
                            "store", settings.get("FOOTHOLD_STORE_URI").getValue()))
                    .isEqualTo(new StoreUri("foothold", "runs"));
            if (!settings.containsKey("FOOTHOLD_STORE_ENDPOINT")) {
                assertThat(container.getName()).isEqualTo("sampler");
                continue;
            }
            asking.add(container.getName());
            assertThat(settings.get("FOOTHOLD_STORE_ENDPOINT").getValue()).isEqualTo(endpoint);
            VolumeMount mount = container.getVolumeMounts().get(0);
            assertThat(mount.getReadOnly()).isTrue();
            assertThat(settings.get("FOOTHOLD_STORE_CREDENTIALS_FILE").getValue())
                    .isEqualTo(mount.getMountPath() + "/credentials");
            assertThat(pod(patch).getVolumes().get(0).getName()).isEqualTo(mount.getName());
            assertThat(pod(patch).getVolumes().get(0).getSecret().getSecretName())
                    .isEqualTo("foothold-s3");
        }
        assertThat(asking)
                .containsExactlyElementsOf(arrow.getSpec()
                        .getPodSelector()
                        .getMatchExpressions()
                        .get(0)
                        .getValues());
    }

    private static Object typed(JsonNode document) throws IOException {
        String kind = document.path("kind").asText();
        Class<?> type = Objects.requireNonNull(KINDS.getOrDefault(kind, OPERATOR_KINDS.get(kind)), "kind " + kind);
        Object value = STRICT.treeToValue(document, type);
        refuseUnknown(value, kind);
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
        assertThat(documents()).hasSize(17);
        for (JsonNode document : documents()) {
            typed(document);
        }
    }

    @Test
    void aMisspeltFieldIsSeen() throws IOException {
        JsonNode wrong = YAML.readTree(
                "{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: {containers: [{name: x, imagee:"
                        + " y}]}}}}");
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

    /** Every Deployment of base and components. */
    private static List<Deployment> deployments() throws IOException {
        List<JsonNode> all = new ArrayList<>(documents());
        for (Path component : kustomizations("components")) {
            all.addAll(named(component, "resources"));
        }
        List<Deployment> out = new ArrayList<>();
        for (JsonNode document : all) {
            if (typed(document) instanceof Deployment d) {
                out.add(d);
            }
        }
        return out;
    }

    private static PodSpec pod(Deployment d) {
        return d.getSpec().getTemplate().getSpec();
    }

    private static List<Container> containers(Deployment d) {
        return Stream.concat(pod(d).getInitContainers().stream(), pod(d).getContainers().stream())
                .toList();
    }

    @Test
    void theNamespaceIsMadeAndLetsNoPrivilegedPodIn() throws IOException {
        JsonNode index = YAML.readTree(BASE.resolve("kustomization.yaml").toFile());
        List<Namespace> namespaces = new ArrayList<>();
        for (JsonNode document : documents()) {
            if (typed(document) instanceof Namespace n) {
                namespaces.add(n);
            }
        }
        assertThat(namespaces).hasSize(1);
        assertThat(namespaces.get(0).getMetadata().getName())
                .isEqualTo(index.path("namespace").asText());
        assertThat(namespaces.get(0).getMetadata().getLabels())
                .containsEntry("pod-security.kubernetes.io/enforce", "restricted");
    }

    /** Without a tag the kubelet asks a registry each time, and an image that is on the node is not used. */
    @Test
    void everyImageHasTheTagThatImagesAreMadeWith() throws IOException {
        JsonNode index = YAML.readTree(BASE.resolve("kustomization.yaml").toFile());
        Map<String, String> tags = new HashMap<>();
        index.path("images")
                .forEach(i -> tags.put(i.path("name").asText(), i.path("newTag").asText()));
        for (Deployment d : deployments()) {
            for (Container c : containers(d)) {
                assertThat(c.getImage()).as(d.getMetadata().getName()).doesNotContain(":");
                assertThat(tags).containsEntry(c.getImage(), Main.VERSION);
            }
        }
        assertThat(tags.keySet())
                .containsExactlyInAnyOrderElementsOf(
                        ServeCommand.SERVICES.stream().map(s -> "foothold/" + s).toList());
    }

    @Test
    void everyPodKeepsToTheRestrictedProfileAndHoldsNoToken() throws IOException {
        for (Deployment d : deployments()) {
            String name = d.getMetadata().getName();
            PodSpec pod = pod(d);
            assertThat(pod.getAutomountServiceAccountToken()).as(name).isFalse();
            assertThat(pod.getSecurityContext().getRunAsNonRoot()).as(name).isTrue();
            assertThat(pod.getSecurityContext().getRunAsUser() + ":"
                            + pod.getSecurityContext().getRunAsGroup())
                    .as(name)
                    .isEqualTo(Packing.USER);
            assertThat(pod.getSecurityContext().getSeccompProfile().getType())
                    .as(name)
                    .isEqualTo("RuntimeDefault");
            for (Container c : containers(d)) {
                assertThat(c.getSecurityContext().getAllowPrivilegeEscalation())
                        .as(name)
                        .isFalse();
                assertThat(c.getSecurityContext().getReadOnlyRootFilesystem())
                        .as(name)
                        .isTrue();
                assertThat(c.getSecurityContext().getCapabilities().getDrop())
                        .as(name)
                        .containsExactly("ALL");
                assertThat(c.getResources().getLimits()).as(name).containsKey("memory");
            }
        }
    }

    @Test
    void whatIsWrittenHasAVolume() throws IOException {
        for (Deployment d : deployments()) {
            String name = d.getMetadata().getName();
            Set<String> empty = pod(d).getVolumes().stream()
                    .filter(v -> v.getEmptyDir() != null)
                    .map(v -> v.getName())
                    .collect(Collectors.toSet());
            Container c = pod(d).getContainers().get(0);
            List<VolumeMount> scratch = c.getVolumeMounts().stream()
                    .filter(m -> empty.contains(m.getName()))
                    .toList();
            assertThat(scratch).as(name).extracting(VolumeMount::getMountPath).contains("/tmp");
            boolean computes = c.getImage().matches("foothold/(learner|policy-server)");
            List<EnvVar> cache = c.getEnv().stream()
                    .filter(e -> e.getName().equals("DJL_CACHE_DIR"))
                    .toList();
            assertThat(cache).as(name).hasSize(computes ? 1 : 0);
            cache.forEach(e -> assertThat(e.getValue()).startsWith("/tmp/"));
        }
    }

    @Test
    void aSlowStartIsWaitedForAndASlowAnswerIsNoDeath() throws IOException {
        for (Deployment d : deployments()) {
            String name = d.getMetadata().getName();
            Container c = pod(d).getContainers().get(0);
            Probe startup = c.getStartupProbe();
            assertThat(startup.getPeriodSeconds() * startup.getFailureThreshold())
                    .as(name)
                    .isGreaterThanOrEqualTo(STARTUP_SECONDS);
            for (Probe probe : List.of(startup, c.getReadinessProbe(), c.getLivenessProbe())) {
                assertThat(probe.getTimeoutSeconds()).as(name).isGreaterThanOrEqualTo(PROBE_TIMEOUT);
                assertThat(probe.getHttpGet().getPort().getStrVal()).isEqualTo("management");
            }
            assertThat(c.getReadinessProbe().getHttpGet().getPath()).as(name).isEqualTo("/q/health/ready");
            assertThat(c.getLivenessProbe().getHttpGet().getPath()).as(name).isEqualTo("/q/health/live");
            Probe live = c.getLivenessProbe();
            assertThat(live.getPeriodSeconds() * live.getFailureThreshold())
                    .as(name)
                    .isGreaterThanOrEqualTo(120);
        }
    }

    /** Recreate means that there is one of it: nobody could take its work over. */
    @Test
    void whatHasReplicasDrains() throws IOException {
        for (Deployment d : deployments()) {
            String name = d.getMetadata().getName();
            boolean one = d.getSpec().getStrategy() != null
                    && "Recreate".equals(d.getSpec().getStrategy().getType());
            Container c = pod(d).getContainers().get(0);
            long sleep = c.getLifecycle() == null
                    ? 0
                    : c.getLifecycle().getPreStop().getSleep().getSeconds();
            assertThat(sleep).as(name).isEqualTo(one ? 0 : 10);
            assertThat(pod(d).getTerminationGracePeriodSeconds()).as(name).isGreaterThan(sleep + 30);
        }
    }

    @Test
    void thePolicyThatServersLoadIsPutThere() throws IOException {
        for (Deployment d : deployments()) {
            Container c = pod(d).getContainers().get(0);
            if (!c.getImage().equals("foothold/policy-server")) {
                continue;
            }
            String model = c.getEnv().stream()
                    .filter(e -> e.getName().equals("FOOTHOLD_POLICY_SERVER_MODEL"))
                    .findFirst()
                    .orElseThrow()
                    .getValue();
            Container seed = pod(d).getInitContainers().get(0);
            assertThat(String.join(" ", seed.getCommand())).contains(model).contains(ServiceImage.POLICIES + "/dial");
            assertThat(seed.getVolumeMounts()).anySatisfy(m -> {
                assertThat(model).startsWith(m.getMountPath() + "/");
                assertThat(m.getReadOnly()).isNotEqualTo(Boolean.TRUE);
            });
        }
    }

    @Test
    void aSingleNodeBindsEveryClaimAndHoldsAllThatIsAskedFor() throws IOException {
        Path overlay = K8S.resolve("overlays/demo");
        Map<String, PersistentVolume> volumes = new HashMap<>();
        for (JsonNode document : named(overlay, "resources")) {
            if (typed(document) instanceof PersistentVolume v) {
                volumes.put(
                        v.getSpec().getClaimRef().getNamespace() + "/"
                                + v.getSpec().getClaimRef().getName(),
                        v);
            }
        }
        Set<String> classless = new HashSet<>();
        double cores = 0;
        double bytes = 0;
        Set<String> patched = new HashSet<>();
        for (JsonNode document : named(overlay, "patches")) {
            switch (typed(document)) {
                case PersistentVolumeClaim claim -> {
                    assertThat(claim.getSpec().getStorageClassName()).isEmpty();
                    classless.add("foothold/" + claim.getMetadata().getName());
                }
                case Deployment d -> {
                    patched.add(d.getMetadata().getName());
                    Map<String, Quantity> requests =
                            pod(d).getContainers().get(0).getResources().getRequests();
                    cores += requests.get("cpu").getNumericalAmount().doubleValue();
                    bytes += requests.get("memory").getNumericalAmount().doubleValue();
                }
                default -> throw new AssertionError(document.path("kind").asText());
            }
        }
        assertThat(cores).isLessThan(1.5);
        assertThat(bytes).isLessThan(6e9);
        assertThat(patched).containsExactlyInAnyOrderElementsOf(ServeCommand.SERVICES);
        for (JsonNode document : documents()) {
            if (typed(document) instanceof PersistentVolumeClaim claim) {
                String name = "foothold/" + claim.getMetadata().getName();
                assertThat(classless).contains(name);
                assertThat(volumes).containsKey(name);
                assertThat(volumes.get(name).getSpec().getAccessModes())
                        .containsAll(claim.getSpec().getAccessModes());
            }
        }
    }

    /** The metric and its tag are those that the services tell, in all three ways to scale on it. */
    @Test
    void autoscalersAskForTheAgeOfTheOldestWork() throws IOException {
        Path component = K8S.resolve("components/autoscaling");
        String metric = "foothold_work_oldest_seconds";
        for (JsonNode document : named(component, "resources")) {
            HorizontalPodAutoscaler scaler = (HorizontalPodAutoscaler) typed(document);
            String target = scaler.getSpec().getScaleTargetRef().getName();
            assertThat(target).isIn(ServeCommand.SERVICES);
            var external = scaler.getSpec().getMetrics().get(0).getExternal();
            assertThat(external.getMetric().getName()).isEqualTo(metric);
            assertThat(external.getMetric().getSelector().getMatchLabels()).containsOnly(Map.entry("service", target));
            assertThat(external.getTarget().getType()).isEqualTo("Value");
        }
        assertThat(Metric.WORK_OLDEST.prometheus()).isEqualTo(metric);
        assertThat(Files.readString(component.resolve("keda.yaml")))
                .contains("max(" + metric + "{namespace=\"foothold\",service=\"sampler\"})");
        assertThat(YAML.readTree(component
                                .resolve("prometheus-adapter-rule.yaml")
                                .toFile())
                        .path("externalRules")
                        .get(0)
                        .path("seriesQuery")
                        .asText())
                .startsWith(metric + "{");
    }
}
