package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The files below k8s as trees. */
final class Manifests {
    static final Path K8S = Path.of(System.getProperty("foothold.root"), "k8s");
    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());

    private Manifests() {}

    /** The documents of a file. */
    static List<JsonNode> documents(Path file) throws IOException {
        try (MappingIterator<JsonNode> all = YAML.readerFor(JsonNode.class).readValues(file.toFile())) {
            return all.readAll();
        }
    }

    /** Every Deployment of the base and of the frozen policy, which may come with any of it. */
    static List<JsonNode> deployments() throws IOException {
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
}
